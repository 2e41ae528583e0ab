"""Benchmarks: the seam that one is written to, and the weather that all of them are run in.

`seam` says what a suite is, `Weathered` makes its tool calls under weather, and
`suites.workflows` is the one that Stormproof brings with it.
"""

from stormproof.suites.seam import Environment, Suite
from stormproof.suites.weathered import Weathered

__all__ = ["Environment", "Suite", "Weathered"]
