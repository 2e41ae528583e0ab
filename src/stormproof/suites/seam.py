"""What a suite is: all that the rest of Stormproof asks of a benchmark.

A suite brings tools, tasks, the words that a model is given, and an Environment in which a task is
worked on. It knows nothing of models, endpoints or weather: `Weathered` stands between an agent and
the Environment, so that the same storms fall on every suite. To everybody else a tool is its
`ToolSpec` and a name that `Environment.run` answers to; how it works is the suite's own affair.

Everything here is deterministic: equal arguments give equal answers, on every machine.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, Self

from stormproof.domain.calls import Message
from stormproof.domain.conditions import Condition, Difficulty, TaskType, WeatherMode
from stormproof.domain.tasks import Standing, Step, Task, ToolResult, ToolSpec, Trouble


class Environment(Protocol):
    """Where one trial's tools work: what they see and change. No weather falls here."""

    def run(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Make one tool call; the effects stay. A simulated failure is a value.

        The code INVALID_INPUT is for arguments that cannot be used, and for nothing else. Raises
        SuiteError for a name that is no tool. Whatever else a bug raises ends its episode alone.
        """

    def copied(self) -> Self:
        """An environment in the same state, in which a tool call can be tried out.

        It takes the place of this one where that call is made next.
        """

    def standing(self) -> Standing:
        """How things stand, judged by the task, after a tool call that took effect."""

    def falsify(self, handle: str, pick: int) -> tuple[Any, str]:
        """Make a stored result false, as `pick` (32 bits, uniform) has it: its value now, and how.

        Only for results of the suite's `falsifiable` tools.
        """


class Suite(Protocol):
    """A benchmark."""

    @property
    def version(self) -> str:
        """Part of every trial's identity: another one wherever a task or a word differs."""

    @property
    def tools(self) -> Mapping[str, ToolSpec]:
        """Name → what a model may know of the tool, in the order in which tools are shown.

        A tool's `errors` hold one code at least that weather may give (none of `weather.FACTS`).
        """

    @property
    def falsifiable(self) -> Collection[str]:
        """The tools that silent weather falsifies: they bring in data, and change nothing."""

    @property
    def completion_phrase(self) -> str:
        """What an agent writes when it is done."""

    def task_ids(
        self, task_type: TaskType, difficulty: Difficulty, count: int | None = None
    ) -> Sequence[str]:
        """The first `count` ids of a type and level; by default as many as belong to the suite."""

    def load_task(self, task_id: str, seed: int = 0) -> Task:
        """The task of an id under a suite seed. Raises SuiteError for an id that is none."""

    def find_task(self, text: str, seed: int | None = None) -> Task | None:
        """The task whose description stands in a text; with `seed` only one of that suite seed."""

    def opening(self, task: Task, condition: Condition) -> tuple[Message, ...]:
        """The messages that an episode starts with."""

    def shown_plan(self, task: Task, condition: Condition) -> tuple[Step, ...]:
        """The plan that the opening shows, with arguments: none for prompts without one."""

    def search(self, query: str) -> tuple[ToolSpec, ...]:
        """The tools that fit what a model says it needs, best first; perhaps none."""

    def environment(self, task: Task) -> Environment:
        """A new Environment for one trial of the task."""

    def troubles(self, task: Task, weather: WeatherMode) -> Sequence[Trouble]:
        """What may befall a whole trial of the task under a kind of weather: one of these.

        Each leaves another way to the goal. Empty for weather that has none, or where no other way
        is known.
        """

    def turn_budget(self, task: Task, condition: Condition) -> int:
        """The turns that an episode may take: the condition's own number where it has one."""

    def ceiling(self, task: Task, condition: Condition) -> float:
        """The best chance of full success that any agent could have, in [0, 1]."""
