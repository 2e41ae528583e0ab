from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stormproof.probe.refusal_causes import guesses, mend_for, mended
from stormproof.testing.records import an_endpoint

ASKED = msgspec.structs.replace(
    an_endpoint(), parameters={"max_tokens": 20_000, "temperature": 0.0, "top_p": ""}
)
SYSTEM = ("system_role",)


@pytest.mark.parametrize(
    ("reason", "place", "value"),
    [
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
         ("max_completion_tokens",), 20_000),
        ("max_tokens is too large: 20000. This model supports at most 16384 completion tokens.",
         ("max_tokens",), 16_384),
        ("Range of max_tokens should be [1, 8192]", ("max_tokens",), 8_192),
        ("max_tokens: Extra inputs are not permitted", ("max_completion_tokens",), 20_000),
        ("Unrecognized request argument supplied: seed", ("parameters", "seed"), ""),
        ("'temperature' does not support 0.0 with this model", ("parameters", "temperature"), ""),
        ("Developer instruction is not enabled for models/gemma-3-27b-it", SYSTEM, "user"),
        ("Unsupported value: 'messages[0].role' does not support 'system'", SYSTEM, "user"),
        ("HTTP 500: System role not supported", SYSTEM, "user"),
        ("This model only support stream mode, please enable the stream parameter",
         ("stream",), True),
        ("The parameter stream must be set to true", ("stream",), True),
        ("seed and temperature are not permitted", ("parameters", "seed"), ""),
    ],
)  # fmt: skip
def test_what_is_named_first_is_to_blame(
    reason: str, place: tuple[str, ...], value: str | int
) -> None:
    mend = mend_for(ASKED, reason)
    assert mend is not None
    assert (mend.place, mend.value, mend.why) == (place, value, reason)


@pytest.mark.parametrize(
    "reason",
    ["", "Bad request.", "top_p is not supported", "The system is overloaded", "seeds were sown"],
)
def test_what_was_not_sent_is_not_to_blame(reason: str) -> None:
    assert mend_for(ASKED, reason) is None


def test_a_stream_that_is_refused_is_asked_for_no_more() -> None:
    streams = msgspec.structs.replace(an_endpoint(), stream=True)
    for reason, place, value in (
        ("Unsupported value: 'stream' does not support true with this model.", ("stream",), False),
        ("Unknown field: stream_options", ("parameters", "stream_options"), ""),
    ):
        mend = mend_for(streams, reason)
        assert mend is not None
        assert (mend.place, mend.value) == (place, value)


def test_each_mend_is_taken_and_then_no_longer_named() -> None:
    endpoint = ASKED
    for reason in ("max_tokens? max_completion_tokens!", "seed", "temperature", "system role"):
        mend = mend_for(endpoint, reason)
        assert mend is not None
        endpoint = mended(endpoint, mend)
        assert mend_for(endpoint, reason.partition("?")[0]) is None
    given: dict[str, Any] = {"max_completion_tokens": 20_000, "temperature": "", "seed": ""}
    assert endpoint.parameters == given | {"top_p": ""}
    assert endpoint.system_role == "user"
    assert [mend.place for mend in guesses(endpoint, "?")] == [("stream",)]
