"""Whether two folders hold the same records: all but timings, endpoints and retries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from stormproof.domain.episodes import Episode
from stormproof.store.reading import read_episodes

# What depends on when and where a call was made, and not on what the model said.
_OF_EPISODE = ("started_at", "ended_at", "error")
_OF_ANSWER = ("endpoint_id", "attempts", "queued_ms", "latency_ms", "hedged", "at")


def same_records(a: Path | str, b: Path | str, *, at_most: int = 20) -> list[str]:
    """Differences, a line each, of the first trials that differ; [] when there are none."""
    ours = {e.trial.trial_id: _digest(comparable(e)) for e in read_episodes(a)}
    theirs = {e.trial.trial_id: _digest(comparable(e)) for e in read_episodes(b)}
    said = [f"trial {t} is in {a} alone" for t in ours.keys() - theirs.keys()]
    said += [f"trial {t} is in {b} alone" for t in theirs.keys() - ours.keys()]
    differing = sorted(t for t in ours.keys() & theirs.keys() if ours[t] != theirs[t])
    said += _explained(a, b, differing[:at_most])
    more = len(said) - at_most + len(differing[at_most:])
    return said if more <= 0 else [*said[:at_most], f"and {more} more"]


def _explained(a: Path | str, b: Path | str, ids: list[str]) -> Iterator[str]:
    ours = {e.trial.trial_id: comparable(e) for e in read_episodes(a, ids)}
    theirs = {e.trial.trial_id: comparable(e) for e in read_episodes(b, ids)}
    for trial_id in ids:
        where, left, right = _first_difference(ours[trial_id], theirs[trial_id])
        yield f"trial {trial_id}: {where} is {_brief(left)} in {a} and {_brief(right)} in {b}"


def comparable(episode: Episode) -> dict[str, Any]:
    """The episode as plain data without what may differ between two equal runs."""
    plain: dict[str, Any] = msgspec.to_builtins(episode)
    for name in _OF_EPISODE:
        del plain[name]
    for turn in plain["turns"]:
        for name in _OF_ANSWER:
            del turn["answer"][name]
        del turn["answer"]["reply"]["served_model"]
    return plain


def _digest(plain: dict[str, Any]) -> bytes:
    text = json.dumps(plain, sort_keys=True)  # takes half a surrogate pair, as models write it
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _first_difference(a: Any, b: Any, where: str = "") -> tuple[str, Any, Any]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            if a.get(key) != b.get(key):
                return _first_difference(a.get(key), b.get(key), f"{where}.{key}".lstrip("."))
    if isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        for index, (left, right) in enumerate(zip(a, b, strict=True)):
            if left != right:
                return _first_difference(left, right, f"{where}[{index}]")
    return where, a, b


def _brief(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return repr(value)[:80]
