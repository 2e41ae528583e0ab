"""What was planned and what came of it, before any rate: nothing that is missing goes unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from stormproof.domain.conditions import Condition
from stormproof.domain.reasons import Reason, counted, in_lines
from stormproof.plan.folder_status import CellKey
from stormproof.report.condition_words import condition_key, condition_label, condition_of
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import Column, ReportTable, Value

_MOST_REASONS = 3
_LONGEST_REASON = 60
_COUNTS = (
    Column("planned", "count", "over all runs of this folder"),
    Column("scored", "count"),
    Column("blocked", "count", "ended by a provider's filter: final, in no rate"),
    Column("infra", "count", "ended by infrastructure: not scored, run again by the next run"),
    Column("not run", "count", "not begun, or not ended"),
    Column("why not scored"),
)


class CellCount(Struct, frozen=True):
    """One model under one condition: planned = scored + blocked + infrastructure + not run."""

    model: str
    condition: Condition
    planned: int
    scored: int
    blocked: int
    infrastructure: int
    errors: Counter[str]  # of what infrastructure ended, as recorded

    @property
    def not_run(self) -> int:
        """Planned trials that have no ended episode."""
        return self.planned - self.scored - self.blocked - self.infrastructure

    @property
    def is_finished(self) -> bool:
        """Whether no run would do any more here."""
        return self.planned == self.scored + self.blocked


def count_cells(episodes: EpisodeRows, planned: Mapping[CellKey, int]) -> tuple[CellCount, ...]:
    """Every model × condition that is planned or recorded, in the grid's order.

    What is recorded counts as planned where no run's plan has it, as imported episodes are.
    """
    found: dict[tuple[str, Condition], list[CellCount]] = {}
    names = ("model", *Condition.__struct_fields__, "task_type")
    left = dict(planned)
    for (model, *_, task_type), group in episodes.groups(*names):
        condition = condition_of(group)
        wanted = left.pop((model, condition, task_type), 0)
        found.setdefault((model, condition), []).append(_count(model, condition, group, wanted))
    for (model, condition, _), wanted in left.items():
        nothing = CellCount(model, condition, wanted, 0, 0, 0, Counter())
        found.setdefault((model, condition), []).append(nothing)
    ordered = sorted(found, key=lambda key: (key[0], condition_key(key[1])))
    return tuple(merged(found[key]) for key in ordered)


def _count(model: str, condition: Condition, group: EpisodeRows, wanted: int) -> CellCount:
    lost = group.at(group.is_value("outcome", "infrastructure"))
    return CellCount(
        model,
        condition,
        max(wanted, len(group)),
        int(group.is_value("outcome", "completed").sum()),
        int(group.is_value("outcome", "blocked").sum()),
        len(lost),
        Counter(lost.value("error", row) for row in range(len(lost))),
    )


def merged(cells: Sequence[CellCount]) -> CellCount:
    """The sum of cells, under the name of the first."""
    errors = Counter[str]()
    for cell in cells:
        errors.update(cell.errors)
    return CellCount(
        cells[0].model,
        cells[0].condition,
        sum(cell.planned for cell in cells),
        sum(cell.scored for cell in cells),
        sum(cell.blocked for cell in cells),
        sum(cell.infrastructure for cell in cells),
        errors,
    )


def missing_note(cells: Sequence[CellCount]) -> tuple[str, ...]:
    """What must be said before any figure of an unfinished plan."""
    if all(cell.is_finished for cell in cells):
        return ()
    whole = merged(cells)
    note = (
        f"UNFINISHED: {whole.scored:,} of {whole.planned:,} planned trials are scored; "
        f"{whole.blocked:,} blocked, {whole.infrastructure:,} ended by infrastructure, "
        f"{whole.not_run:,} not run. Every rate is over what is scored alone."
    )
    return (note,)


def completeness(cells: Sequence[CellCount]) -> ReportTable:
    """One row a model, absent ones too, and one for all."""
    models: dict[str, list[CellCount]] = {}
    for cell in cells:
        models.setdefault(cell.model, []).append(cell)
    rows = [(model, *_values(merged(own))) for model, own in models.items()]
    if len(rows) > 1:
        rows.append(("all", *_values(merged(cells))))
    notes = ("Planned = scored + blocked + infra + not run.",)
    title = "What was planned, and what came of it"
    return ReportTable("completeness", title, (Column("model"), *_COUNTS), tuple(rows), notes)


def missing(cells: Sequence[CellCount]) -> ReportTable:
    """Each model and condition that is not finished, where it is not all of them alike."""
    rows = tuple(
        (cell.model, condition_label(cell.condition), *_values(cell))
        for cell in cells
        if not cell.is_finished
    )
    columns = (Column("model"), Column("condition"), *_COUNTS)
    several = len({cell.condition for cell in cells}) > 1
    return ReportTable("missing", "Where it is missing", columns, rows if several else ())


def _values(cell: CellCount) -> tuple[Value, ...]:
    counts = (cell.planned, cell.scored, cell.blocked, cell.infrastructure, cell.not_run)
    brief = [Reason(r.text[:_LONGEST_REASON], r.count) for r in counted(cell.errors.elements())]
    return (*counts, "; ".join(in_lines(brief, _MOST_REASONS)))
