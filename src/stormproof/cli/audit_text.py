"""The audit in a terminal: a verdict for each model, what was found, and by which rules."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group as Stack
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stormproof.audit import MEASURES, Audit, Finding, Judgement, Recomputed
from stormproof.cli.console_tables import table
from stormproof.domain.reasons import Reason
from stormproof.stats import Rate

_STYLES = {"sound": "green", "not usable": "bold red"}
_MOST_DISAGREEMENTS = 20
SIMULATED = "SIMULATED: {n} of these episodes were answered by the emulator, not by a model."


def audit_text(found: Audit) -> list[RenderableType]:
    """Verdicts, figures, findings and rules, in reading order."""
    parts: list[RenderableType] = [Text(f"Audit of {found.episodes:,} episodes", style="bold")]
    if found.simulated:
        parts.append(Text(SIMULATED.format(n=f"{found.simulated:,}"), style="bold yellow"))
    parts += [_verdicts(found.models), _figures(found.models)]
    signs = _signs(found)
    if signs.row_count:
        parts += [Text("What was counted", style="bold"), signs]
    if found.cells:
        parts += [Text(f"By {', '.join(found.by)}", style="bold"), _figures(found.cells)]
    if found.reasons:
        parts += [Text("Why infrastructure ended episodes", style="bold"), _reasons(found.reasons)]
    if found.findings:
        parts += [Text("What else was found", style="bold"), _findings(found.findings)]
    parts.append(Text("Rules", style="bold"))
    parts += [Text(f"· {rule}", style="dim") for rule in found.rules]
    return parts


def recomputed_text(again: Recomputed) -> list[RenderableType]:
    """How many recordings the old rules give again, and where they do not."""
    counts = table("", ("recomputed under the recorded rules",), ("agree", "of"))
    for name in ("executed_tools", "end_point", "workflow_score"):
        agree = f"{getattr(again, name):,}"
        counts.add_row(name.replace("_", " "), agree, f"{again.recordings:,}")
    parts: list[RenderableType] = [counts]
    for wrong in again.disagreements[:_MOST_DISAGREEMENTS]:
        line = f"{wrong.episode_id}: {wrong.field} was {wrong.recorded}, is {wrong.recomputed}"
        parts.append(_text(line))
    left = len(again.disagreements) - _MOST_DISAGREEMENTS
    return [*parts, Text(f"and {left:,} more")] if left > 0 else parts


def _verdicts(judged: Sequence[Judgement]) -> RenderableType:
    lines = []
    for one in judged:
        verdict = Text(one.verdict, style=_STYLES.get(one.verdict, "red"))
        lines.append(_text(one.name["model"] + ": ") + verdict + Text(f" ({one.reason})"))
    return Stack(*lines)


def _figures(judged: Sequence[Judgement]) -> Table:
    names = list(judged[0].name) if judged else ["model"]
    figures = ("episodes", "infra", "blocked", "first call lost", "calls lost",
               "success recorded %", "success valid %",
               "full by our rules %", "possible %")  # fmt: skip
    rows = table("", (*(name.replace("_", " ") for name in names), "verdict"), figures)
    for one in judged:
        low, high = one.possible
        rows.add_row(
            *map(_text, one.name.values()),
            one.verdict,
            f"{one.episodes:,}",
            f"{one.infrastructure:,}",
            f"{one.blocked:,}",
            f"{one.lost_first:,}",
            f"{one.calls_lost:,} of {one.calls_seen:,}",
            *map(_percent, (one.recorded, one.valid, one.ours)),
            f"{100 * low:.1f} to {100 * high:.1f}",
        )
    return rows


def _signs(found: Audit) -> Table:
    """Every column that counts anything; what has reached its threshold is marked."""
    rows = table("", ("model", "counted", "over its threshold"), ("count", "of", "share %"))
    for one in found.models:
        for m in MEASURES:
            share = one.shares[m.column]
            if share.count:
                flag = Text(m.flag, style="yellow") if m.flag in one.flags else Text()
                of, percent = f"{share.of:,} {m.of}", f"{100 * share.value:.1f}"
                model, counts = _text(one.name["model"]), m.counts + found.limit_of(one, m)
                rows.add_row(model, counts, flag, f"{share.count:,}", of, percent)
    return rows


def _reasons(reasons: Mapping[str, Sequence[Reason]]) -> Table:
    rows = table("", ("model", "reason"), ("episodes",))
    for model, own in reasons.items():
        for reason in own:
            rows.add_row(_text(model), _text(reason.text), f"{reason.count:,}")
    return rows


def _findings(findings: Sequence[Finding]) -> Table:
    rows = table("", ("model", "where", "finding"), ("count", "of"))
    for f in findings:
        rows.add_row(_text(f.model), _text(f.where), f.text, f"{f.count:,}", f"{f.of:,}")
    return rows


def _percent(rate: Rate) -> str:
    if not rate.n:
        return "–"
    return f"{100 * rate.estimate:.1f} [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"


def _text(recorded: str) -> Text:
    """Recorded text with nothing left in it that could steer a terminal."""
    return Text("".join(_harmless(recorded)))


def _harmless(recorded: str) -> Iterator[str]:
    for c in recorded:
        yield f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c).startswith("C") else c
