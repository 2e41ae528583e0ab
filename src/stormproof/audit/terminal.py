"""The audit in a terminal: a verdict for each model, what was found, and by which rules."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group as Stack
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stormproof.audit.auditing import Audit, Recomputed
from stormproof.audit.findings import Finding
from stormproof.audit.groups import Group
from stormproof.stats import Rate

_STYLES = {"sound": "green", "not usable": "bold red"}
_MOST_DISAGREEMENTS = 20
SIMULATED = "SIMULATED: {n} of these episodes were answered by the emulator, not by a model."


def audit_tables(found: Audit) -> list[RenderableType]:
    """Verdicts, figures, findings and rules, in reading order."""
    parts: list[RenderableType] = [Text(f"Audit of {found.episodes:,} episodes", style="bold")]
    if found.simulated:
        parts.append(Text(SIMULATED.format(n=f"{found.simulated:,}"), style="bold yellow"))
    parts += [_verdicts(found.models), _figures(found.models)]
    if found.cells:
        parts += [Text(f"By {', '.join(found.by)}", style="bold"), _figures(found.cells)]
    if found.findings:
        parts += [Text("What else was found", style="bold"), _findings(found.findings)]
    parts.append(Text("Rules", style="bold"))
    parts += [Text(f"· {rule}", style="dim") for rule in found.rules]
    return parts


def recomputed_tables(again: Recomputed) -> list[RenderableType]:
    """How many recordings the old rules give again, and where they do not."""
    table = _table("recomputed under the recorded rules", figures=("agree", "of"))
    for name in ("executed_tools", "end_point", "workflow_score"):
        agree = f"{getattr(again, name):,}"
        table.add_row(name.replace("_", " "), agree, f"{again.recordings:,}")
    parts: list[RenderableType] = [table]
    for wrong in again.disagreements[:_MOST_DISAGREEMENTS]:
        said = f"{wrong.episode_id}: {wrong.field} was {wrong.recorded}, is {wrong.recomputed}"
        parts.append(_text(said))
    left = len(again.disagreements) - _MOST_DISAGREEMENTS
    return [*parts, Text(f"and {left:,} more")] if left > 0 else parts


def _verdicts(groups: Sequence[Group]) -> RenderableType:
    lines = []
    for group in groups:
        verdict = Text(group.verdict, style=_STYLES.get(group.verdict, "red"))
        lines.append(_text(group.name["model"] + ": ") + verdict + Text(f" ({group.reason})"))
    return Stack(*lines)


def _figures(groups: Sequence[Group]) -> Table:
    names = list(groups[0].name) if groups else ["model"]
    figures = ("episodes", "infra", "first call lost", "calls lost", "success recorded %",
               "success valid %", "full by our rules %", "possible %")  # fmt: skip
    table = _table(*names, "verdict", figures=figures)
    for group in groups:
        low, high = group.possible
        table.add_row(
            *map(_text, group.name.values()),
            group.verdict,
            f"{group.episodes:,}",
            f"{group.infrastructure:,}",
            f"{group.lost_first:,}",
            f"{group.calls_lost:,} of {group.calls_seen:,}",
            *map(_percent, (group.recorded, group.valid, group.ours)),
            f"{100 * low:.1f} to {100 * high:.1f}",
        )
    return table


def _findings(findings: Sequence[Finding]) -> Table:
    table = _table("model", "where", "finding", figures=("count", "of"))
    for f in findings:
        table.add_row(_text(f.model), _text(f.where), f.text, f"{f.count:,}", f"{f.of:,}")
    return table


def _table(*texts: str, figures: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in texts:
        table.add_column(name.replace("_", " "), overflow="fold")
    for name in figures:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _percent(rate: Rate) -> str:
    if not rate.n:
        return "–"
    return f"{100 * rate.estimate:.1f} [{100 * rate.low:.1f}, {100 * rate.high:.1f}]"


def _text(said: str) -> Text:
    """Recorded text with nothing left in it that could steer a terminal."""
    return Text("".join(_harmless(said)))


def _harmless(said: str) -> Iterator[str]:
    for c in said:
        yield f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c).startswith("C") else c
