from __future__ import annotations

from msgspec.structs import astuple

from stormproof.domain.reasons import LONGEST, UNKNOWN, Reason, Reasons, counted, in_lines


def test_what_differs_in_numbers_and_ids_alone_is_one_reason() -> None:
    texts = [
        "gpt@k0: HTTP 500: request req_011CQ failed after 31 s (the last of 6 tries)",
        "gpt@k1: HTTP 500: request req_9zzzz failed after 29 s (the last of 6 tries)",
        "gpt@k0: HTTP 502: request req_011CQ failed after 31 s (the last of 6 tries)",
        "gpt@k0: HTTP 500: upstream 3f2a9c1e-77aa broke",
        "gpt@k0: HTTP 500: upstream 8bb0e1f2-12ff broke",
        "gpt@k0: HTTP 500: upstream 0jxQmwEuT8vKfGZa broke",
        "  ",
    ]
    expected = (
        Reason(texts[5], 3),
        Reason(texts[0], 2),
        Reason(texts[2], 1),
        Reason(UNKNOWN, 1),
    )
    assert counted(texts) == expected
    assert counted(reversed(texts)) == expected


def test_a_text_without_end_is_cut() -> None:
    ((text, count),) = map(astuple, counted(["x" * 10_000, "x" * 10_000]))
    assert (text, count) == ("x" * (LONGEST - 1) + "…", 2)


def test_what_broke_in_the_suite_is_told_apart() -> None:
    reasons = Reasons()
    reasons.add("KeyError in tool.py:3, work", is_suites=True)
    reasons.add("HTTP 500")
    reasons.add("HTTP 500")
    assert reasons.counted() == (
        Reason("HTTP 500", 2),
        Reason("KeyError in tool.py:3, work", 1),
    )
    assert reasons.counted(is_suites=True) == (Reason("KeyError in tool.py:3, work", 1),)


def test_the_rarest_share_a_line() -> None:
    reasons = counted([*["a"] * 1200, *["b"] * 3, "c", "d"])
    assert in_lines(reasons, most=2) == ["1,200 × a", "3 × b", "2 for 2 other reasons"]
    assert in_lines(reasons, most=4) == ["1,200 × a", "3 × b", "1 × c", "1 × d"]
