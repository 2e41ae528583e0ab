"""`stormproof plan --power 0.05`: how many instances a difference needs to be seen."""

from __future__ import annotations

import math

from msgspec import Struct

from stormproof.errors import ConfigError
from stormproof.plan import Plan

RATES = (0.5, 0.8, 0.95)  # the mean of the two success rates that are compared; 0.5 asks the most


class SampleSize(Struct, frozen=True):
    """At 5 % (two-sided, McNemar) and 80 % power, with a correlation of 0.5 between the pair.

    `tasks` are pairs of trials; `instances` are per task type, so that all types together hold
    them. `seen` is the smallest difference that the plan as it stands would show.
    """

    rate: float
    tasks: int
    instances: int
    planned: int
    seen: float


def sample_sizes(plan: Plan, difference: float) -> list[SampleSize]:
    """What the plan's comparisons need, per mean rate. Raises `ConfigError`."""
    from stormproof.stats import detectable_difference, tasks_needed  # noqa: PLC0415  scipy is heavy

    if not 0.001 <= difference < 1:  # noqa: PLR2004  below a thousandth no budget would do
        raise ConfigError(
            f"--power: found {difference:g}; allowed: a difference from 0.001 to below 1",
            hint="stormproof plan --power 0.05 asks for differences of 5 percentage points",
        )
    types = len({cell.task_type for cell in plan.cells})
    planned = plan.options.num_instances * types
    return [
        SampleSize(
            rate=rate,
            tasks=(tasks := tasks_needed(difference, rate=rate)),
            instances=math.ceil(tasks / types),
            planned=planned,
            seen=round(detectable_difference(planned, rate=rate), 3),
        )
        for rate in RATES
    ]
