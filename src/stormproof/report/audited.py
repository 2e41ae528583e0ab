"""The audit as tables of the report."""

from __future__ import annotations

from collections.abc import Sequence

from stormproof.audit import Audit, Group
from stormproof.report.table import Column, Table, Value

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


def audit_tables(audit: Audit) -> tuple[Table, ...]:
    """Verdicts, cells where asked for, and findings."""
    tables = [_groups("audit", "Audit: which numbers hold", audit.models, ("model",), audit.rules)]
    if audit.cells:
        names = ("model", *audit.by)
        title = f"Audit by {', '.join(audit.by)}".replace("_", " ")
        tables.append(_groups("audit_cells", title, audit.cells, names, ()))
    if audit.findings:
        tables.append(_findings(audit))
    return tuple(tables)


def _groups(
    key: str, title: str, groups: Sequence[Group], names: Sequence[str], notes: tuple[str, ...]
) -> Table:
    columns = tuple(Column(name.replace("_", " ")) for name in names)
    rows = tuple((*(group.name[name] for name in names), *_values(group)) for group in groups)
    return Table(key, title, (*columns, *_SHARED), rows, notes)


def _values(group: Group) -> tuple[Value, ...]:
    return (
        group.verdict,
        group.episodes,
        group.infrastructure,
        group.lost_first,
        group.calls_seen,
        group.calls_lost,
        group.recorded,
        group.valid,
        group.ours,
        *group.possible,
        group.reason,
    )


def _findings(audit: Audit) -> Table:
    columns = (
        Column("model"),
        Column("finding", "text"),
        Column("where", "text", "the prompt types that it is about"),
        Column("count", "count"),
        Column("of", "count"),
    )
    rows = tuple((f.model, f.text, f.where, f.count, f.of) for f in audit.findings)
    return Table("findings", "What else was found", columns, rows)
