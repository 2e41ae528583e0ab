from __future__ import annotations

import pytest

from stormproof.suites.workflows.tasks.lexicon import subjects
from stormproof.suites.workflows.tasks.months import Month
from stormproof.suites.workflows.tasks.stock import (
    Table,
    stock,
    text_of,
    text_of_columns,
    text_of_tables,
)
from stormproof.suites.workflows.values.formats import Format, parse

MONTH = Month(2025, 3)


def table(at: int = 0, span: range = range(40, 52)) -> Table:
    return Table(stock("test", 0, at), subjects()[at], MONTH, span)


@pytest.mark.parametrize("form", ["csv", "json", "xml"])
@pytest.mark.parametrize("at", [0, 5, 11, 23])
def test_a_table_reads_as_its_records(form: Format, at: int) -> None:
    assert parse(table(at).text(form), form) == table(at).rows


@pytest.mark.parametrize("form", ["csv", "json", "xml"])
def test_changes_show_in_records_and_text_alike(form: Format) -> None:
    changed = table()
    original = changed.copied()
    amount = changed.subject.amount
    gap = {**changed.rows[3], amount: None}
    changed.put(3, gap)
    changed.put(7, {**changed.rows[0], amount: 1.25}, extra=True)
    changed.drop(1)
    assert parse(changed.text(form), form) == changed.rows
    assert len(changed.rows) == len(original.rows) == 12
    assert parse(original.text(form), form) == table().rows


def test_tables_in_a_row_are_one() -> None:
    parts = [table(span=range(5)), table(span=range(5, 9))]
    whole = [row for part in parts for row in part.rows]
    assert parse(text_of_tables("csv", parts), "csv") == whole
    assert text_of("csv", whole) == text_of_tables("csv", parts)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_columns_make_the_same_text_as_records(form: Format) -> None:
    rows = [{"id": "A1", "on": "2025-03-01"}, {"id": "A2", "on": "2025-03-02"}]
    assert text_of_columns(
        form, ("id", "on"), ["A1", "A2"], ["2025-03-01", "2025-03-02"]
    ) == text_of(form, rows)


@pytest.mark.parametrize("at", range(len(subjects())))
def test_no_order_by_amount_is_ambiguous_and_ids_ascend(at: int) -> None:
    values = stock("test", 0, at).values
    assert len({amount for _, _, _, amount, _, _ in values}) == len(values) >= 1_600
    ids = [name for name, *_ in values]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    for start in range(0, 200, 10):  # however short a slice, it has several states
        assert len({state for _, _, state, *_ in values[start : start + 10]}) > 1


@pytest.mark.parametrize("word", ["settled", "corrected", "twice", "undelivered"])
def test_no_state_is_called_what_a_list_beside_the_records_is(word: str) -> None:
    """A task that leaves out what is settled, and asks for what has been settled, says nothing."""
    for subject in subjects():
        for state, words in subject.states.items():
            assert word not in f"{state} {words}", subject.stem
