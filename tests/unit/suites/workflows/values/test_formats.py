from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.suites.workflows.values import ToolFault
from stormproof.suites.workflows.values.formats import Format, format_of, parse, recognise, render

CELLS = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8).map(
        lambda text: f"t{text}."
    ),
)
TABLES = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 99), "a": CELLS, "b_c": CELLS}),
    min_size=2,
    max_size=5,
)


@given(TABLES, st.sampled_from(["csv", "json", "jsonl", "xml"]))
def test_a_table_survives_every_format(table: list[dict[str, Any]], kind: Format) -> None:
    text = render(table, kind)
    assert recognise(text) == kind
    assert parse(text, kind) == table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1;2\n", [{"a": 1, "b": 2}]),
        ("a\tb\n1\t\n", [{"a": 1, "b": None}]),
        ('a,b\n"x, y",007\n', [{"a": "x, y", "b": "007"}]),
        ("\ufeffa,b\n-1.5e3,1.\n", [{"a": -1500.0, "b": "1."}]),
        ("a,b\n\n1\n", [{"a": 1, "b": None}]),
        ("a\n", []),
    ],
)
def test_csv_as_it_comes(text: str, expected: Any) -> None:
    assert parse(text, "csv") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<o id="7"><a>1</a></o>', {"id": 7, "a": 1}),
        ("<r><a>1</a><a>2</a><b>x</b></r>", {"a": [1, 2], "b": "x"}),
        ('<r><o k="1">x</o><o k="2">y</o></r>', [{"k": 1, "text": "x"}, {"k": 2, "text": "y"}]),
        ("<r>5</r>", 5),
    ],
)
def test_xml_as_it_comes(text: str, expected: Any) -> None:
    assert parse(text, "xml") == expected


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "csv"),
        ("a,b\n1,2,3\n", "csv"),
        ('a\n"' + "x" * 200_000, "csv"),
        ("{", "json"),
        ("[" * 100 + "]" * 100, "json"),
        ("[" * 100_000, "json"),
        ("1" * 400, "json"),
        ("{}\n{", "jsonl"),
        ("<a><b></a>", "xml"),
        (BOMB, "xml"),
        ("<a>" * 100 + "</a>" * 100, "xml"),
        ("x" * 1_000_001, "csv"),
    ],
)
def test_what_is_malformed_or_hostile_is_refused(text: str, kind: Format) -> None:
    with pytest.raises(ToolFault):
        parse(text, kind)


def test_endings_tell_formats() -> None:
    assert [format_of(p) for p in ("a.CSV", "b/c.json", "d.txt", "csv", "e.jsonl")] == [
        "csv", "json", None, "csv", "jsonl",
    ]  # fmt: skip


def test_who_reads_again_has_a_copy_of_its_own_that_is_the_same_to_the_last_digit() -> None:
    text = "id,amount,note\n007,0.1,\n1,1.0,-0.0\n2,1e22,ok\n"
    first = parse(text, "csv")
    first[0]["amount"] = "spoiled"
    first.append({})
    again = parse(text, "csv")
    assert again == [
        {"id": "007", "amount": 0.1, "note": None},
        {"id": 1, "amount": 1.0, "note": -0.0},
        {"id": 2, "amount": 1e22, "note": "ok"},
    ]
    assert [type(v) for v in again[1].values()] == [int, float, float]
    assert list(again[0]) == ["id", "amount", "note"]
    assert parse(text, "csv", ";") == [{"id,amount,note": line} for line in text.split("\n")[1:-1]]


@pytest.mark.parametrize("long", [False, True])
def test_a_text_that_no_json_can_carry_is_read_all_the_same(long: bool) -> None:  # noqa: FBT001
    text = "name\n\ud83d\n" + "x\n" * 10_000 * long
    for _ in range(2):
        assert parse(text, "csv")[0] == {"name": "\ud83d"}
