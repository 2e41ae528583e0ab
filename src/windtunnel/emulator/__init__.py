"""A provider emulator: real HTTP, real limits, real faults; the models are simulated."""

from windtunnel.emulator.credentials import emulated, emulated_key
from windtunnel.emulator.options import (
    Change,
    EmulatorOptions,
    Latency,
    Outage,
    Rule,
    load_options,
    read_options,
)
from windtunnel.emulator.process import emulator_process
from windtunnel.emulator.settings import Settings, pool_endpoints

__all__ = [
    "Change",
    "EmulatorOptions",
    "Latency",
    "Outage",
    "Rule",
    "Settings",
    "emulated",
    "emulated_key",
    "emulator_process",
    "load_options",
    "pool_endpoints",
    "read_options",
]
