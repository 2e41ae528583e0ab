from __future__ import annotations

from email.utils import formatdate

import pytest

from stormproof.domain.calls import RateHeaders
from stormproof.wire.headers import (
    LONGEST_RETRY_AFTER_S,
    day_resets_in_s,
    rate_headers,
    retry_after_s,
)

NOW = 1_700_000_000.0


def date(offset_s: float) -> str:
    return formatdate(NOW + offset_s, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": " 3 "}, 3),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after-ms": "0", "retry-after": "2"}, 2),
        ({"retry-after": date(30)}, 30),
        ({"retry-after": date(30), "date": date(10)}, 20),  # their clock beats ours
        ({"retry-after": date(30), "date": "garbage"}, 30),
        ({"retry-after": date(-30)}, None),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 99 Nov 99999 99:99:99 GMT"}, None),
        ({"retry-after": "864000"}, LONGEST_RETRY_AFTER_S),
        ({"retry-after": date(864_000)}, LONGEST_RETRY_AFTER_S),
        ({"retry-after": "1e300"}, LONGEST_RETRY_AFTER_S),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rate limit reached for gpt-4o. Please try again in 20s. Visit …", 20),
        ("Please try again in 1m12.5s.", 72.5),
        ("Please try again in 86ms.", 0.086),
        ("Please retry after 7 seconds.", 7),
        ("Please retry after 1 minute", 60),
        ("Please wait 52 seconds before retrying.", 52),
        ("Please retry in 34.074824224s.", 34.074824224),
        ("Try again in a while", None),
        ("", None),
    ],
)
def test_a_wait_named_in_the_error_counts_where_no_header_names_one(
    text: str, expected: float | None
) -> None:
    assert retry_after_s({}, NOW, text) == pytest.approx(expected)
    assert retry_after_s({"retry-after": "3"}, NOW, text) == 3


@pytest.mark.parametrize(
    ("headers", "reset", "expected"),
    [
        ({}, "", 0),
        ({"x-ratelimit-reset-requests-day": "33011.38"}, "", 33_011.38),
        ({"x-ratelimit-reset-requests": "7m12s", "x-ratelimit-reset-tokens-day": "1h"}, "", 3600),
        ({"x-ratelimit-reset": str(int(NOW) + 60)}, "", 60),
        ({}, str(int(NOW + 60) * 1000), 60),
        ({"x-ratelimit-reset": str(int(NOW) - 60)}, "soon", 0),
    ],
)
def test_a_day_ends_with_the_latest_of_its_resets(
    headers: dict[str, str], reset: str, expected: float
) -> None:
    assert day_resets_in_s(headers, NOW, reset) == pytest.approx(expected)


def rates(**headers: str) -> RateHeaders | None:
    return rate_headers({"x-ratelimit-" + k.replace("_", "-"): v for k, v in headers.items()})


def test_no_rate_header_is_none() -> None:
    assert rate_headers({"retry-after": "3"}) is None
    assert rates(reset_requests="3s") is None


def test_limits_and_what_remains() -> None:
    assert rates(
        limit_requests="5000",
        remaining_requests="4999",
        reset_requests="12ms",
        limit_tokens="800000",
        remaining_tokens="799980",
        reset_tokens="1ms",
    ) == RateHeaders(5000, 800_000, 4999, 799_980)


def test_cerebras_names_the_minute_and_the_day() -> None:
    assert rates(
        limit_requests_day="14400",
        remaining_requests_day="14399",
        limit_tokens_minute="60000",
        remaining_tokens_minute="59000",
        reset_tokens_minute="11.4",
    ) == RateHeaders(limit_tpm=60_000, remaining_tokens=59_000)


def test_azure_tells_what_remains_without_a_limit() -> None:
    assert rates(remaining_requests="99", remaining_tokens="-1") == RateHeaders(
        remaining_requests=99, remaining_tokens=0
    )


@pytest.mark.parametrize(
    ("limit", "left", "reset", "limit_rpm"),
    [
        ("200", "199", "7m12s", None),  # OpenAI's free tier and Groq count by the day
        ("14400", "14370", "2m59.56s", None),
        ("5", "4", "200ms", 300),  # five a second
        ("5", "0", "1s", 300),
        ("100", "40", "60", 100),  # a fixed window of a minute
        ("100", "0", "36m0s", None),  # a window of 36 minutes that nobody documents
        ("100", "100", "0s", 100),
        ("100", "99", "garbage", 100),
        ("0", "0", "1s", None),
        ("-5", "0", "1s", None),
        ("lots", "99", "1s", None),
    ],
)
def test_a_limit_by_the_second_or_the_day_is_told_apart_by_its_refill(
    limit: str, left: str, reset: str, limit_rpm: float | None
) -> None:
    told = rates(limit_requests=limit, remaining_requests=left, reset_requests=reset)
    assert told is not None
    assert told.limit_rpm == (limit_rpm if limit_rpm is None else pytest.approx(limit_rpm, 1e-3))
