"""What the report's tables share: headings, what goes under them, and the notes below."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from stormproof.domain.conditions import DIFFICULTIES, FLAWED_PREFIX, PROMPT_TYPES, Condition
from stormproof.report.cell_figures import CellFigures
from stormproof.report.common_cells import Aligned
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import Column, ReportTable, Value
from stormproof.report.results import SIMULATED_NOTE

SIMULATED = "SIMULATED"
_MOST_CELLS = 6

INTERVALS = (
    "Success is full success: the goal was met. Intervals are 95 %: Wilson's, clustered by task "
    "where a task was run more than once, and by archetype where tasks of one are alike."
)
INFRASTRUCTURE = (
    "Infrastructure failures (timeouts, refusals, broken replies) are not the model's: they are "
    "in no rate and are run again by the next run. Blocked episodes, which a provider's filter "
    "ended, are in no rate either."
)
BOUNDS = (
    "If lost: success had all trials that were tried and not scored failed, and had all succeeded."
)
CEILING = (
    "Ceiling is the best success probability that any agent could reach at these tool success "
    "rates and turn budgets; share of ceiling is success divided by it, above 100 % by luck alone."
)

COUNTS = (
    Column("scored", "count"),
    Column("infra", "count", "ended by infrastructure: not scored, in no rate"),
    Column("blocked", "count", "ended by a provider's filter: final, in no rate"),
)
LEVELS = (
    Column("full", "count", "scored episodes whose goal was met"),
    Column("partial", "count"),
    Column("failed", "count"),
)
SUCCESS = (
    Column("success %", "interval", "full success over scored, with its 95 % interval"),
    Column("if lost %", "percent", "had all unscored trials failed, and had all succeeded"),
    Column("ceiling %", "percent", "best that any agent could reach"),
    Column("share of ceiling %", "interval", "success divided by the ceiling"),
)
FLAGS = Column("flags", "text", "what should keep you from reading the row as a result")


def marked(table: ReportTable, simulated: Collection[str]) -> ReportTable:
    """Each model that the emulator answered for is marked so, in words, wherever it is named."""
    named = [i for i, column in enumerate(table.columns) if column.title in {"model", "against"}]
    rows = tuple(
        tuple(
            f"{value} ({SIMULATED})" if i in named and value in simulated else value
            for i, value in enumerate(row)
        )
        for row in table.rows
    )
    return replace(table, rows=rows)


def simulated_models(episodes: EpisodeRows) -> frozenset[str]:
    """Models with an episode that the emulator answered."""
    return frozenset(episodes.at(episodes.numbers("simulated") > 0).values("model"))


def counts(cell: CellFigures) -> tuple[Value, ...]:
    """What goes under `COUNTS`."""
    return cell.scored, cell.infrastructure, cell.blocked


def levels(cell: CellFigures) -> tuple[Value, ...]:
    """What goes under `LEVELS`."""
    return cell.full, cell.partial, cell.failed


def flags_of(cell: CellFigures, verdict: str = "") -> tuple[str, ...]:
    """A cell's flags, the audit's verdict first where it is not "sound"."""
    judged = () if verdict in {"", "sound"} else (f"audit: {verdict}",)
    return (*judged, *cell.flags)


def success_values(cell: CellFigures) -> tuple[Value, ...]:
    """What goes under `SUCCESS`."""
    return cell.success, cell.bounds, cell.ceiling, cell.share


def simulated_note(episodes: EpisodeRows) -> tuple[str, ...]:
    """The warning in words where the emulator answered any of these episodes."""
    return (SIMULATED_NOTE,) if np.nansum(episodes.numbers("simulated")) > 0 else ()


def ordered(values: Sequence[Any], order: Sequence[str]) -> list[Any]:
    """Values in the given order, unknown ones last."""
    known = {value: i for i, value in enumerate(order)}
    return sorted(values, key=lambda v: (known.get(v, len(known)), v))


def condition_key(condition: Condition) -> tuple[Any, ...]:
    """What conditions are sorted by: as the grid has them, unknown values last."""
    prompt, difficulty = condition.prompt_type, condition.difficulty
    places = (
        PROMPT_TYPES.index(prompt) if prompt in PROMPT_TYPES else len(PROMPT_TYPES),
        DIFFICULTIES.index(difficulty) if difficulty in DIFFICULTIES else len(DIFFICULTIES),
    )
    return (*places, -condition.tool_success_rate, *condition_parts(condition, ()))


def condition_parts(condition: Condition, apart: Collection[str]) -> tuple[str, ...]:
    """A condition in words, as `optimal`, `easy`, `0.8`; fields that are as usual go unsaid."""
    usual = Condition("", "easy", 0.0)
    said = {
        "prompt_type": condition.prompt_type.removeprefix(FLAWED_PREFIX).replace("_", " "),
        "difficulty": condition.difficulty.replace("_", " "),
        "tool_success_rate": rate_label(condition.tool_success_rate),
        "protocol": condition.protocol,
        "severity": condition.severity,
        "weather": f"weather {condition.weather}",
        "max_turns": f"{condition.max_turns} turns",
    }
    always = ("prompt_type", "difficulty", "tool_success_rate")
    return tuple(
        text
        for name, text in said.items()
        if name not in apart
        and (name in always or getattr(condition, name) != getattr(usual, name))
    )


def condition_label(condition: Condition) -> str:
    """The condition on one line: `optimal · easy · 0.8`."""
    return " · ".join(condition_parts(condition, ()))


def condition_of(episodes: EpisodeRows, row: int = 0) -> Condition:
    """The condition of a row."""
    found = {name: episodes.value(name, row) for name in Condition.__struct_fields__}
    turns = found["max_turns"]
    return Condition(**(found | {"max_turns": int(turns) if turns == turns else 10}))  # noqa: PLR0124  NaN


def cells_in_words(aligned: Sequence[Aligned], apart: Collection[str]) -> str:
    """The sentence that says over which conditions rates that stand side by side are."""
    rows = max((one.rows for one in aligned), key=len, default=None)
    if not rows:
        return ""
    names = [name for name in Condition.__struct_fields__ if name not in apart]
    found = sorted((condition_of(part) for _, part in rows.groups(*names)), key=condition_key)
    labels = list(dict.fromkeys(" · ".join(condition_parts(c, apart)) for c in found))
    more = f" and {len(labels) - _MOST_CELLS} more" if len(labels) > _MOST_CELLS else ""
    each = "" if len(labels) == 1 else ", each of which weighs the same in every row"
    return f"Over {', '.join(labels[:_MOST_CELLS])}{more}{each}."


def rate_label(rate: float) -> str:
    """A tool success rate; imported episodes have none."""
    return f"{rate:g}" if rate >= 0 else "not recorded"
