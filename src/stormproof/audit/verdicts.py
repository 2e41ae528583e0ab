"""The verdict on one model's episodes, or one cell's, and its rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from msgspec import Struct

from stormproof.audit.evidence import Evidence
from stormproof.audit.served_names import changed, others, summed
from stormproof.audit.thresholds import MEASURES, TOLERATED, Verdict
from stormproof.audit.turn_signs import added_up
from stormproof.stats import Rate, clustered

RULES: Final = (
    (
        "An episode says nothing of the model when infrastructure or a provider's filter ended it, "
        "or when its first call was lost: a loose reader, which is not the runner's, sees a call "
        "of an existing tool, and none was carried out."
    ),
    (
        f"Sound: fewer than {TOLERATED:.0%} of the episodes say nothing, and no column that names "
        "a verdict has reached its threshold."
    ),
    (
        "Distorted by infrastructure, by harness or by serving: otherwise, by whichever cause "
        "silenced more episodes; where too few are silent, by the column over its threshold, "
        "those of the harness first."
    ),
    (
        "Not usable: no episode at all, or the stored parts contradict each other in "
        f"{TOLERATED:.0%} of the episodes or more."
    ),
    "Repairs that worked and a full context window are flags, and change no verdict.",
    (
        "The interval of what cannot be known counts every episode that says nothing first as a "
        "failure and then as a success (Manski 1989, J. Hum. Resour. 24:343), and goes on from "
        "both ends by the 95 % interval of the sample."
    ),
)
_UNUSABLE: Final = frozenset({"parts", "above_one"})


class Share(Struct, frozen=True):
    """`count` of `of`: of episodes, of turns, or of turns with a call, as `measures` says."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """In [0, 1], and 0 of nothing."""
        return self.count / self.of if self.of else 0.0


class Judgement(Struct, frozen=True):
    """What one model's episodes, or one cell's, come to.

    `shares` are the columns of `measures`, `flags` what of them has reached its threshold.
    `recorded` is success as stored, over all that were counted; `valid` the same over episodes
    that say something of the model; `ours` is full success by our rules over those.
    `possible` is the interval that contains the truth whatever the silent episodes hide.
    """

    name: dict[str, str]
    episodes: int
    infrastructure: int
    blocked: int
    lost_first: int
    calls_seen: int
    calls_lost: int
    format_errors: int
    shares: dict[str, Share]
    flags: tuple[str, ...]
    recorded: Rate
    valid: Rate
    ours: Rate
    possible: tuple[float, float]
    verdict: Verdict
    reason: str

    @property
    def known(self) -> int:
        """Episodes that say something of the model."""
        return self.episodes - self.infrastructure - self.blocked - self.lost_first


def judge(name: dict[str, str], episodes: Sequence[Evidence]) -> Judgement:
    """Count, bound and judge."""
    known = [e for e in episodes if not e.unknown]
    counted = [e for e in episodes if e.recorded is not None or not (e.infrastructure or e.blocked)]
    shares = _shares(episodes)
    return Judgement(
        name=name,
        episodes=len(episodes),
        infrastructure=shares["infrastructure"].count,
        blocked=shares["blocked"].count,
        lost_first=shares["lost_first"].count,
        calls_seen=shares["calls_lost"].of,
        calls_lost=shares["calls_lost"].count,
        format_errors=sum(e.format_errors for e in episodes),
        shares=shares,
        flags=tuple(m.flag for m in MEASURES if shares[m.column].value >= m.threshold),
        recorded=_rate((e.task_id, e.counted) for e in counted),
        valid=_rate((e.task_id, e.counted) for e in known),
        ours=_rate((e.task_id, bool(e.full)) for e in known),
        possible=_possible(episodes),
        verdict=_verdict(episodes, shares),
        reason=_reason(len(episodes), shares),
    )


def _shares(episodes: Sequence[Evidence]) -> dict[str, Share]:
    """Every column of `measures`."""
    signs = added_up(e.signs for e in episodes)
    served = summed(e.served for e in episodes)
    model = episodes[0].model if episodes else ""
    counts = {name: getattr(signs, name) for name in signs.__struct_fields__} | {
        "infrastructure": sum(e.infrastructure for e in episodes),
        "suite": sum(e.suite for e in episodes),
        "blocked": sum(e.blocked for e in episodes),
        "lost_first": sum(e.lost_first and not (e.infrastructure or e.blocked) for e in episodes),
        "behind_done": sum(e.behind_done for e in episodes),
        "context_window": sum(e.context_window for e in episodes),
        "served_changed": changed(served),
        "served_another": others(served, model),
    }
    wholes = {
        "episodes": len(episodes),
        "turns": sum(e.turns for e in episodes),
        "calls": signs.calls_seen,
    }
    return {m.column: Share(counts[m.column], wholes[m.of]) for m in MEASURES}


def _verdict(episodes: Sequence[Evidence], shares: Mapping[str, Share]) -> Verdict:
    n = len(episodes)
    broken = sum(bool(_UNUSABLE.intersection(e.contradictions)) for e in episodes)
    if not n or broken / n >= TOLERATED:
        return "not usable"
    suite = shares["suite"].count
    silenced: dict[Verdict, int] = {
        "distorted by infrastructure": shares["infrastructure"].count - suite,
        "distorted by harness": shares["lost_first"].count + suite,
        "distorted by serving": shares["blocked"].count,
    }
    if sum(silenced.values()) / n >= TOLERATED:
        return max(silenced, key=lambda cause: silenced[cause])
    over = {m.verdict for m in MEASURES if shares[m.column].value >= m.threshold}
    return next((cause for cause in silenced if cause in over), "sound")


def _reason(n: int, shares: Mapping[str, Share]) -> str:
    silent = ("infrastructure", "blocked", "lost_first")
    infrastructure, blocked, lost_first = (shares[name].count for name in silent)
    parts = [
        f"{n - infrastructure - blocked - lost_first} of {n} episodes say something of the model"
    ]
    if infrastructure:
        parts.append(f"infrastructure ended {infrastructure}")
    if blocked:
        parts.append(f"a provider's filter ended {blocked}")
    if lost_first:
        parts.append(f"{lost_first} more lost their first call")
    if lost := shares["calls_lost"].count:
        seen = shares["calls_lost"].of
        parts.append(f"{lost:,} of {seen:,} turns with a call were not carried out")
    parts += [
        f"{m.flag} {share.value:.1%}"
        for m in MEASURES
        if (share := shares[m.column]).value >= m.threshold
        and m.column not in (*silent, "calls_lost")
    ]
    return "; ".join(parts)


def _possible(episodes: Sequence[Evidence]) -> tuple[float, float]:
    worst = _rate((e.task_id, e.counted and not e.unknown) for e in episodes)
    best = _rate((e.task_id, e.counted or e.unknown) for e in episodes)
    return worst.low, best.high


def _rate(pairs: Iterable[tuple[str, bool]]) -> Rate:
    found = list(pairs)
    if not found:
        return clustered([], [])
    tasks = np.unique([task for task, _ in found], return_inverse=True)[1]
    hits = np.bincount(tasks, [hit for _, hit in found]).astype(np.float64)
    return clustered(hits, np.bincount(tasks).astype(np.float64))
