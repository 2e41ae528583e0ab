"""The audit as tables of the report."""

from __future__ import annotations

from collections.abc import Sequence

from stormproof.audit import Audit, Judgement
from stormproof.report.report_table import Column, ReportTable, Value

_SHARED = (
    Column("verdict", "text"),
    Column("episodes", "count"),
    Column("infra", "count", "ended by infrastructure"),
    Column("first call lost", "count", "a reader sees a call in it, and none was executed"),
    Column("turns with a call", "count"),
    Column("of them lost", "count", "turns whose call was not executed"),
    Column("success as recorded %", "interval", "as it was stored, over all that were counted"),
    Column("success, valid %", "interval", "over the episodes that say something of the model"),
    Column("full, our rules %", "interval", "every required tool succeeded, over valid episodes"),
    Column("possible, low %", "percent", "if all that cannot be known had failed"),
    Column("possible, high %", "percent", "if all that cannot be known had succeeded"),
    Column("reason", "text"),
)


def audit_tables(audit: Audit) -> tuple[ReportTable, ...]:
    """Verdicts, cells where asked for, and findings."""
    tables = [_judged("audit", "Audit: which numbers hold", audit.models, ("model",), audit.rules)]
    if audit.cells:
        names = ("model", *audit.by)
        title = f"Audit by {', '.join(audit.by)}".replace("_", " ")
        tables.append(_judged("audit_cells", title, audit.cells, names, ()))
    if audit.findings:
        tables.append(_findings(audit))
    return tuple(tables)


def _judged(
    key: str, title: str, judged: Sequence[Judgement], names: Sequence[str], notes: tuple[str, ...]
) -> ReportTable:
    columns = tuple(Column(name.replace("_", " ")) for name in names)
    rows = tuple((*(one.name[name] for name in names), *_values(one)) for one in judged)
    return ReportTable(key, title, (*columns, *_SHARED), rows, notes)


def _values(one: Judgement) -> tuple[Value, ...]:
    return (
        one.verdict,
        one.episodes,
        one.infrastructure,
        one.lost_first,
        one.calls_seen,
        one.calls_lost,
        one.recorded,
        one.valid,
        one.ours,
        *one.possible,
        one.reason,
    )


def _findings(audit: Audit) -> ReportTable:
    columns = (
        Column("model"),
        Column("finding", "text"),
        Column("where", "text", "the prompt types that it is about"),
        Column("count", "count"),
        Column("of", "count"),
    )
    rows = tuple((f.model, f.text, f.where, f.count, f.of) for f in audit.findings)
    return ReportTable("findings", "What else was found", columns, rows)
