import functools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stormproof.domain.conditions import TASK_TYPES, Condition, WeatherMode
from stormproof.domain.episodes import FAILURES_IN_A_ROW
from stormproof.domain.tasks import Execution, Step, Task
from stormproof.domain.trials import seed_of
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.optimum import Guide, ceiling, own_turns, troubles
from stormproof.suites.workflows.optimum.workflow import required_parts
from stormproof.suites.workflows.tasks import load_task

RATES = (0.6, 0.8, 1.0)
Play = Callable[[Weathered, Task, int, WeatherMode], Iterator[Execution]]


@functools.cache
def some_tasks() -> tuple[Task, ...]:
    """One of each type, of the levels whose data is small."""
    levels = ("easy", "medium", "very_easy", "easy", "medium")
    return tuple(
        load_task(f"{t}.{level}.00004") for t, level in zip(TASK_TYPES, levels, strict=True)
    )


def played(play: Play, task: Task, rate: float, weather: WeatherMode, seed: int) -> Weathered:
    turns = own_turns(task, weather)
    condition = Condition("baseline", task.difficulty, rate, weather=weather)
    weathered = Weathered(WORKFLOWS, task, condition, seed)
    row = 0
    for made, execution in enumerate(play(weathered, task, turns, weather), 1):
        row = 0 if execution.ok else row + 1
        if made == turns or row == FAILURES_IN_A_ROW:
            break
    return weathered


def guided(rate: float) -> Play:
    """The best agent, told what no agent can see."""

    def play(
        weathered: Weathered, task: Task, turns: int, weather: WeatherMode
    ) -> Iterator[Execution]:
        guide = known_guide(task.task_id, rate, turns, weather, weathered.trouble)
        outcomes: list[tuple[bool, bool]] = []
        while step := guide.next_step(outcomes):
            made = weathered.call(step.tool, step.arguments)
            told = made.cause == "weather" and made.probability == 0
            outcomes.append((made.ok, told or (made.took_effect and not made.tampered)))
            yield made

    return play


@functools.cache
def known_guide(task_id: str, *arguments: Any) -> Guide:
    return Guide(load_task(task_id), *arguments)


def full(weathered: Weathered) -> bool:
    return weathered.standing.goal_met and not weathered.standing.collateral


def measured(play: Play, rate: float, weather: WeatherMode, episodes: int) -> tuple[float, float]:
    """How far above the ceiling the successes are, in standard errors, and the share of it."""
    won = expected = variance = 0.0
    for task in some_tasks():
        most = ceiling(task, rate, own_turns(task, weather), weather)
        for number in range(episodes):
            seed = seed_of(weather, task.task_id, number)
            won += full(played(play, task, rate, weather, seed))
            expected += most
            variance += most * (1 - most)
    return (won - expected) / math.sqrt(variance), won / expected


@pytest.mark.parametrize("weather", ["before", "ambiguous", "silent", "outage", "sticky"])
def test_the_best_agent_reaches_the_ceiling_in_the_environment(weather: WeatherMode) -> None:
    distance, _ = measured(guided(0.6), 0.6, weather, 20)
    assert abs(distance) < 3.3


def looking_first(
    weathered: Weathered, task: Task, turns: int, weather: WeatherMode
) -> Iterator[Execution]:
    """A real agent of ambiguous weather: after a timeout it looks what has come of it.

    It looks by naming a result that is not there, for the refusal lists all that are, and falls on
    nobody by chance.
    """
    guide = known_guide(task.task_id, 0.6, turns, weather, None)
    outcomes: list[tuple[bool, bool]] = []
    known = Counter[str]()  # tool → results of it that the agent knows of
    while step := guide.next_step(outcomes[:turns]):
        made = weathered.call(step.tool, step.arguments)
        yield made
        worked = made.ok
        if made.handle:
            known[made.tool] = int(made.handle.rpartition("_")[2])
        if made.error_code == "TIMEOUT":
            look = weathered.call("utility_cache", {"key": "look", "input": "no_such_1"})
            yield look
            worked = f"{made.tool}_{known[made.tool] + 1}" in look.message
            known[made.tool] += worked
        outcomes.append((made.ok, worked))


def test_who_looks_first_under_ambiguous_weather_never_passes_the_ceiling() -> None:
    distance, share = measured(looking_first, 0.6, "ambiguous", 20)
    assert distance < 3.3
    assert share > 0.75


def test_ceilings_rise_with_the_rate_and_with_the_turns() -> None:
    for task in some_tasks():
        for weather in ("before", "ambiguous", "silent", "outage", "sticky"):
            turns = own_turns(task, weather)
            values = [ceiling(task, rate, turns, weather) for rate in RATES]
            assert values == sorted(values)
            assert ceiling(task, 0.6, turns - 1, weather) < values[0]


def test_every_trouble_leaves_another_way() -> None:
    for task in some_tasks():
        needed = {part.tool for part in required_parts(task)}
        assert not needed.intersection(trouble.tool for trouble in troubles(task, "outage"))
        assert ceiling(task, 1.0, 100, "outage") == 1
        assert ceiling(task, 1.0, 100, "sticky") == 1
        for trouble in troubles(task, "sticky"):
            assert trouble.until in trouble.message
            assert trouble.until != trouble.tool


def test_the_guide_knows_when_nothing_is_left_to_hope_for() -> None:
    task = some_tasks()[0]
    guide = Guide(task, 0.8, 1)
    assert guide.next_step([]) is None
    assert isinstance(Guide(task, 0.8, 10).next_step([]), Step)
