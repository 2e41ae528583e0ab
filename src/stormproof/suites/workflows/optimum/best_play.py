"""The ceiling shown in reports, and the best next tool call."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from stormproof.domain.conditions import WeatherMode
from stormproof.domain.tasks import Step, Task, Trouble
from stormproof.suites.workflows.optimum.decision_process import (
    NOTHING_HELPS,
    Policy,
    Position,
    value,
)
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind
from stormproof.suites.workflows.optimum.state_space import FILLER
from stormproof.suites.workflows.optimum.support_steps import sampled
from stormproof.suites.workflows.optimum.trial_run import Ran, trial_run
from stormproof.suites.workflows.optimum.troubles import troubles
from stormproof.suites.workflows.optimum.workflow import (
    Part,
    examination,
    free_workflow,
    parts_of,
)

SAFE_STEP = Step("utility_helper", {}, "Look around, which nothing depends on")
"""A tool call that changes nothing and needs nothing: the solver's filler."""

_ERROR = 400


@once_per_kind
def ceiling(task: Task, rate: float, max_turns: int, weather: WeatherMode = "before") -> float:
    """The best chance of full success that any agent could have, in [0, 1].

    Required steps may come in any order that the World allows, with data worked out by heart.
    Exact under `before` (`state_space` says when it is a bound); under the other kinds of weather
    an upper bound, of an agent that knows more than it can see (`workflow.assembled`). Where each
    trial has one of several troubles, the mean over them.
    """
    found = troubles(task, weather) or (None,)
    values = [value(free_workflow(task, weather, each), rate, max_turns) for each in found]
    return statistics.fmean(values)


class Guide:
    """The best agent: it knows the task by heart, and the weather's formula, but not its draws.

    Under weather other than `before` it must be told what no agent can see: what did its work, and
    which trouble there is. Then it reaches the ceiling, which so is shown to be the least bound.
    """

    def __init__(
        self,
        task: Task,
        rate: float,
        max_turns: int,
        weather: WeatherMode = "before",
        trouble: Trouble | None = None,
    ) -> None:
        workflow = free_workflow(task, weather, trouble)
        self._policy = Policy(workflow, rate, max_turns)
        self._steps = _steps(task, trouble)
        self._filler = _reading(task) if weather == "silent" else SAFE_STEP
        self.value = self._policy.value

    def next_step(self, outcomes: Sequence[tuple[bool, bool]]) -> Step | None:
        """The best next tool call; None when nothing is left to do or to hope for.

        `outcomes` are those of all calls so far of an agent that has followed this guide from the
        start: whether each looked like a success, and whether it did its work.
        """
        position = Position()
        for seen, worked in outcomes:
            position = self._policy.after(position, seen=seen, worked=worked)
        action = self._policy.action(position)
        if action == NOTHING_HELPS:
            return None
        return self._filler if action == FILLER else self._steps[action]


def _steps(task: Task, trouble: Trouble | None) -> list[Step]:
    """The tool call of each item."""
    ran = trial_run(task)
    steps = [_step(task, ran, part) for part in parts_of(task)]
    if trouble is not None and trouble.until:
        told = next((step for step in steps if step.tool == trouble.tool), SAFE_STEP)
        required = [part.place is not None for part in parts_of(task)]
        twins = [s for s, r in zip(steps, required, strict=True) if r and s.tool == trouble.until]
        steps += [told, sampled(trouble.until), *twins]
    return steps


def _step(task: Task, ran: Sequence[Ran], part: Part) -> Step:
    if part.place is None:
        return sampled(part.tool)
    step = ran[part.place].given
    if step.tool == part.tool:
        return step
    return Step(part.tool, examination(task, ran[part.place], part.tool) or {})


def _reading(task: Task) -> Step:
    """A call that silent weather lets seem a success every time, where the task has any."""
    if task.files:
        return Step("file_operations_reader", {"path": next(iter(task.files))})
    open_urls = (u for u, r in task.resources.items() if r.credential is None and r.status < _ERROR)
    url = next(open_urls, None)
    return Step("network_fetcher", {"url": url}) if url else SAFE_STEP
