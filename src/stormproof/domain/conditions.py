"""The axes of the grid: what a trial's condition can be."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

TaskType = Literal[
    "simple_task", "basic_task", "data_pipeline", "api_integration", "multi_stage_pipeline"
]
Difficulty = Literal["very_easy", "easy", "medium", "hard", "very_hard", "unrecorded"]
Flaw = Literal[
    "sequence_disorder",
    "tool_misuse",
    "parameter_error",
    "missing_step",
    "redundant_operations",
    "logical_inconsistency",
    "semantic_drift",
]
Severity = Literal["light", "medium", "severe"]
Protocol = Literal["text", "native", "hermes"]
WeatherMode = Literal["before", "ambiguous", "silent", "outage", "sticky"]

TASK_TYPES: tuple[TaskType, ...] = TaskType.__args__  # type: ignore[attr-defined]
# What can be asked for: `unrecorded` (with UNRECORDED_RATE) is for imported episodes alone.
DIFFICULTIES: tuple[Difficulty, ...] = Difficulty.__args__[:-1]  # type: ignore[attr-defined]
UNRECORDED_RATE = -1.0
FLAWS: tuple[Flaw, ...] = Flaw.__args__  # type: ignore[attr-defined]
SEVERITIES: tuple[Severity, ...] = Severity.__args__  # type: ignore[attr-defined]
PROTOCOLS: tuple[Protocol, ...] = Protocol.__args__  # type: ignore[attr-defined]
WEATHER_MODES: tuple[WeatherMode, ...] = WeatherMode.__args__  # type: ignore[attr-defined]
FLAWED_PREFIX = "flawed_"
PROMPT_TYPES: tuple[str, ...] = (
    "baseline",
    "cot",
    "optimal",
    *(FLAWED_PREFIX + flaw for flaw in FLAWS),
)


class Condition(Struct, frozen=True):
    """What a task is run under. Two trials with equal conditions are comparable cells.

    `max_turns` 0 stands for the task's own budget: `Suite.turn_budget` gives the number in force.
    """

    prompt_type: str
    difficulty: Difficulty
    tool_success_rate: float
    protocol: Protocol = "text"
    severity: Severity = "severe"
    weather: WeatherMode = "before"
    max_turns: int = 0

    @property
    def flaw(self) -> str | None:
        """The flaw's name for a `flawed_*` prompt type, else None."""
        return self.prompt_type.removeprefix(FLAWED_PREFIX) if self.is_flawed else None

    @property
    def is_flawed(self) -> bool:
        """Whether the plan shown in the prompt is a flawed one."""
        return self.prompt_type.startswith(FLAWED_PREFIX)
