from __future__ import annotations

import pytest

from stormproof.wire.finish_reasons import finish_reason


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ("stop", "stop"),
        ("tool_calls", "tool_calls"),
        ("refusal", "refusal"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("content_filter", "content_filter"),
        ("content_filter: PROHIBITED_CONTENT", "content_filter"),
        ("sensitive", "content_filter"),
        ("SAFETY", "content_filter"),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", "malformed_function_call"),
        ("UNEXPECTED_TOOL_CALL", "malformed_function_call"),
        ("something new", "something new"),
        (None, ""),
        (7, ""),
    ],
)
def test_a_reason_is_put_in_openais_words(written: object, meaning: str) -> None:
    assert finish_reason(written) == meaning
