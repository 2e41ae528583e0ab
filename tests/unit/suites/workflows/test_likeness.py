from __future__ import annotations

from typing import Any

import pytest

from stormproof.suites.workflows.likeness import alike, canonical, same

ROWS = [{"id": "A", "n": 0.1 + 0.2}, {"id": "B", "n": 2}, {"id": "B", "n": 3}]
CSV = "id,n\nB,3\nA,0.3\nB,2\n"
XML = "<r><x><id>A</id><n>0.3</n></x><x><id>B</id><n>2</n></x><x><id>B</id><n>3</n></x></r>"


@pytest.mark.parametrize(
    ("found", "expected", "equal"),
    [
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, True),
        (1.00001, 1, False),
        (1e9 + 1, 1e9, True),
        (True, 1, False),
        (1, True, False),
        ("1", 1, False),
        (None, None, True),
        (None, "", False),
        (" a \nb\r\n", " a\nb", True),
        ("a b", "a  b", False),
        ([1, 2], (1, 2), True),
        ([2, 1], [1, 2], False),
        ([1, 2, 3], [1, 2], False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
    ],
)
def test_same(found: Any, expected: Any, *, equal: bool) -> None:
    assert same(found, expected) is equal
    assert alike(found, expected) is equal or isinstance(found, str) != isinstance(expected, str)


@pytest.mark.parametrize("text", [CSV, CSV.replace(",", ";"), XML])
def test_a_text_stands_for_the_records_that_it_holds(text: str) -> None:
    assert alike(text, ROWS)
    assert alike(ROWS, text)
    assert alike(text, CSV)
    assert not alike(text, ROWS[:2])
    assert not same(text, ROWS)


def test_records_are_the_same_in_any_order_unless_it_was_asked_for() -> None:
    assert same(ROWS[::-1], ROWS)
    assert not same(ROWS[::-1], ROWS, ordered=True)
    assert same({"chosen": ROWS[::-1]}, {"chosen": ROWS})
    assert not same([*ROWS[:2], ROWS[0]], ROWS)
    assert not same([3, 2], [2, 3])


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("a, b\nc, d", "a, b\nc, e", False), ("hello", "bye", False), ("61.50", 61.5, True),
     ("a", 1, False), ("[1, 2", [1, 2], False), ("", [], False)],
)  # fmt: skip
def test_other_texts_are_texts(one: Any, other: Any, *, equal: bool) -> None:
    assert alike(one, other) is equal


def test_records_that_are_the_same_are_sorted_alike() -> None:
    assert canonical({"b": 0.1 + 0.2, "a": " x"}) == canonical({"a": "x ", "b": 0.3})
    assert canonical({"n": 2}) == canonical({"n": 2.0}) != canonical({"n": "2"})
    assert canonical({"n": 10**400})


def test_data_as_deep_as_an_agent_likes_is_compared_and_never_breaks() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    assert not same([{"a": deep}, {"a": 1}], [{"a": 1}, {"a": 2}])
