"""Limits as real services have them: caps, buckets, windows. No clock: `now` is given.

A limit is asked first (`wait`) and charged afterwards (`take`), so that a request passes every
limit that binds it or is charged to none.
"""

from __future__ import annotations

import math
from typing import Literal, Protocol

from stormproof.domain.pool import Limits

Cause = Literal["cap", "rate", "tokens"]
_MINUTE = 60.0
_SLACK = 1e-9


class EnforcedLimit(Protocol):
    """One limit. `limit` and `remaining` are in requests or tokens a minute, for the headers."""

    cause: Cause

    def wait(self, now: float, amount: float) -> float:
        """Seconds until `amount` would pass: 0 passes now, `inf` is not known."""

    def take(self, now: float, amount: float) -> None:
        """Charge what has passed."""

    def release(self) -> None:
        """A request has left."""

    def scale(self, now: float, factor: float) -> None:
        """From now on the limit is this multiple of what it was made with."""

    def offered(self, live_s: float, mean_amount: float, mean_s: float) -> float:
        """How many requests it would have admitted in so many seconds of full limit."""


class SlotCap:
    """At most so many in flight."""

    def __init__(self, limit: int) -> None:
        self.cause: Cause = "cap"
        # Taken and not yet released; above `_limit` only after that was lowered. The endpoint
        # sets it when this cap takes another's place.
        self.in_flight = 0
        self._full = limit
        # `_full` × the last factor of `scale`, rounded; never below 0.
        self._limit = limit

    def wait(self, now: float, amount: float) -> float:
        """When a slot frees is not known."""
        del now, amount
        return 0.0 if self.in_flight < self._limit else math.inf

    def take(self, now: float, amount: float) -> None:
        """Occupy a slot."""
        del now, amount
        self.in_flight += 1

    def release(self) -> None:
        """Give the slot back."""
        self.in_flight -= 1

    def scale(self, now: float, factor: float) -> None:
        """Those in flight stay."""
        del now
        self._limit = max(0, round(self._full * factor))

    def offered(self, live_s: float, mean_amount: float, mean_s: float) -> float:
        """Slots × time ÷ the mean time that a request held one."""
        del mean_amount
        return self._full * live_s / mean_s if mean_s else math.inf


class TokenBucket:
    """A token bucket: `rate` units a second, at most `burst` saved up; full at the start."""

    def __init__(self, cause: Cause, rate: float, burst: float) -> None:
        self.cause = cause
        # Units a second: `_full_rate` × the last factor of `scale`.
        self._rate = self._full_rate = rate
        # What was saved up at `_at`, at most `_burst`; below 0 after more than a burst passed.
        self._burst = self._level = max(burst, 1.0)
        # When `_level` held; `-inf` until the first request, before which the bucket is full.
        self._at = -math.inf

    def wait(self, now: float, amount: float) -> float:
        """More than a whole burst passes when the bucket is full, and leaves a debt."""
        missing = min(amount, self._burst) - self._filled(now)
        if missing <= _SLACK:
            return 0.0
        return missing / self._rate if self._rate else math.inf

    def take(self, now: float, amount: float) -> None:
        """Take it out."""
        self._level = self._filled(now) - amount
        self._at = now

    def release(self) -> None:
        """Nothing comes back."""

    def scale(self, now: float, factor: float) -> None:
        """The rate changes, what is saved up stays."""
        self._level, self._at = self._filled(now), now
        self._rate = self._full_rate * factor

    def offered(self, live_s: float, mean_amount: float, mean_s: float) -> float:
        """The burst and what flowed in."""
        del mean_s
        return (self._burst + self._full_rate * live_s) / mean_amount

    def per_minute(self, now: float) -> tuple[float, float]:
        """The limit a minute, and what is left of it right now."""
        return self._rate * _MINUTE, max(0.0, self._filled(now))

    def _filled(self, now: float) -> float:
        if self._at == -math.inf:
            return self._burst
        return min(self._burst, self._level + (now - self._at) * self._rate)


class FixedWindow:
    """At most `rate` × `window_s` units in each window of the clock."""

    def __init__(self, cause: Cause, rate: float, window_s: float) -> None:
        self.cause = cause
        # Units a second: `_full_rate` × the last factor of `scale`.
        self._rate = self._full_rate = rate
        self._window_s = window_s
        # The number of the last window that something was taken in, and what was taken in it.
        self._index = -1
        self._used = 0.0

    def wait(self, now: float, amount: float) -> float:
        """A request larger than a whole window passes in an empty one."""
        limit = self._rate * self._window_s
        left = limit - self._used_at(now)
        if min(amount, max(limit, 1.0)) <= left + _SLACK:
            return 0.0
        return (now // self._window_s + 1) * self._window_s - now if limit else math.inf

    def take(self, now: float, amount: float) -> None:
        """Count it in its window."""
        self._used = self._used_at(now) + amount
        self._index = int(now // self._window_s)

    def release(self) -> None:
        """Nothing comes back."""

    def scale(self, now: float, factor: float) -> None:
        """Holds for the window under way too."""
        del now
        self._rate = self._full_rate * factor

    def offered(self, live_s: float, mean_amount: float, mean_s: float) -> float:
        """Whole windows, the last one begun counted by its share."""
        del mean_s
        return self._full_rate * (live_s + self._window_s) / mean_amount

    def per_minute(self, now: float) -> tuple[float, float]:
        """The limit a minute, and what is left in this window."""
        return self._rate * _MINUTE, max(0.0, self._rate * self._window_s - self._used_at(now))

    def _used_at(self, now: float) -> float:
        return self._used if int(now // self._window_s) == self._index else 0.0


def enforced_limits(limits: Limits, *, burst_s: float, window_s: float) -> list[EnforcedLimit]:
    """How declared limits are enforced. `window_s` above 0 makes rates fixed windows."""

    def rated(cause: Cause, rate: float) -> EnforcedLimit:
        if window_s:
            return FixedWindow(cause, rate, window_s)
        return TokenBucket(cause, rate, rate * burst_s)

    enforced: list[EnforcedLimit] = (
        [] if limits.max_workers is None else [SlotCap(limits.max_workers)]
    )
    enforced += [rated("rate", limits.qps)] if limits.qps is not None else []
    enforced += [rated("rate", limits.rpm / _MINUTE)] if limits.rpm is not None else []
    enforced += [rated("tokens", limits.tpm / _MINUTE)] if limits.tpm is not None else []
    return enforced
