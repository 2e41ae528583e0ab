"""The audit of a set of episodes, or of a results folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from stormproof.audit.evidence import AXES, ROW_COLUMNS, Evidence, evidence_of, evidence_of_rows
from stormproof.audit.findings import Finding, findings
from stormproof.audit.verdicts import RULES, Judgement, judge
from stormproof.domain.episodes import Episode
from stormproof.errors import ConfigError
from stormproof.store import read_episodes, turn_table


class Audit(Struct, frozen=True):
    """Per model, per cell where `by` names one, and everything else that was found."""

    episodes: int
    simulated: int
    models: tuple[Judgement, ...]
    cells: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    by: tuple[str, ...] = ()
    rules: tuple[str, ...] = RULES


def audit(episodes: Iterable[Episode], by: Sequence[str] = ()) -> Audit:
    """Read all episodes again, one at a time, and judge them. Raises ConfigError for a bad `by`."""
    names = _names(by)
    simulated, evidence = 0, []
    for episode in episodes:
        simulated += episode.simulated
        evidence.append(evidence_of(episode))
    return audit_of(evidence, names, simulated)


def audit_of(evidence: Sequence[Evidence], by: Sequence[str] = (), simulated: int = 0) -> Audit:
    """The audit of episodes whose evidence has been taken."""
    return Audit(
        episodes=len(evidence),
        simulated=simulated,
        models=tuple(_judged(evidence, ())),
        cells=tuple(_judged(evidence, by)) if by else (),
        findings=tuple(findings(evidence)),
        by=tuple(by),
    )


def audit_folder(folder: Path | str, by: Sequence[str] | None = None) -> Audit:
    """Audit a results folder, every turn read again.

    Raises ConfigError where it holds no episode or `by` is unknown, StoreError if it is broken.
    """
    found = audit(read_episodes(folder), by or ())
    if not found.episodes:
        raise ConfigError(
            f"{folder}: no episode is stored here",
            hint="run `stormproof run` or `stormproof import` first",
        )
    return found


def audit_table(folder: Path, table: pa.Table) -> Audit:
    """Audit from the episode table: only imported episodes are read again, turn by turn."""
    rows = table.select([*ROW_COLUMNS, "source", "simulated"]).to_pylist()
    imported = [row["trial_id"] for row in rows if row["source"] == "imported"]
    own = [row for row in rows if row["source"] != "imported"]
    judged = evidence_of_rows(own, _turns_with_tool_calls(folder) if own else {})
    read = map(evidence_of, read_episodes(folder, imported)) if imported else ()
    simulated = sum(bool(row["simulated"]) for row in rows)
    return audit_of([*judged, *read], simulated=simulated)


def _turns_with_tool_calls(folder: Path) -> dict[str, int]:
    turns = turn_table(folder, ["trial_id", "calls"])
    counted = (
        turns.filter(pc.field("calls") > 0).group_by("trial_id").aggregate([("calls", "count")])
    )
    trials, counts = counted["trial_id"].to_pylist(), counted["calls_count"].to_pylist()
    return {str(trial): int(count or 0) for trial, count in zip(trials, counts, strict=True)}


def _judged(evidence: Sequence[Evidence], by: Sequence[str]) -> list[Judgement]:
    parts: defaultdict[tuple[str, ...], list[Evidence]] = defaultdict(list)
    for episode in evidence:
        parts[episode.model, *(episode.cell[name] for name in by)].append(episode)
    names = ("model", *by)
    return [judge(dict(zip(names, key, strict=True)), parts[key]) for key in sorted(parts)]


def _names(by: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip().replace("-", "_") for name in by)
    for name in names:
        if name not in AXES:
            raise ConfigError(f"cannot audit by {name!r}", hint=f"one of {', '.join(AXES)}")
    return names
