"""`stormproof plan --power 0.05`: how many instances a difference needs to be seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from stormproof.errors import ConfigError
from stormproof.plan import Plan, PlannedCell

RATES = (0.5, 0.8, 0.95)  # the mean of the two success rates that are compared; 0.5 asks the most
ALIKE: Final = 0.3  # correlation between differences of one task under several conditions
_TREATMENTS: Final = {
    "two models": "model",
    "two prompt types": "prompt_type",
    "two tool success rates": "tool_success_rate",
}


class SampleSize(Struct, frozen=True):
    """At 5 % (two-sided, paired) and 80 % power, with a correlation of 0.5 between the pair.

    `tasks` are pairs of tasks, each tried `trials_a_task` times on either side; `instances` are
    per task type, so that all types together hold them. `planned` are the tasks that the plan has
    on both sides, and `seen` is the smallest difference that they would show.
    """

    comparison: str
    rate: float
    tasks: int
    instances: int
    planned: int
    seen: float
    trials_a_task: int = 1


class PairedDesign(Struct, frozen=True):
    """What a plan compares: `blocks` of tasks (task type × difficulty) under all values at once."""

    comparison: str
    blocks: int
    trials_a_task: int

    @property
    def share(self) -> float:
        """A task's variance over that of one pair of trials: its trials are alike by `ALIKE`."""
        return (1 + (self.trials_a_task - 1) * ALIKE) / self.trials_a_task


def paired_designs(plan: Plan) -> Iterator[PairedDesign]:
    """The comparisons that the plan holds, over the cells that all compared values have."""
    for comparison, treatment in _TREATMENTS.items():
        sides: dict[object, set[tuple[object, ...]]] = {}
        for cell in plan.cells:
            if treatment == "model" or cell.model == plan.models[0]:
                value, setting = _split(cell, treatment)
                sides.setdefault(value, set()).add(setting)
        shared = set[tuple[object, ...]].intersection(*sides.values()) if sides else set()
        if len(sides) > 1 and shared:
            blocks = len({setting[:2] for setting in shared})
            trials = len(shared) * plan.options.replicates // blocks
            yield PairedDesign(comparison, blocks, trials)


def _split(cell: PlannedCell, treatment: str) -> tuple[object, tuple[object, ...]]:
    """The value of the treatment, and all else: task type and difficulty first."""
    condition = cell.condition
    fields = {name: getattr(condition, name) for name in condition.__struct_fields__}
    fields["model"] = cell.model
    value, difficulty = fields.pop(treatment), fields.pop("difficulty")
    if treatment == "prompt_type":
        del fields["severity"]  # how wrong a flawed plan is: part of the prompt
    return value, (cell.task_type, difficulty, *fields.values())


def sample_sizes(plan: Plan, difference: float) -> list[SampleSize]:
    """What each of the plan's comparisons needs, per mean rate. Raises `ConfigError`."""
    from stormproof.stats import detectable_difference, tasks_needed  # noqa: PLC0415  scipy is heavy

    if not 0.001 <= difference < 1:  # noqa: PLR2004  below a thousandth no budget would do
        raise ConfigError(
            f"--power: found {difference:g}; allowed: a difference from 0.001 to below 1",
            hint="stormproof plan --power 0.05 asks for differences of 5 percentage points",
        )
    return [
        SampleSize(
            comparison=design.comparison,
            rate=rate,
            tasks=(tasks := math.ceil(tasks_needed(difference, rate=rate) * design.share)),
            instances=math.ceil(tasks / design.blocks),
            planned=(planned := design.blocks * plan.options.num_instances),
            seen=round(detectable_difference(math.floor(planned / design.share), rate=rate), 3),
            trials_a_task=design.trials_a_task,
        )
        for design in paired_designs(plan)
        for rate in RATES
    ]
