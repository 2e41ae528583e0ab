"""The built-in benchmark as a Suite: its rooms behind one face.

Prompts and ceilings need numpy (40 ms), which who plans or emulates does without: they are imported
where they are asked for, and the episode room asks when it is imported itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from stormproof.domain.calls import Message
from stormproof.domain.conditions import Condition, WeatherMode
from stormproof.domain.tasks import Standing, Step, Task, ToolResult, ToolSpec, Trouble
from stormproof.suites.seam import Suite
from stormproof.suites.workflows.falsehoods import FALSIFIABLE, falsify
from stormproof.suites.workflows.goals import standing
from stormproof.suites.workflows.search import search
from stormproof.suites.workflows.tasks import SUITE_VERSION, find_task, load_task, task_ids
from stormproof.suites.workflows.tools import CATALOGUE, run_tool
from stormproof.suites.workflows.world import World


class WorldEnvironment:
    """A World, the catalogue's tools on it, and the task's checks of it."""

    __slots__ = ("world",)

    def __init__(self, world: World) -> None:
        self.world = world

    def run(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Run a catalogue tool on the World."""
        return run_tool(self.world, tool, arguments)

    def copied(self) -> WorldEnvironment:
        """With a World of its own; stored values are shared, for no tool changes them."""
        return WorldEnvironment(self.world.copied())

    def standing(self) -> Standing:
        """What the task's checks and milestones say of the World."""
        return standing(self.world)

    def falsify(self, handle: str, pick: int) -> tuple[Any, str]:
        """As `falsehoods` has it."""
        return falsify(self.world, handle, pick)


class Workflows:
    """The suite `workflows`; `Suite` says what each part is."""

    version = SUITE_VERSION
    tools: Mapping[str, ToolSpec] = MappingProxyType(
        {name: tool.spec for name, tool in CATALOGUE.items()}
    )
    falsifiable = FALSIFIABLE
    task_ids = staticmethod(task_ids)
    load_task = staticmethod(load_task)
    find_task = staticmethod(find_task)
    search = staticmethod(search)

    @property
    def completion_phrase(self) -> str:
        """As the prompts have it."""
        from stormproof.suites.workflows.prompts import COMPLETION_PHRASE  # noqa: PLC0415  numpy

        return COMPLETION_PHRASE

    def opening(self, task: Task, condition: Condition) -> tuple[Message, ...]:
        """One system message and one user message."""
        from stormproof.suites.workflows.prompts import opening  # noqa: PLC0415  numpy

        return opening(task, condition)

    def shown_plan(self, task: Task, condition: Condition) -> tuple[Step, ...]:
        """The best plan for the condition, or that plan after a flaw."""
        from stormproof.suites.workflows.prompts import shown_plan  # noqa: PLC0415  numpy

        return shown_plan(task, condition)

    def environment(self, task: Task) -> WorldEnvironment:
        """The task's World as it is at the beginning."""
        return WorldEnvironment(World(task))

    def troubles(self, task: Task, weather: WeatherMode) -> tuple[Trouble, ...]:
        """Tools that are down though others stand in for them, or that wait for another."""
        if weather not in {"outage", "sticky"}:
            return ()
        from stormproof.suites.workflows.optimum import troubles  # noqa: PLC0415  numpy

        return troubles(task, weather)

    def turn_budget(self, task: Task, condition: Condition) -> int:
        """The condition's number of turns, or the task's own, by its plan."""
        from stormproof.suites.workflows.optimum import turn_budget  # noqa: PLC0415  numpy

        return turn_budget(task, condition)

    def ceiling(self, task: Task, condition: Condition) -> float:
        """The value of the task's decision process: `optimum` says where it is a bound."""
        from stormproof.suites.workflows.optimum import ceiling  # noqa: PLC0415  numpy

        rate, turns = condition.tool_success_rate, self.turn_budget(task, condition)
        return ceiling(task, rate, turns, condition.weather)


WORKFLOWS: Suite = Workflows()
"""The built-in benchmark."""
