"""Where a run's CPU time goes: by room, then function by function, in `profile.txt`.

Only the thread that drives the run is looked at, and only its own CPU time: waiting costs nothing.
A profiled run takes about twice the CPU of a plain one, functions that are many and small most.
"""

from __future__ import annotations

import cProfile
import functools
import io
import pstats
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import stormproof

PROFILE_FILE = "profile.txt"
LINES = 60
_HOME = str(Path(stormproof.__file__).parent)
_DEEPEST = 12
_LEAST_S = 1e-9

Function = tuple[str, int, str]
Calls = Mapping[Function, tuple[int, int, float, float, Mapping[Function, tuple[float, ...]]]]


@contextmanager
def profiled(folder: Path) -> Iterator[None]:
    """Profile what is done inside, and write the file, also when it ends in an error."""
    profile = cProfile.Profile(time.thread_time)
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PROFILE_FILE).write_text(profile_text(profile), encoding="utf-8")


def profile_text(profile: cProfile.Profile) -> str:
    """CPU seconds by room, then the costliest functions by their own time and with callees."""
    out = io.StringIO()
    stats = pstats.Stats(profile, stream=out)
    calls: Calls = stats.stats  # type: ignore[attr-defined]  # typeshed leaves it out
    rooms = by_room(calls)
    whole = sum(rooms.values()) or 1.0
    for room, spent in sorted(rooms.items(), key=lambda item: -item[1]):
        out.write(f"{spent:9.3f} s {100 * spent / whole:5.1f} %  {room}\n")
    stats.sort_stats("tottime").print_stats(LINES)
    stats.sort_stats("cumtime").print_stats(LINES)
    return out.getvalue()


def by_room(calls: Calls) -> dict[str, float]:
    """CPU seconds by room; a library's time counts for the rooms that called it.

    What no room called, such as the event loop, is `(loop)`.
    """

    @functools.cache
    def shares(function: Function, depth: int) -> dict[str, float]:
        """The rooms that a function works for, in parts of 1."""
        if room := _room(function):
            return {room: 1.0}
        callers = calls[function][4] if depth < _DEEPEST and function in calls else {}
        if not callers:
            return {"(loop)": 1.0}
        whole = sum(_LEAST_S + spent[3] for spent in callers.values())
        found: defaultdict[str, float] = defaultdict(float)
        for caller, spent in callers.items():
            for room, part in shares(caller, depth + 1).items():
                found[room] += part * (_LEAST_S + spent[3]) / whole
        return found

    rooms: defaultdict[str, float] = defaultdict(float)
    for function, (_, _, own, _, _) in calls.items():
        for room, part in shares(function, 0).items():
            rooms[room] += own * part
    return dict(rooms)


def _room(function: Function) -> str:
    path = function[0]
    if not path.startswith(_HOME):
        return ""
    return Path(path).relative_to(_HOME).parts[0].removesuffix(".py")
