from __future__ import annotations

from pathlib import Path
from typing import get_args

import anyio
import pytest

from stormproof.domain.episodes import Episode
from stormproof.store import Header, StorageFormat, open_store, same_records
from stormproof.testing.records import a_trial, a_turn, an_episode

EPISODES = [
    an_episode(a_trial(0), [a_turn(0), a_turn(1, endpoint_id="there")]),
    an_episode(a_trial(1), [a_turn(0)], "infrastructure"),
    an_episode(a_trial(2, model="other"), []),
    an_episode(a_trial(3, prompt_type="optimal"), [a_turn(0), a_turn(1)]),
]


def filled(folder: Path, *episodes: Episode, form: StorageFormat = "parquet") -> Path:
    async def fill() -> None:
        async with open_store(folder, Header(suite="1", seed=0), storage_format=form) as store:
            for episode in episodes:
                await store.episode(episode)

    anyio.run(fill)
    return folder


def test_same_records_ignores_when_and_where(tmp_path: Path) -> None:
    a = filled(tmp_path / "a", *EPISODES)
    elsewhere = an_episode(a_trial(0), [a_turn(0, endpoint_id="z", at=9.0), a_turn(1)])
    b = filled(tmp_path / "b", *EPISODES[1:], elsewhere, form="json")
    assert same_records(a, b) == []


@pytest.mark.parametrize("form", get_args(StorageFormat))
def test_same_records_tells_what_differs(tmp_path: Path, form: StorageFormat) -> None:
    a = filled(tmp_path / "a", *EPISODES)
    said_otherwise = an_episode(a_trial(0), [a_turn(0), a_turn(1, text="else")])
    b = filled(tmp_path / "b", said_otherwise, *EPISODES[1:3], form=form)
    missing, text = same_records(a, b)
    assert missing == f"trial {EPISODES[3].trial.trial_id} is in {a} alone"
    assert text == (
        f"trial {EPISODES[0].trial.trial_id}: turns[1].answer.reply.text "
        f"is 'turn 1' in {a} and 'else' in {b}"
    )
    assert same_records(a, b, at_most=1) == [missing, "and 1 more"]


def test_a_replaced_turn_leaves_no_trace(tmp_path: Path) -> None:
    trial, anew = a_trial(0), [a_turn(0, text="anew"), a_turn(1)]

    async def replace_one() -> None:
        async with open_store(tmp_path / "a", Header(suite="1", seed=0)) as store:
            for turn in (a_turn(0), a_turn(1), anew[0]):
                await store.turn(trial.trial_id, turn)
            await store.episode(an_episode(trial, anew))

    anyio.run(replace_one)
    assert same_records(tmp_path / "a", filled(tmp_path / "b", an_episode(trial, anew))) == []
    (said,) = same_records(
        tmp_path / "a", filled(tmp_path / "c", an_episode(trial, [a_turn(0), a_turn(1)]))
    )
    assert "turns[0].answer.reply.text is 'anew'" in said
