"""The format as docs/format.md tells it, and a folder as its first version was written."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from zlib import crc32

import anyio
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Turn
from stormproof.domain.trials import Trial
from stormproof.store import Header, episode_table, open_store, query, read_episodes, turn_table
from stormproof.store.columns import EPISODE_COLUMNS, TURN_COLUMNS
from stormproof.store.parquet import WHOLE_EPISODE_SCHEMA, WHOLE_TURN_SCHEMA
from stormproof.testing.records import a_trial, a_turn, an_episode

FORMAT1 = Path(__file__).parent / "format1"
PAGE = Path(__file__).parents[3] / "docs/format.md"
HEADER = Header(suite="1", seed=0)
THEN = Condition("cot", "easy", 0.8, max_turns=10)  # ten turns were the default then


def of_then(number: int = 0) -> Trial:
    """A trial as the first version planned it."""
    return a_trial(number, condition=THEN)


EPISODES = [
    an_episode(
        of_then(n), [a_turn(i) for i in range(count)], "infrastructure" if n == 1 else "completed"
    )
    for n, count in enumerate((0, 1, 2, 3, 1))
]


def test_a_folder_of_the_first_version_reads_as_it_was_written() -> None:
    found = sorted(read_episodes(FORMAT1), key=lambda e: e.trial.task_id)
    assert found == EPISODES
    assert episode_table(FORMAT1).num_rows == 5
    assert turn_table(FORMAT1).num_rows == 7
    assert query(FORMAT1, "select max(text) as t from turns").to_pylist() == [{"t": "turn 2"}]


def test_a_folder_of_the_first_version_goes_on(tmp_path: Path) -> None:
    shutil.copytree(FORMAT1, tmp_path / "r")

    async def go_on() -> None:
        async with open_store(tmp_path / "r", HEADER) as store:
            assert store.take_finished() == {of_then(n).trial_id for n in (0, 2, 3, 4)}
            assert store.journalled(of_then(1).trial_id) == (a_turn(0),)
            assert store.journalled(of_then(5).trial_id) == (a_turn(0),)
            await store.episode(an_episode(of_then(5), [a_turn(0), a_turn(1)]))

    anyio.run(go_on)
    assert len(list(read_episodes(tmp_path / "r"))) == 6


def test_the_first_readers_see_a_replaced_turn_too(tmp_path: Path) -> None:
    """They forget the turns after one that is replaced, so those are written again."""
    trial_id, anew = of_then().trial_id, a_turn(1, query="anew")

    async def replace_one() -> None:
        async with open_store(tmp_path, HEADER) as store:
            for turn in (*map(a_turn, range(4)), anew):
                await store.turn(trial_id, turn)

    anyio.run(replace_one)
    seen: list[dict[str, Any]] = []
    for line in (tmp_path / "journal-000001.jsonl").read_text().splitlines()[1:]:
        turn = json.loads(line)["record"]["turn"]
        seen[turn["index"] :] = [turn]
    assert msgspec.convert(seen, list[Turn]) == [a_turn(0), anew, a_turn(2), a_turn(3)]


def test_the_page_names_every_column() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    assert {*EPISODE_COLUMNS, *TURN_COLUMNS, "record", "text"} <= named


@pytest.mark.parametrize("path", sorted(FORMAT1.rglob("*.jsonl")), ids=lambda p: p.parent.name)
def test_lines_are_as_the_page_says(path: Path) -> None:
    for line in path.read_bytes().splitlines(keepends=True):
        match = re.fullmatch(rb'\{"crc":"([0-9a-f]{8})","record":(\{.*\})\}\n', line)
        assert match
        assert int(match[1], 16) == crc32(match[2])
        assert json.loads(match[2])["type"] in {"header", "turn", "episode"}


def test_parquet_can_be_read_by_others() -> None:
    (path,) = (FORMAT1 / "episodes").glob("*.parquet")
    assert f"{crc32(path.read_bytes()):08x}" in path.name
    table = pq.read_table(path)
    record = json.loads(table.column("record")[0].as_py())
    assert record["episode"]["trial"]["trial_id"] == table.column("trial_id")[0].as_py()


@pytest.mark.parametrize(
    ("kind", "schema"), [("episodes", WHOLE_EPISODE_SCHEMA), ("turns", WHOLE_TURN_SCHEMA)]
)
def test_columns_begin_with_those_of_the_first_version(kind: str, schema: pa.Schema) -> None:
    (path,) = (FORMAT1 / kind).glob("*.parquet")
    first = [field for field in pq.read_schema(path).remove_metadata() if field.name != "record"]
    assert first == list(schema)[: len(first)]  # what came since stands behind them
    listed = re.search(rf"^{kind.title()}: (.*?)\n\n", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert listed
    named = [name for name in re.findall(r"`(\w+)`", listed[1]) if name in schema.names]
    assert [*named, "record"] == schema.names
