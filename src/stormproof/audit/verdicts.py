"""The verdict on one model's episodes, or one cell's: its rules and every threshold of an audit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import numpy as np
from msgspec import Struct

from stormproof.audit.evidence import Evidence
from stormproof.stats import Rate, clustered

Verdict = Literal["sound", "distorted by infrastructure", "distorted by harness", "not usable"]

TOLERATED: Final = 0.05  # share of episodes, or of turns with a tool call, that may say nothing
FEWEST_EPISODES: Final = 20  # below it a cell is called short
COLLAPSED_SHARE: Final = 0.5  # of the other prompt types' success, surely below which one collapsed

RULES: Final = (
    (
        "An episode says nothing of the model when infrastructure ended it, or when its first call "
        "was lost: a careful reader sees a call of an existing tool, and none was executed."
    ),
    (
        f"Sound: fewer than {TOLERATED:.0%} of the episodes say nothing, and fewer than "
        f"{TOLERATED:.0%} of the turns with a call lost it."
    ),
    (
        "Distorted by infrastructure or by harness: otherwise, by whichever cause silenced more "
        "episodes; by harness where only the share of lost calls is too high."
    ),
    (
        "Not usable: no episode at all, or the stored parts contradict each other in "
        f"{TOLERATED:.0%} of the episodes or more."
    ),
    (
        "The interval of what cannot be known counts every episode that says nothing first as a "
        "failure and then as a success (Manski 1989, J. Hum. Resour. 24:343), and goes on from "
        "both ends by the 95 % interval of the sample."
    ),
)
_UNUSABLE: Final = frozenset({"parts", "above_one"})


class Judgement(Struct, frozen=True):
    """What one model's episodes, or one cell's, come to.

    `recorded` is success as stored, over all that were counted; `valid` the same over episodes
    that say something of the model; `ours` is full success by our rules over those.
    `possible` is the interval that contains the truth whatever the silent episodes hide.
    """

    name: dict[str, str]
    episodes: int
    infrastructure: int
    lost_first: int
    calls_seen: int
    calls_lost: int
    format_errors: int
    recorded: Rate
    valid: Rate
    ours: Rate
    possible: tuple[float, float]
    verdict: Verdict
    reason: str

    @property
    def known(self) -> int:
        """Episodes that say something of the model."""
        return self.episodes - self.infrastructure - self.lost_first


def judge(name: dict[str, str], episodes: Sequence[Evidence]) -> Judgement:
    """Count, bound and judge."""
    known = [e for e in episodes if not e.unknown]
    counted = [e for e in episodes if e.recorded is not None or not e.infrastructure]
    infrastructure = sum(e.infrastructure for e in episodes)
    lost_first = sum(e.lost_first and not e.infrastructure for e in episodes)
    seen, lost = sum(e.calls_seen for e in episodes), sum(e.calls_lost for e in episodes)
    verdict = _verdict(episodes, infrastructure, lost_first, lost / seen if seen else 0.0)
    return Judgement(
        name=name,
        episodes=len(episodes),
        infrastructure=infrastructure,
        lost_first=lost_first,
        calls_seen=seen,
        calls_lost=lost,
        format_errors=sum(e.format_errors for e in episodes),
        recorded=_rate((e.task_id, e.counted) for e in counted),
        valid=_rate((e.task_id, e.counted) for e in known),
        ours=_rate((e.task_id, bool(e.full)) for e in known),
        possible=_possible(episodes),
        verdict=verdict,
        reason=_reason(len(episodes), infrastructure, lost_first, seen, lost),
    )


def _verdict(
    episodes: Sequence[Evidence], infrastructure: int, lost_first: int, lost: float
) -> Verdict:
    n = len(episodes)
    broken = sum(bool(_UNUSABLE.intersection(e.contradictions)) for e in episodes)
    if not n or broken / n >= TOLERATED:
        return "not usable"
    silent = (infrastructure + lost_first) / n
    if silent < TOLERATED and lost < TOLERATED:
        return "sound"
    by_infrastructure = silent >= TOLERATED and infrastructure >= lost_first
    return "distorted by infrastructure" if by_infrastructure else "distorted by harness"


def _reason(n: int, infrastructure: int, lost_first: int, seen: int, lost: int) -> str:
    parts = [f"{n - infrastructure - lost_first} of {n} episodes say something of the model"]
    if infrastructure:
        parts.append(f"infrastructure ended {infrastructure}")
    if lost_first:
        parts.append(f"{lost_first} more lost their first call")
    if lost:
        parts.append(f"{lost:,} of {seen:,} turns with a call executed none")
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
