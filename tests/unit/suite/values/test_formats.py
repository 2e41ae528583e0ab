from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.suite.values.faults import ToolFault
from windtunnel.suite.values.formats import Format, format_of, parse, recognise, render

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
