"""A provider emulator: real HTTP, real limits, real faults; the models are simulated."""

from stormproof.emulator.credentials import emulated, emulated_key
from stormproof.emulator.options import (
    Change,
    EmulatorOptions,
    Latency,
    Outage,
    Rule,
    load_options,
    read_options,
)
from stormproof.emulator.process import emulator_process
from stormproof.emulator.settings import Settings, pool_endpoints

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
