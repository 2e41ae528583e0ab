"""Grids of conditions: the named scenarios, and the one that the flags describe.

A scenario is data. Where several are asked for, their union is planned; a trial that two of
them share is one trial, and its results count in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeVar

from msgspec import Struct

from stormproof.domain.conditions import (
    FLAWED_PREFIX,
    FLAWS,
    TASK_TYPES,
    Condition,
    Difficulty,
    TaskType,
    WeatherMode,
)
from stormproof.errors import PlanError
from stormproof.plan.run_options import RunOptions

T = TypeVar("T")


class Scenario(Struct, frozen=True):
    """A named grid; `levels` takes one rate after another.

    `models` () means all of the run, `task_types` () all, `weathers` () the one asked for.
    """

    name: str
    title: str
    prompt_types: tuple[str, ...] = ("optimal",)
    difficulties: tuple[Difficulty, ...] = ("easy",)
    tool_success_rates: tuple[float, ...] = (0.8,)
    models: tuple[str, ...] = ()
    task_types: tuple[TaskType, ...] = ()
    weathers: tuple[WeatherMode, ...] = ()
    levels: bool = False


QWEN_SIZES = tuple(f"qwen2.5-{size}-instruct" for size in ("72b", "32b", "14b", "7b", "3b"))

SCENARIOS: dict[str, Scenario] = {
    s.name: s
    for s in (
        Scenario("5.1", "baseline"),
        Scenario("5.2", "scale", difficulties=("very_easy", "medium"), models=QWEN_SIZES),
        Scenario("5.3", "flawed instructions", tuple(FLAWED_PREFIX + flaw for flaw in FLAWS)),
        Scenario("5.4", "tool reliability", tool_success_rates=(0.9, 0.8, 0.7, 0.6), levels=True),
        Scenario("5.5", "prompt sensitivity", ("baseline", "cot", "optimal")),
        Scenario("6.1", "open", ("baseline",), ("hard", "very_hard")),
        Scenario("6.2", "deceit", ("baseline",), weathers=("silent", "outage", "sticky")),
        Scenario(
            "6.3", "long", ("baseline",), ("very_hard",), task_types=("multi_stage_pipeline",)
        ),
    )
}

FREE = Scenario("", "the grid that the flags describe", ("baseline", "cot", "optimal"))


class GridCell(Struct, frozen=True):
    """One condition for one model and task type. `level` orders it; `scenarios` are its owners."""

    model: str
    condition: Condition
    task_type: TaskType
    level: int
    scenarios: tuple[str, ...]


def grid(options: RunOptions, models: tuple[str, ...]) -> tuple[GridCell, ...]:
    """Every part that the options ask of `models`, each once, in a fixed order.

    Axes given together with a scenario narrow it. Raises `PlanError` where nothing is left.
    """
    merged: dict[tuple[str, Condition, TaskType], GridCell] = {}
    for scenario in [SCENARIOS[name] for name in options.scenarios] or [FREE]:
        parts = list(_parts(scenario, options, models))
        if not parts:
            raise _nothing_left(scenario, models)
        for part in parts:
            where = (part.model, part.condition, part.task_type)
            merged[where] = _merge(merged[where], part) if where in merged else part
    return tuple(merged.values())


def prompt_type_count(options: RunOptions) -> int:
    """Distinct prompt types in the run, over all its scenarios."""
    names = [SCENARIOS[name] for name in options.scenarios] or [FREE]
    return len({p for s in names for p in _axis(s, options.prompt_types, s.prompt_types)})


def _parts(scenario: Scenario, options: RunOptions, models: tuple[str, ...]) -> Iterator[GridCell]:
    axes = product(
        [m for m in models if not scenario.models or m in scenario.models],
        enumerate(_axis(scenario, options.tool_success_rates, scenario.tool_success_rates)),
        _axis(scenario, options.difficulties, scenario.difficulties),
        _axis(scenario, options.prompt_types, scenario.prompt_types),
        options.protocols,
        options.severities,
        scenario.weathers or (options.weather,),
        _axis(scenario, options.task_types, scenario.task_types or TASK_TYPES),
    )
    owners = (scenario.name,) if scenario.name else ()
    for model, (level, rate), difficulty, prompt_type, protocol, severity, weather, kind in axes:
        condition = Condition(
            prompt_type=prompt_type,
            difficulty=difficulty,
            tool_success_rate=rate,
            protocol=protocol,
            severity=severity if prompt_type.startswith(FLAWED_PREFIX) else "severe",
            weather=weather,
            max_turns=options.max_turns,
        )
        yield GridCell(model, condition, kind, level if scenario.levels else 0, owners)


def _axis(scenario: Scenario, said: tuple[T, ...], own: tuple[T, ...]) -> tuple[T, ...]:
    """What was said; in a scenario, what of its own axis was said."""
    if not said:
        return own
    return tuple(value for value in own if value in said) if scenario.name else said


def _merge(one: GridCell, other: GridCell) -> GridCell:
    owners = tuple(dict.fromkeys((*one.scenarios, *other.scenarios)))
    return GridCell(one.model, one.condition, one.task_type, min(one.level, other.level), owners)


def _nothing_left(scenario: Scenario, models: tuple[str, ...]) -> PlanError:
    if scenario.models and not set(models) & set(scenario.models):
        return PlanError(
            f"--scenario {scenario.name} ({scenario.title}) is about {', '.join(scenario.models)}, "
            "and the run has none of them",
            hint="add one of them to --model and to the pool, or leave the scenario out",
        )
    return PlanError(
        f"--scenario {scenario.name} ({scenario.title}) has nothing in common with the given axes",
        hint=f"its prompt types: {', '.join(scenario.prompt_types)}; "
        f"its difficulties: {', '.join(scenario.difficulties)}; "
        f"its task types: {', '.join(scenario.task_types or TASK_TYPES)}; "
        f"its rates: {', '.join(f'{rate:g}' for rate in scenario.tool_success_rates)}",
    )
