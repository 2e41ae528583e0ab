"""Full and partial success as one number."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WEIGHTS: Mapping[str, float] = MappingProxyType({"full": 1.0, "partial": 0.5, "failed": 0.0})


def weighted_success(full: int, partial: int, scored: int) -> float | None:
    """(full + 0.5 × partial) / scored, in [0, 1]; None where nothing was scored."""
    if scored == 0:
        return None
    return (WEIGHTS["full"] * full + WEIGHTS["partial"] * partial) / scored
