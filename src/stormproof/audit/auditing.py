"""The audit of a set of episodes, or of a results folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from stormproof.audit import rules
from stormproof.audit.findings import Finding, findings
from stormproof.audit.groups import RULES, Group, group_of
from stormproof.audit.standing import CELL, SHARES, Standing, standing_of, standings_of_rows
from stormproof.domain.episodes import Episode
from stormproof.errors import ConfigError
from stormproof.store import read_episodes, turn_table

_COLUMNS: Final = (
    "trial_id", "model", "task_id", *CELL, *SHARES, "outcome", "success", "format_errors",
    "source", "simulated",
)  # fmt: skip


class Audit(Struct, frozen=True):
    """Per model, per cell where `by` names one, and everything else that was found."""

    episodes: int
    simulated: int
    models: tuple[Group, ...]
    cells: tuple[Group, ...]
    findings: tuple[Finding, ...]
    by: tuple[str, ...] = ()
    rules: tuple[str, ...] = RULES


class Recomputed(Struct, frozen=True):
    """What the old harness's rules give when they are run again over its own recordings."""

    recordings: int
    executed_tools: int
    end_point: int
    workflow_score: int
    disagreements: tuple[rules.Disagreement, ...]


def audit(episodes: Iterable[Episode], by: Sequence[str] = ()) -> Audit:
    """Read all episodes again, one at a time, and judge them. Raises ConfigError for a bad `by`."""
    names = _names(by)
    simulated, standings = 0, []
    for episode in episodes:
        simulated += episode.simulated
        standings.append(standing_of(episode))
    return audit_of(standings, names, simulated)


def audit_of(standings: Sequence[Standing], by: Sequence[str] = (), simulated: int = 0) -> Audit:
    """The same from episodes that were read."""
    return Audit(
        episodes=len(standings),
        simulated=simulated,
        models=tuple(_groups(standings, ())),
        cells=tuple(_groups(standings, by)) if by else (),
        findings=tuple(findings(standings)),
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
    rows = table.select(list(_COLUMNS)).to_pylist()
    imported = [row["trial_id"] for row in rows if row["source"] == "imported"]
    own = [row for row in rows if row["source"] != "imported"]
    judged = standings_of_rows(own, _turns_with_calls(folder) if own else {})
    read = map(standing_of, read_episodes(folder, imported)) if imported else ()
    simulated = sum(bool(row["simulated"]) for row in rows)
    return audit_of([*judged, *read], simulated=simulated)


def _turns_with_calls(folder: Path) -> dict[str, int]:
    turns = turn_table(folder).select(["trial_id", "calls"])
    counted = (
        turns.filter(pc.field("calls") > 0).group_by("trial_id").aggregate([("calls", "count")])
    )
    trials, counts = counted["trial_id"].to_pylist(), counted["calls_count"].to_pylist()
    return {str(trial): int(count or 0) for trial, count in zip(trials, counts, strict=True)}


def recompute(episodes: Iterable[Episode]) -> Recomputed:
    """Run the old rules over imported episodes (`--rules recorded`); others are left out."""
    recordings, found = 0, []
    wrong: defaultdict[str, set[str]] = defaultdict(set)
    for episode in episodes:
        if episode.recorded is None:
            continue
        recordings += 1
        for disagreement in rules.disagreements(episode):
            wrong[disagreement.field].add(episode.trial.trial_id)
            found.append(disagreement)
    ends = wrong["end point"] | wrong["API failure"]
    return Recomputed(
        recordings=recordings,
        executed_tools=recordings - len(wrong["executed tools"]),
        end_point=recordings - len(ends),
        workflow_score=recordings - len(wrong["workflow_score"]),
        disagreements=tuple(found),
    )


def recompute_folder(folder: Path) -> Recomputed:
    """`recompute` over a results folder. Raises ConfigError where no episode was imported."""
    found = recompute(read_episodes(folder))
    if not found.recordings:
        raise ConfigError(
            f"{folder}: no imported episode is stored here",
            hint="`--rules recorded` recomputes what `stormproof import` brought in",
        )
    return found


def _groups(standings: Sequence[Standing], by: Sequence[str]) -> list[Group]:
    parts: defaultdict[tuple[str, ...], list[Standing]] = defaultdict(list)
    for standing in standings:
        parts[standing.model, *(standing.cell[name] for name in by)].append(standing)
    names = ("model", *by)
    return [group_of(dict(zip(names, key, strict=True)), parts[key]) for key in sorted(parts)]


def _names(by: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.strip().replace("-", "_") for name in by)
    for name in names:
        if name not in CELL:
            raise ConfigError(f"cannot audit by {name!r}", hint=f"one of {', '.join(CELL)}")
    return names
