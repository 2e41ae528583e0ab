"""What the report's tables share: headings, what goes under them, and the notes below."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from stormproof.report.cell_figures import CellFigures
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import Column, ReportTable, Value
from stormproof.report.results import SIMULATED_NOTE

SIMULATED = "SIMULATED"

INTERVALS = (
    "Intervals are 95 %: Wilson's, clustered by task "
    "where a task was run more than once, and by archetype where tasks of one are alike."
)
_BY_FINAL_STATE = (
    "Success is full success: the goal was met, and nothing was done that nobody asked for. Which "
    "tools did it is no matter: coverage and order stand beside it."
)
_BY_TOOLS = (
    "Success is full success as the suite's first version had it: the goal was met, and every "
    "required tool had succeeded in order."
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
    "rates and turn budgets, guesses apart; share of ceiling is success divided by it, above 100 % "
    "by luck alone."
)

COUNTS = (
    Column("scored", "count"),
    Column("infra", "count", "ended by infrastructure: not scored, in no rate"),
    Column("blocked", "count", "ended by a provider's filter: final, in no rate"),
)
LEVELS = (
    Column("full", "count", "scored episodes that succeeded in full"),
    Column("partial", "count"),
    Column("failed", "count"),
)
SUCCESS = (
    Column("success %", "interval", "full success over scored, with its 95 % interval"),
    Column("if lost %", "bounds", "had all unscored trials failed, and had all succeeded"),
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


def definition(episodes: EpisodeRows) -> str:
    """What success is in these episodes: older folders have no measure of collateral effects."""
    is_old = len(episodes) and not np.isfinite(episodes.numbers("collateral")).any()
    return _BY_TOOLS if is_old else _BY_FINAL_STATE


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
