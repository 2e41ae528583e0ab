"""Tool weather: which tool calls fail, how, and why it is the same storm for everybody.

All calls here are tool calls. The chance that one succeeds is

    rate × 0.5 for each dependency not yet met
         × 0.7 if a met dependency failed since (its latest call failed)
         × 0.9 for each failure among the last three calls, once there have been three,

kept within [0.05, 1]. At rate 1 nothing fails by weather.

Whether the k-th call of a tool in a trial fails is u > chance, where u = f(weather seed, tool, k)
depends on nothing else. So all models, prompts, rates and protocols meet the same draws, and
results are paired. Every call of a tool counts: one that fails for its own arguments leaves its
draw unused, but it is the k-th call and a failure like any other. Were it not, a call that is
invalid only because of an earlier storm would shift the later draws, and the law below would fall.

The law: for a fixed sequence of calls, success at a lower rate implies success at a higher one,
call by call. (Induction: fewer successes can only unmeet dependencies, which costs 0.5 where a
failure since costs 0.7, add recent failures, and leave calls without their data.) It ends where a
call names no input and an earlier success has changed what the latest result is: then it may fail
by its data at the higher rate. The law holds too for an agent that works through a plan and repeats
each step until it succeeds: each step takes at least as many calls at the lower rate, so its window
holds at least as many failures. An agent that plans anew after each failure chooses its calls by
its luck, and no such law can hold for it.

Kinds of weather. What a drawn failure is hangs on the condition:

- `before`: an error code, and no effect.
- `ambiguous`: one TIMEOUT in two did its work all the same.
- `silent`: a tool that brings in data shows false data and says that it succeeded (stale, truncated
  or a wrong value; `Execution.tampered` says which). To this module that is a success: it remembers
  what was shown. Reading again, or any check of the data, can find it. Other tools fail openly.
- `outage`: as `before`, and one tool is down for the whole trial; another way is left.
- `sticky`: as `before`, and one tool fails until another one has succeeded, which the error names.

Which trouble a trial has under the last two is drawn once from its weather seed, and not from the
rate. So the law above holds under every kind: a tool that is down is down at every rate, and one
that waits is freed no later at a higher rate.

An error code of the weather says nothing of the call: never that a file is not there, that figures
are too large, or that a session is wanted (`FACTS`).
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec import Struct

PER_UNMET = 0.5
FAILED_SINCE = 0.7
PER_RECENT_FAILURE = 0.9
WINDOW = 3
LOWEST = 0.05
TIMEOUT = "TIMEOUT"
EFFECT_SHARE = 0.5
INVALID = "INVALID_INPUT"
FACTS = frozenset(
    {INVALID, "FILE_NOT_FOUND", "ACCESS_DENIED", "UNAUTHORIZED", "CALCULATION_ERROR", "OVERFLOW"}
)
"""Error codes that say something of the arguments or the data: only a tool itself gives them."""

_WORD = 2**32
T = TypeVar("T")


class History:
    """What the weather remembers of an episode's tool calls. `add` alone changes it."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()  # tool → its calls so far: k of the next one's draw
        self.succeeded: set[str] = set()  # tools with one success at least; none ever leaves
        self.latest: dict[str, bool] = {}  # tool → whether its latest call succeeded
        self._outcomes: list[bool] = []  # of all calls in order: as many as `counts` add up to

    def add(self, tool: str, *, ok: bool) -> None:
        """Remember a tool call, whatever made it fail."""
        self.counts[tool] += 1
        self.latest[tool] = ok
        self._outcomes.append(ok)
        if ok:
            self.succeeded.add(tool)

    def unmet(self, needs: Iterable[str]) -> tuple[str, ...]:
        """The dependencies that have not succeeded yet."""
        return tuple(tool for tool in needs if tool not in self.succeeded)

    def failed_since(self, needs: Iterable[str]) -> bool:
        """Whether a met dependency's latest call failed."""
        return any(tool in self.succeeded and not self.latest[tool] for tool in needs)

    @property
    def recent_failures(self) -> int:
        """Failures among the last three tool calls; 0 while there have been fewer than three."""
        recent = self._outcomes[-WINDOW:]
        return recent.count(False) if len(recent) == WINDOW else 0


class Draw(Struct, frozen=True, gc=False):
    """A tool call's fate. `u` is uniform in [0, 1); `pick` and `effect` are uniform, 32 bits."""

    u: float
    pick: int
    effect: int

    def error_code(self, errors: tuple[str, ...]) -> str:
        """The code to fail with, from the tool's own list; weather never blames the call."""
        codes = drawable(errors)
        return codes[self.pick * len(codes) // _WORD]

    @property
    def took_effect(self) -> bool:
        """Whether an ambiguous TIMEOUT did its work all the same: one in two."""
        return self.effect < EFFECT_SHARE * _WORD


@functools.cache
def drawable(errors: tuple[str, ...]) -> tuple[str, ...]:
    """The error codes that weather may give: all of the tool's own but FACTS."""
    return tuple(code for code in errors if code not in FACTS)


def befalling(weather_seed: int, troubles: Sequence[T]) -> T | None:
    """The one of several troubles that a trial has; None where there are none."""
    if not troubles:
        return None
    drawn = hashlib.blake2b(f"{weather_seed}/trouble".encode(), digest_size=4).digest()
    return troubles[int.from_bytes(drawn) * len(troubles) // _WORD]


def draw(weather_seed: int, tool: str, k: int) -> Draw:
    """The fate of the k-th call (from 0) of a tool in a trial."""
    key = f"{weather_seed}/{tool}/{k}".encode()
    drawn = hashlib.blake2b(key, digest_size=16).digest()
    return Draw(
        u=(int.from_bytes(drawn[:7]) >> 3) / 2**53,
        pick=int.from_bytes(drawn[8:12]),
        effect=int.from_bytes(drawn[12:]),
    )


def probability(rate: float, unmet: int, recent_failures: int, *, failed_since: bool) -> float:
    """The formula above, of its four numbers."""
    if rate >= 1:
        return 1.0
    chance = rate * PER_UNMET**unmet * PER_RECENT_FAILURE**recent_failures
    return min(1.0, max(LOWEST, chance * FAILED_SINCE if failed_since else chance))


def success_probability(rate: float, needs: Sequence[str], history: History) -> float:
    """The chance that the next tool call, of a tool with these dependencies, succeeds."""
    return probability(
        rate,
        len(history.unmet(needs)),
        history.recent_failures,
        failed_since=history.failed_since(needs),
    )
