"""A provider emulator: real HTTP, real limits, real faults; the models are simulated."""

from stormproof.emulator.behaviour import (
    Change,
    EmulatorOptions,
    Latency,
    Outage,
    Rule,
    load_options,
    read_options,
)
from stormproof.emulator.emulation import Emulation, emulated, emulated_key, pool_endpoints
from stormproof.emulator.process import emulator_process

__all__ = [
    "Change",
    "Emulation",
    "EmulatorOptions",
    "Latency",
    "Outage",
    "Rule",
    "emulated",
    "emulated_key",
    "emulator_process",
    "load_options",
    "pool_endpoints",
    "read_options",
]
