from __future__ import annotations

import msgspec
import pytest

from stormproof.domain.episodes import Episode
from stormproof.store.columns import (
    EPISODE_COLUMNS,
    SCORE_COLUMNS,
    TURN_COLUMNS,
    episode_row,
    turn_row,
)
from stormproof.store.record_lines import EpisodeRecord, TurnRecord, totals_of
from stormproof.testing.records import a_trial, a_turn, an_episode

SCORED = an_episode(a_trial(), [a_turn(0), a_turn(1)])
BROKEN = an_episode(a_trial(), [a_turn(0)], "infrastructure")


@pytest.mark.parametrize("episode", [SCORED, BROKEN])
def test_an_episode_has_a_value_of_its_kind_in_every_column(episode: Episode) -> None:
    row = episode_row(EpisodeRecord(episode, totals_of(episode.turns)))
    assert row.keys() == EPISODE_COLUMNS.keys()
    empty = {name for name, value in row.items() if value is None}
    without_flaw = {"recovery", "flaw_noticed", "flaw_recovered", "flaw_followed"}
    assert empty == (without_flaw if episode.score else set(SCORE_COLUMNS))
    assert all(type(row[name]) is EPISODE_COLUMNS[name] for name in row if name not in empty)
    assert row["difficulty"] == episode.trial.condition.difficulty
    assert row["turns"] == len(episode.turns)


def test_a_turn_has_a_value_of_its_kind_in_every_column() -> None:
    turn = a_turn(3, endpoint_id="there")
    execution = msgspec.structs.replace(turn.executions[0], ok=False)
    turn = msgspec.structs.replace(turn, executions=(*turn.executions, execution))
    row = turn_row(TurnRecord("some-trial", turn))
    assert {name: type(value) for name, value in row.items()} == TURN_COLUMNS
    assert (row["index"], row["calls"], row["failed_calls"]) == (3, 2, 1)
    assert (row["endpoint_id"], row["prompt_tokens"]) == ("there", 100)
