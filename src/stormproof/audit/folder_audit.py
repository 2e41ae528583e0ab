"""The audit of a set of episodes, or of a results folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from stormproof.audit.evidence import AXES, Evidence, evidence_of
from stormproof.audit.findings import Finding, findings
from stormproof.audit.verdicts import RULES, Judgement, judge
from stormproof.domain.episodes import Episode
from stormproof.domain.reasons import Reason, counted
from stormproof.errors import ConfigError
from stormproof.store import read_episodes


class Audit(Struct, frozen=True):
    """Per model, per cell where `by` names one, and everything else that was found.

    `reasons` say why infrastructure ended episodes, by model, the commonest first.
    """

    episodes: int
    simulated: int
    models: tuple[Judgement, ...]
    cells: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    reasons: Mapping[str, tuple[Reason, ...]] = {}
    by: tuple[str, ...] = ()
    rules: tuple[str, ...] = RULES


def audit(episodes: Iterable[Episode], by: Sequence[str] = ()) -> Audit:
    """Read all episodes again, one at a time, and judge them. Raises ConfigError for a bad `by`.

    What is kept of an episode is some 500 bytes.
    """
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
        reasons=_reasons(evidence),
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


def _reasons(evidence: Iterable[Evidence]) -> dict[str, tuple[Reason, ...]]:
    said: defaultdict[str, list[str]] = defaultdict(list)
    for episode in evidence:
        if episode.infrastructure:
            said[episode.model].append(episode.reason)
    return {model: counted(said[model]) for model in sorted(said)}


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
