"""What response headers say of limits and waits. Pure; names are asked in lower case."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Protocol

from stormproof.domain.calls import RateHeaders
from stormproof.domain.durations import MINUTE_S, duration_s

# A provider that asks for more is asked again after this: one refused request per ten minutes
# costs nothing, while a wait of ten days believed would end a run that need not end.
LONGEST_RETRY_AFTER_S = 600.0
_IN_TEXT = re.compile(
    r"(?:try again in|retry (?:again )?(?:in|after)|please wait|\"retryDelay\":\s*\")\s*"
    r"((?:\d{1,9}(?:\.\d{1,9})?\s?(?:ms|milliseconds?|seconds?|minutes?|hours?|h|m|s)\s?){1,6})",
    re.IGNORECASE,
)
_WORDS = (("milliseconds", "ms"), ("millisecond", "ms"), ("seconds", "s"), ("second", "s"),
          ("minutes", "m"), ("minute", "m"), ("hours", "h"), ("hour", "h"), (" ", ""))  # fmt: skip
_OF_A_DAY = (
    "x-ratelimit-reset-requests-day",  # Cerebras, SambaNova: seconds
    "x-ratelimit-reset-tokens-day",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset",
)
_EPOCH_S, _EPOCH_MS = 1e9, 1e11  # numbers from here on are instants, since 2001 and since 1973


class Headers(Protocol):
    """Response headers by name in any case: pyreqwest's map, or a dict with lower-case names."""

    def get(self, name: str, /) -> str | None:
        """The first value of a header, or None."""
        ...

    def __iter__(self) -> Iterator[str]:
        """The names, in any case."""
        ...


def retry_after_s(headers: Headers, now: float, text: str = "") -> float | None:
    """Seconds that the provider asks to wait, in (0, LONGEST_RETRY_AFTER_S], or None.

    `retry-after-ms` beats `retry-after` (seconds or an HTTP date), which beats a wait named in
    the error's `text`. Zero, the past and garbage ask for nothing. `now` is wall-clock epoch
    seconds.
    """
    asked_s = asked_wait_s(headers, now, text)
    return None if asked_s is None else min(asked_s, LONGEST_RETRY_AFTER_S)


def asked_wait_s(headers: Headers, now: float, text: str = "") -> float | None:
    """The same, however long."""
    milliseconds = _number(headers.get("retry-after-ms"))
    for asked_s in (
        milliseconds / 1000 if milliseconds is not None else None,
        _retry_after(headers, now),
        _named_in(text),
    ):
        if asked_s is not None and asked_s > 0:
            return asked_s
    return None


def day_resets_in_s(headers: Headers, now: float, reset: str = "") -> float:
    """Seconds until a day's quota is refilled, by the latest of the resets; 0 where none is named.

    `reset` is one that the error's body names. A number is of seconds, or an instant in seconds or
    milliseconds of the epoch.
    """
    named = [reset, *(headers.get(name) or "" for name in _OF_A_DAY)]
    return max(0.0, *(_until(text, now) for text in named))


def _until(text: str, now: float) -> float:
    value = duration_s(text) or 0.0
    if value >= _EPOCH_S:
        return value / (1000 if value >= _EPOCH_MS else 1) - now
    return value


def rate_headers(headers: Headers) -> RateHeaders | None:
    """Limits and what remains of them; None where no header names any."""
    if not _name_limits(headers):
        return None  # as with most services
    limit_requests = _of_a_minute(headers, "limit-requests")
    limit_tokens = _of_a_minute(headers, "limit-tokens")
    left_requests = _of_a_minute(headers, "remaining-requests")
    left_tokens = _of_a_minute(headers, "remaining-tokens")
    if limit_requests is limit_tokens is left_requests is left_tokens is None:
        return None
    return RateHeaders(
        limit_rpm=_per_minute(limit_requests, left_requests, headers, "requests"),
        limit_tpm=_per_minute(limit_tokens, left_tokens, headers, "tokens"),
        remaining_requests=_count(left_requests),
        remaining_tokens=_count(left_tokens),
    )


def _name_limits(headers: Headers) -> bool:
    for name in headers:  # noqa: SIM110  every reply passes here: a generator costs twice as much
        if name.lower().startswith("x-ratelimit-"):
            return True
    return False


def _of_a_minute(headers: Headers, name: str) -> float | None:
    """A header's number; Cerebras says "-minute" behind the name that others have."""
    found = headers.get(f"x-ratelimit-{name}")
    return _number(found or headers.get(f"x-ratelimit-{name}-minute"))


def _per_minute(
    limit: float | None, left: float | None, headers: Headers, kind: str
) -> float | None:
    """A limit as a rate per minute. Some services count by the second or the day under its name.

    The time to refill tells them apart: a token bucket that lacks `limit - left` is full again
    after `reset`, so its window is limit · reset / (limit - left). A window of minutes never
    resets in more than 60 s. One that is longer, as a day's, is no rate: what it holds may be spent
    at any pace. Of the shorter ones a second is believed.
    """
    if limit is None or limit <= 0:
        return None
    reset = duration_s(headers.get(f"x-ratelimit-reset-{kind}"))
    if reset is None or left is None or left >= limit:
        return limit
    window_s = limit * reset / (limit - left)
    if math.isclose(window_s, 1.0, rel_tol=0.2):
        return limit * MINUTE_S
    return limit if reset <= MINUTE_S else None


def _retry_after(headers: Headers, now: float) -> float | None:
    value = headers.get("retry-after") or ""
    if (seconds := _number(value)) is not None:
        return seconds
    at = _http_date(value)
    # The provider's own clock where it shows one: ours may be off by minutes.
    sent = _http_date(headers.get("date") or "")
    return None if at is None else at - (now if sent is None else sent)


def _http_date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _named_in(text: str) -> float | None:
    if not (found := _IN_TEXT.search(text)):
        return None
    span = found[1].lower()
    for word, unit in _WORDS:
        span = span.replace(word, unit)
    return duration_s(span)


def _number(value: str | None) -> float | None:
    """A finite number written plainly, else None."""
    if not value:  # most headers that are asked for are not there
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _count(value: float | None) -> int | None:
    return None if value is None else max(0, int(value))
