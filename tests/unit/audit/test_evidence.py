from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from stormproof.audit import audit
from stormproof.audit.evidence import AXES, SHARES, evidence_of
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode

Make = Callable[..., Episode]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("<tool_call>network_fetcher</tool_call>", True),
        ("<tool_call>network_fetcher", True),
        ('<tool_call>\n{"name": "network_fetcher", "arguments": {}}', True),
        ("I would perhaps use some tool for this.", False),
        ("<tool_search>fetch</tool_search>", False),
        ("<tool_call>no_such_tool_at_all</tool_call>", False),
        ("", False),
    ],
)
def test_a_call_that_a_reader_sees_and_none_executed_is_lost(
    make_episode: Make, text: str, *, seen: bool
) -> None:
    found = evidence_of(make_episode(text))
    assert (found.signs.calls_seen, found.signs.calls_lost, found.lost_first) == (seen, seen, seen)
    assert evidence_of(make_episode(text, executed=True)).signs.calls_lost == 0


def test_a_first_search_is_no_lost_call(make_episode: Make) -> None:
    found = evidence_of(make_episode("<tool_search>x</tool_search>", "<tool_call>network_fetcher"))
    assert (found.signs.calls_seen, found.lost_first) == (1, True)


def test_completed_without_a_score_is_a_contradiction(make_episode: Make) -> None:
    assert evidence_of(make_episode("x", score=None)).contradictions == ("parts",)


def test_a_share_above_one_is_a_contradiction(make_episode: Make) -> None:
    sound = make_episode("x")
    assert sound.score is not None
    broken = replace(sound, score=replace(sound.score, tool_coverage=1.5))
    assert evidence_of(broken).contradictions == ("above_one",)
    assert audit([broken]).models[0].verdict == "not usable"


def test_axes_and_shares_are_fields_of_the_records() -> None:
    assert set(AXES) <= {*Condition.__struct_fields__, "task_type"}
    of_calls = ("tool_coverage", "order", "execution_success", "recovery")
    assert (*of_calls, "progress", "flaw_followed") == SHARES
