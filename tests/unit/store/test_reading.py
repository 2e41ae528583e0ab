from __future__ import annotations

from collections import Counter
from pathlib import Path

import anyio
import pytest

from stormproof.domain.episodes import Episode
from stormproof.errors import StoreError
from stormproof.store import (
    Header,
    StorageFormat,
    episode_table,
    open_store,
    query,
    read_episodes,
    turn_table,
)
from stormproof.testing.records import a_trial, a_turn, an_episode

HEADER = Header(suite="1", seed=0)
EPISODES = [
    an_episode(a_trial(0), [a_turn(0), a_turn(1, endpoint_id="there")]),
    an_episode(a_trial(1), [a_turn(0)], "infrastructure"),
    an_episode(a_trial(2, model="other"), []),
    an_episode(a_trial(3, prompt_type="optimal"), [a_turn(0), a_turn(1)]),
]


async def _fill(folder: Path, *episodes: Episode, form: StorageFormat = "parquet") -> None:
    async with open_store(folder, HEADER, storage_format=form) as store:
        for episode in episodes:
            await store.episode(episode)


def fill(folder: Path, *episodes: Episode, form: StorageFormat = "parquet") -> Path:
    anyio.run(lambda: _fill(folder, *episodes, form=form))
    return folder


@pytest.fixture(params=["parquet", "json", "mixed"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The same episodes, however they came to be stored; one of them in the place of an older."""
    first: StorageFormat = "parquet" if request.param == "mixed" else request.param
    second: StorageFormat = "json" if request.param == "mixed" else request.param
    older = an_episode(a_trial(0), [a_turn(0)], "infrastructure")
    fill(tmp_path / "r", older, *EPISODES[1:3], form=first)
    return fill(tmp_path / "r", EPISODES[0], EPISODES[3], form=second)


def test_the_latest_record_of_a_trial_stands(folder: Path) -> None:
    assert sorted(read_episodes(folder), key=str) == sorted(EPISODES, key=str)
    wanted = [EPISODES[0].trial.trial_id, EPISODES[3].trial.trial_id, "unknown"]
    assert sorted(read_episodes(folder, wanted), key=str) == sorted(
        [EPISODES[0], EPISODES[3]], key=str
    )


def test_episode_table(folder: Path) -> None:
    rows = {row["trial_id"]: row for row in episode_table(folder).to_pylist()}
    assert len(rows) == episode_table(folder).num_rows == 4
    row = rows[EPISODES[0].trial.trial_id]
    expected = {
        "model": "some-model",
        "prompt_type": "cot",
        "tool_success_rate": 0.8,
        "outcome": "completed",
        "success": "full",
        "goal_met": True,
        "order": 0.5,
        "recovery": None,
        "ceiling": 0.9,
        "turns": 2,
        "calls": 2,
        "failed_calls": 0,
        "prompt_tokens": 200,
        "completion_tokens": 20,
        "format_repairs": 2,
        "format_errors": 0,
        "attempts": 4,
        "endpoints": ["here", "there"],
        "simulated": False,
        "source": "run",
    }
    assert {name: row[name] for name in expected} == expected
    broken = rows[EPISODES[1].trial.trial_id]
    assert (broken["outcome"], broken["success"], broken["error"]) == (
        "infrastructure",
        None,
        "no endpoint answered",
    )


def test_some_columns_of_the_tables(folder: Path) -> None:
    table = episode_table(folder, ["turns", "model"])
    assert table.column_names == ["turns", "model"]
    assert Counter(table.column("turns").to_pylist()) == {0: 1, 1: 1, 2: 2}
    assert turn_table(folder, ["action"]).num_rows == sum(len(e.turns) for e in EPISODES)


def test_turn_table(folder: Path) -> None:
    rows = turn_table(folder).to_pylist()
    assert len(rows) == sum(len(e.turns) for e in EPISODES)
    chosen = [row for row in rows if row["trial_id"] == EPISODES[0].trial.trial_id]
    assert [(row["index"], row["endpoint_id"]) for row in chosen] == [(0, "here"), (1, "there")]


def test_query(folder: Path) -> None:
    sql = """
        select model, count(*), count(*) filter (success = 'full')
        from episodes where outcome = 'completed' group by model order by model
    """
    assert [*map(tuple, map(dict.values, query(folder, sql).to_pylist()))] == [
        ("other", 1, 1),
        ("some-model", 2, 2),
    ]
    joined = "select count(*) as n from turns join episodes using (trial_id) where text = 'turn 1'"
    assert query(folder, joined).to_pylist() == [{"n": 2}]
    with pytest.raises(StoreError, match="the query cannot be run") as raised:
        query(folder, "select nonsense from episodes")
    with pytest.raises(StoreError, match="the query cannot be run"):
        query(folder, "select cast(model as int) from episodes")
    assert raised.value.hint


def test_an_empty_folder_gives_empty_tables(tmp_path: Path) -> None:
    fill(tmp_path)
    assert episode_table(tmp_path).num_rows == 0
    assert "trial_id" in episode_table(tmp_path).column_names
    assert turn_table(tmp_path).num_rows == 0
    assert list(read_episodes(tmp_path)) == []
    assert query(tmp_path, "select count(*) as n from episodes").to_pylist() == [{"n": 0}]


def test_no_folder_is_one_clear_error(tmp_path: Path) -> None:
    for read in (episode_table, turn_table, lambda f: list(read_episodes(f))):
        with pytest.raises(StoreError, match="holds no results"):
            read(tmp_path / "none")


def test_a_journal_that_leads_nowhere_is_an_error_and_no_hang(tmp_path: Path) -> None:
    fill(tmp_path, *EPISODES)
    (tmp_path / "journal-000009.jsonl").symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="journals change faster"):
        list(read_episodes(tmp_path))
