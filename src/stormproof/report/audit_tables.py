"""The audit as tables of the report."""

from __future__ import annotations

from collections.abc import Sequence

from stormproof.audit import MEASURES, Audit, Judgement, Measure
from stormproof.report.report_table import Column, ReportTable, Value

_COUNTS = (
    Column("verdict", "text"),
    Column("episodes", "count"),
    Column("infra", "count", "ended by infrastructure"),
    Column("blocked", "count", "ended by a provider's filter"),
    Column("first call lost", "count", "a reader sees a call in it, and none was executed"),
    Column("turns with a call", "count"),
    Column("of them lost", "count", "turns whose call was not executed"),
)
_RATES = (
    Column("success as recorded %", "interval", "as it was stored, over all that were counted"),
    Column("success, valid %", "interval", "over the episodes that say something of the model"),
    Column("full, our rules %", "interval", "every required tool succeeded, over valid episodes"),
    Column("possible, low %", "percent", "if all that cannot be known had failed"),
    Column("possible, high %", "percent", "if all that cannot be known had succeeded"),
)
_REASON = Column("reason", "text")
_WITHIN = "Rates compare within their row alone: each is over the episodes that its model has."


def audit_tables(audit: Audit, *, recorded: bool) -> tuple[ReportTable, ...]:
    """Verdicts, cells where asked for, and findings; rates for what another harness recorded.

    Of own results the other tables have the rates, over the same cells for all models.
    """
    notes = (*audit.rules, _WITHIN) if recorded else audit.rules
    title = "Audit: which numbers hold"
    tables = [_judged("audit", title, audit.models, ("model",), recorded, notes)]
    if audit.cells:
        names = ("model", *audit.by)
        title = f"Audit by {', '.join(audit.by)}".replace("_", " ")
        tables.append(_judged("audit_cells", title, audit.cells, names, recorded))
    tables += [_signs(audit), _reasons(audit)]
    if audit.findings:
        tables.append(_findings(audit))
    return tuple(tables)


def _judged(
    key: str,
    title: str,
    judged: Sequence[Judgement],
    names: Sequence[str],
    recorded: bool,  # noqa: FBT001  one caller
    notes: tuple[str, ...] = (),
) -> ReportTable:
    named = tuple(Column(name.replace("_", " ")) for name in names)
    columns = (*named, *_COUNTS, *(_RATES if recorded else ()), _REASON)
    rows = tuple(
        (*(one.name[name] for name in names), *_values(one, recorded=recorded)) for one in judged
    )
    return ReportTable(key, title, columns, rows, notes)


def _values(one: Judgement, *, recorded: bool) -> tuple[Value, ...]:
    counts = (one.verdict, one.episodes, one.infrastructure, one.blocked)
    calls = (one.lost_first, one.calls_seen, one.calls_lost)
    rates = (one.recorded, one.valid, one.ours, *one.possible)
    return (*counts, *calls, *(rates if recorded else ()), one.reason)


def _signs(audit: Audit) -> ReportTable:
    """Every column of the audit that counts anything, model by model."""
    columns = (
        Column("model"),
        Column("sign", "text"),
        Column("count", "count"),
        Column("of", "count"),
        Column("them", "text", "what the count is of; calls are turns with a call"),
        Column("share %", "percent"),
        Column("flag", "text", "the verdict that it gives, or a flag beside any verdict"),
    )
    rows = tuple(
        (
            one.name["model"],
            m.counts + audit.limit_of(one, m),
            share.count,
            share.of,
            m.of,
            share.value,
            _flag(one, m),
        )
        for one in audit.models
        for m in MEASURES
        if (share := one.shares[m.column]).count
    )
    return ReportTable("signs", "What the audit counted", columns, rows)


def _flag(one: Judgement, measure: Measure) -> str:
    if measure.flag not in one.flags:
        return ""
    return "flag" if measure.verdict == "sound" else measure.verdict


def _reasons(audit: Audit) -> ReportTable:
    columns = (Column("model"), Column("episodes", "count"), Column("reason", "text"))
    rows = tuple((model, r.count, r.text) for model, own in audit.reasons.items() for r in own)
    return ReportTable("reasons", "Why infrastructure ended episodes", columns, rows)


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
