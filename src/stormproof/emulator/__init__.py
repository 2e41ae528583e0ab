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
from stormproof.emulator.process import Emulation, emulator_process, pool_endpoints, serve
from stormproof.emulator.routing import emulated, emulated_key

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
    "serve",
]
