from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.store.header import Header
from stormproof.store.journal import JournalWriter, Log, PendingLine, Scan, scan
from stormproof.store.record_lines import (
    Note,
    episode_record,
    read_lines,
    to_line,
    turn_record,
)
from stormproof.testing.records import a_trial, a_turn, an_episode

TRIAL = a_trial()


def scanned(records: Sequence[bytes]) -> tuple[Scan, Log]:
    log = Log()
    return scan(io.BytesIO(b"".join(map(to_line, records))), 1, log), log


def turn(index: int) -> bytes:
    return turn_record(TRIAL.trial_id, a_turn(index))


def end(count: int) -> bytes:
    return episode_record(an_episode(TRIAL, [a_turn(i) for i in range(count)]))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    found = scan(io.BytesIO(data), 1, Log())
    assert found.good == 0
    assert sum(line.length for line in read_lines(io.BytesIO(data))) == len(data)


NAMES = st.sampled_from(["type", "turn", "trial_id", "episode", "trial", "totals", "header"])
JSON = st.recursive(
    st.none() | st.integers() | st.text() | NAMES,
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@given(JSON)
def test_a_sound_line_that_is_no_record_is_damage(value: object) -> None:
    found, _ = scanned([json.dumps(value).encode()])
    assert len(found.damage) == 1


@pytest.mark.parametrize(
    ("records", "line"),
    [
        ([turn(0), turn(2)], 2),
        ([turn(1)], 1),
        ([turn(0), end(2)], 2),
        ([turn(0), turn(1), b'{"type":"unheard-of"}'], 3),
    ],
)
def test_what_does_not_follow_is_damage(records: list[bytes], line: int) -> None:
    found, _ = scanned(records)
    assert [damage.line for damage in found.damage] == [line]
    assert re.search("is missing before|no record of this format", found.damage[0].why)


def test_lines_met_twice_change_nothing() -> None:
    lines = [turn(0), turn(1), end(2), turn(2)]
    once, twice = scanned(lines)[1], scanned(lines + lines)[1]
    for log in (once, twice):
        entry = log.entries[TRIAL.trial_id]
        assert (len(entry.turns), len(entry.ended), entry.is_settled) == (3, 2, False)
        assert log.settled == 0


def test_a_carried_journal_tells_the_same(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, Header(suite="1", seed=0), 1, Log())
    records = [(turn(0), 0, ""), (turn(1), 1, ""), (end(2), 2, "completed"), (turn(2), 2, "")]
    writer.append([PendingLine(to_line(r), Note(TRIAL.trial_id, at, o)) for r, at, o in records])  # type: ignore[arg-type]
    assert writer.rotate() == {}
    entry = writer.log.entries[TRIAL.trial_id]
    assert (writer.number, len(entry.turns), len(entry.ended), entry.is_settled) == (2, 3, 2, False)
    writer.close()
    assert (tmp_path / "journal-000001.jsonl").read_bytes() == (
        tmp_path / "journal-000002.jsonl"
    ).read_bytes()
