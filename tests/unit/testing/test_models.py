from __future__ import annotations

import anyio
import msgspec
import pytest
from hypothesis import given

from stormproof.domain.calls import Reply, Request
from stormproof.domain.episodes import Turn
from stormproof.domain.trials import Trial
from stormproof.errors import TransientFailure
from stormproof.testing import ScriptedModel, asking
from stormproof.testing.strategies import requests, trials, turns


def request(turn: int) -> Request:
    return Request("t", turn, "m", ())


def test_it_says_its_lines_by_turn_and_the_last_again() -> None:
    model = ScriptedModel(["a", Reply("b"), "c"])

    async def go() -> list[str]:
        return [(await model(request(turn))).reply.text for turn in (1, 0, 2, 9)]

    assert anyio.run(go) == ["b", "a", "c", "c"]
    assert [r.turn for r in model.asked] == [1, 0, 2, 9]


def test_an_error_in_the_script_is_raised() -> None:
    model = ScriptedModel(["a", TransientFailure("gone")])
    with pytest.raises(TransientFailure, match="gone"):
        anyio.run(model, request(1))
    with pytest.raises(ValueError, match="line"):
        ScriptedModel([])


def test_anything_that_answers_can_be_asked() -> None:
    ask = asking(lambda r: Reply(f"turn {r.turn}"))

    async def go() -> str:
        return (await ask(request(3))).reply.text

    assert anyio.run(go) == "turn 3"


@given(trials(), turns(), requests())
def test_records_drawn_survive_json(trial: Trial, turn: Turn, request: Request) -> None:
    for record in (trial, turn, request):
        assert msgspec.json.decode(msgspec.json.encode(record), type=type(record)) == record
