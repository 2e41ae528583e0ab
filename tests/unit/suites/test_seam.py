"""A suite of somebody else's: all that it takes, and what it gets for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from stormproof.domain.calls import Message
from stormproof.domain.conditions import Condition, Difficulty, TaskType, WeatherMode
from stormproof.domain.tasks import Check, Standing, Step, Task, ToolResult, ToolSpec, Trouble
from stormproof.errors import SuiteError
from stormproof.suites import Suite, Weathered
from stormproof.suites.weather import draw

COUNT = ToolSpec("count", "", "Adds one.", {"type": "object"}, {}, ("INVALID_INPUT", "TIMEOUT"))
TASK = Task(
    "t", "simple_task", "easy", "Two.", ("count",), (Step("count"),) * 2, (Check("", "", 2),)
)


class Counter:
    """An Environment that is a number."""

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def run(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        if arguments:
            return ToolResult(ok=False, error_code="INVALID_INPUT", message=f"{tool} takes none.")
        self.number += 1
        return ToolResult(ok=True, value=self.number, handle=f"count_{self.number}")

    def copied(self) -> Counter:
        return Counter(self.number)

    def falsify(self, handle: str, pick: int) -> tuple[Any, str]:
        return f"{handle}?", ("wrong value", "stale")[pick % 2]

    def standing(self) -> Standing:
        return Standing(self.number == 2, min(self.number, 2) / 2)


class Counting:
    version = "1"
    tools: Mapping[str, ToolSpec] = {"count": COUNT}
    falsifiable = ("count",)
    completion_phrase = "THE END"

    def task_ids(
        self, task_type: TaskType, difficulty: Difficulty, count: int | None = None
    ) -> Sequence[str]:
        return [f"{task_type}.{difficulty}"][:count]

    def load_task(self, task_id: str, seed: int = 0) -> Task:
        raise SuiteError(f"{task_id} of {seed}")

    def find_task(self, text: str, seed: int | None = None) -> Task | None:
        return TASK if TASK.description in text and not seed else None

    def opening(self, task: Task, condition: Condition) -> tuple[Message, ...]:
        return (Message("user", f"{task.description} {condition.max_turns} turns."),)

    def shown_plan(self, task: Task, condition: Condition) -> tuple[Step, ...]:
        return task.solution if condition.prompt_type == "optimal" else ()

    def search(self, query: str) -> tuple[ToolSpec, ...]:
        return (COUNT,) if query else ()

    def environment(self, task: Task) -> Counter:
        return Counter(len(task.files))

    def troubles(self, task: Task, weather: WeatherMode) -> Sequence[Trouble]:
        return [
            Trouble(tool, message="Not today.")
            for tool in task.required_tools
            if weather == "outage"
        ]

    def turn_budget(self, task: Task, condition: Condition) -> int:
        return condition.max_turns or len(task.solution)

    def ceiling(self, task: Task, condition: Condition) -> float:
        return condition.tool_success_rate ** len(task.solution)


SUITE: Suite = Counting()


def weathered(rate: float, seed: int = 0, weather: WeatherMode = "before") -> Weathered:
    return Weathered(SUITE, TASK, Condition("baseline", "easy", rate, weather=weather), seed)


def test_calm_weather_leaves_all_to_the_suite() -> None:
    calls = weathered(1.0)
    done = [calls.call("count", {}) for _ in range(3)]
    assert [e.goal_met for e in done] == [False, True, False]
    assert calls.value == 3


@pytest.mark.parametrize("seed", range(20))
def test_the_same_storms_fall_on_every_suite(seed: int) -> None:
    calls = weathered(0.5, seed)
    first = calls.call("count", {})
    assert first.ok == (draw(seed, "count", 0).u <= 0.5)
    assert (first.cause, calls.value) == (("", 1) if first.ok else ("weather", None))
    assert first.error_code in {None, "TIMEOUT"}


def test_a_suite_says_what_is_false_and_what_is_down() -> None:
    seed = next(seed for seed in range(99) if draw(seed, "count", 0).u > 0.5)
    false = weathered(0.5, seed, "silent").call("count", {})
    assert (false.ok, false.cause, false.took_effect) == (True, "weather", True)
    assert false.tampered in {"wrong value", "stale"}
    down = weathered(1.0, seed, "outage").call("count", {})
    assert (down.error_code, down.message, down.probability) == ("TIMEOUT", "Not today.", 0)


def test_arguments_fail_by_themselves_and_change_nothing() -> None:
    calls = weathered(0.05)
    assert calls.call("count", {"by": 2}).cause == "arguments"
    assert not calls.call("count", {"by": 2}).took_effect


def test_a_tool_that_the_suite_has_not_is_a_bug_of_the_caller() -> None:
    with pytest.raises(SuiteError, match="no tool called 'add'"):
        weathered(1.0).call("add", {})


@pytest.mark.parametrize("broken", ["run", "standing"])
@pytest.mark.parametrize("error", [KeyError("a model's words"), OverflowError(), RecursionError()])
def test_whatever_a_suite_raises_is_its_own_fault_told_without_what_a_model_wrote(
    broken: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise error

    monkeypatch.setattr(Counter, broken, breaks)
    with pytest.raises(SuiteError) as caught:
        weathered(1.0).call("count", {})
    what = {"run": "count", "standing": "the goal check"}[broken]
    assert caught.value.message.startswith(f"{what} raised {type(error).__name__} at test_seam.py:")
    assert "words" not in caught.value.message + caught.value.hint
