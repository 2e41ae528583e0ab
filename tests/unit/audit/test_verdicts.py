from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from stormproof.audit import audit_of
from stormproof.audit.evidence import Evidence
from stormproof.audit.turn_signs import TurnSigns


def evidence(number: int = 0, **fields: Any) -> Evidence:
    sound = Evidence(
        trial_id=f"{number}",
        model="m",
        task_id=f"t{number}",
        cell={"prompt_type": "optimal", "task_type": "simple_task", "difficulty": "easy",
              "tool_success_rate": "0.9", "protocol": "text"},
        infrastructure=False,
        turns=6,
        signs=TurnSigns(calls_seen=5),
        lost_first=False,
        format_errors=0,
        recorded=True,
        full=True,
    )  # fmt: skip
    return replace(sound, **fields)


def many(count: int, start: int = 0, **fields: Any) -> list[Evidence]:
    return [evidence(start + i, **fields) for i in range(count)]


def verdict_on(*evidence: list[Evidence]) -> tuple[str, str]:
    group = audit_of([e for part in evidence for e in part]).models[0]
    return group.verdict, group.reason


GONE: dict[str, Any] = {"infrastructure": True, "full": None, "signs": TurnSigns()}
LOST: dict[str, Any] = {
    "lost_first": True,
    "signs": TurnSigns(5, 5, 5),
    "recorded": False,
    "full": False,
}


@pytest.mark.parametrize(
    ("gone", "lost", "verdict"),
    [
        (0, 0, "sound"),
        (4, 0, "sound"),
        (2, 2, "sound"),
        (5, 0, "distorted by infrastructure"),
        (0, 5, "distorted by harness"),
        (60, 40, "distorted by infrastructure"),
        (40, 60, "distorted by harness"),
        (100, 0, "distorted by infrastructure"),
    ],
)
def test_the_cause_that_silenced_more_names_the_verdict(gone: int, lost: int, verdict: str) -> None:
    parts = many(gone, **GONE), many(lost, 200, **LOST), many(100 - gone - lost, 400)
    assert verdict_on(*parts)[0] == verdict


def test_lost_calls_alone_distort() -> None:
    few = many(50, signs=TurnSigns(calls_seen=10))
    some = many(50, 50, signs=TurnSigns(calls_seen=10, calls_lost=1, not_executed=1))
    assert verdict_on(few, some) == ("distorted by harness", (
        "100 of 100 episodes say something of the model; "
        "50 of 1,000 turns with a call were not carried out; calls not executed 5.0%"))  # fmt: skip
    assert verdict_on(few, some[:45])[0] == "sound"


def test_parts_that_contradict_each_other_are_not_usable() -> None:
    assert verdict_on(many(95), many(5, 95, contradictions=("parts",)))[0] == "not usable"
    assert verdict_on(many(96), many(4, 96, contradictions=("above_one",)))[0] == "sound"
    assert verdict_on(many(90), many(10, 90, contradictions=("success_unearned",)))[0] == "sound"


def test_what_cannot_be_known_widens_the_interval() -> None:
    """30 of 40 known succeed; 60 say nothing: the truth lies between 30 and 90 of 100, or so."""
    parts = many(30), many(10, 30, recorded=False), many(60, 40, **LOST)
    group = audit_of([s for part in parts for s in part]).models[0]
    assert group.valid.estimate == 0.75
    assert group.recorded.estimate == 0.3
    assert group.known == 40
    low, high = group.possible
    assert 0.2 < low < 0.3
    assert 0.9 < high < 0.96


def test_an_api_failure_is_no_success_of_a_recording() -> None:
    """Stored as a success, ended by infrastructure: unknown, whatever was stored."""
    group = audit_of(many(10, **GONE)).models[0]
    assert group.recorded.estimate == 1
    assert group.valid.n == 0
    assert group.possible[0] < 0.01
    assert group.possible[1] > 0.99


def test_our_own_infrastructure_is_in_no_rate() -> None:
    own = [*many(10, recorded=None), *many(10, 10, **(GONE | {"recorded": None}))]
    group = audit_of(own).models[0]
    assert group.recorded.n == 10
    assert group.recorded.estimate == 1


def test_a_collapsed_prompt_type_is_found() -> None:
    other = evidence().cell | {"prompt_type": "cot"}
    parts = [*many(60), *many(30, 60, recorded=False, full=False, cell=other)]
    found = {f.kind: f for f in audit_of(parts).findings}
    assert (found["collapsed"].where, found["collapsed"].count) == ("cot", 30)
    fine = [*many(60), *many(30, 60, cell=other)]
    assert "collapsed" not in {f.kind for f in audit_of(fine).findings}


def test_short_cells_are_found_by_name() -> None:
    other = evidence().cell | {"prompt_type": "cot"}
    (found,) = audit_of([*many(40), *many(19, 40, cell=other)]).findings
    assert (found.kind, found.where, found.count, found.of) == ("short", "cot", 1, 2)


def test_double_records_are_counted() -> None:
    found = [*many(30), *(evidence(i, transcript="same") for i in range(30, 33))]
    assert {f.kind: f.count for f in audit_of(found).findings}["doubled"] == 2
    again = [*many(30), *many(4)]
    assert {f.kind: f.count for f in audit_of(again).findings}["doubled"] == 4


def test_an_audit_is_json() -> None:
    data = msgspec.json.decode(msgspec.json.encode(audit_of(many(30))))
    assert data["models"][0]["verdict"] == "sound"
    assert data["rules"]


def signed(**signs: int) -> dict[str, Any]:
    return {"signs": TurnSigns(calls_seen=5, **signs)}


@pytest.mark.parametrize(
    ("spoiled", "flag", "verdict"),
    [
        ({"suite": True, **GONE}, "suite errors", "distorted by harness"),
        ({"blocked": True, "full": None}, "blocked", "distorted by serving"),
        ({"behind_done": True}, "call behind done", "distorted by harness"),
        (signed(calls_lost=5, not_executed=5), "calls not executed", "distorted by harness"),
        (signed(calls_lost=5, arguments_lost=5), "arguments lost", "distorted by harness"),
        (signed(calls_lost=5, unread=5), "calls unread", "distorted by harness"),
        (signed(body_kept=5), "bodies not understood", "distorted by serving"),
        (signed(cut_off=5), "cut at the length limit", "distorted by serving"),
        (signed(filtered=5), "filtered replies", "distorted by serving"),
        (signed(empty=5), "empty replies", "distorted by serving"),
        (
            {"served": ((("e", "qwen2.5-7b"), 6),), "model": "m"},
            "served model changed",
            "distorted by serving",
        ),
        ({"context_window": True}, "context window full", "sound"),
        (signed(repaired=5), "formats repaired", "sound"),
    ],
)
def test_each_column_gives_its_flag_and_verdict(
    spoiled: dict[str, Any], flag: str, verdict: str
) -> None:
    plain: dict[str, Any] = {"served": ((("e", "qwen2.5-7b-v1"), 6),)}
    few, some = 3, 10
    for count, expected in ((few, "sound"), (some, verdict)):
        group = audit_of([*many(100 - count, **plain), *many(count, 200, **spoiled)]).models[0]
        assert group.verdict == expected
        assert (flag in group.flags) == (count == some)


def test_another_model_than_was_asked_for_is_told() -> None:
    other = many(30, model="qwen2.5-7b", served=((("e", "Llama-3.3-70B"), 6),))
    group = audit_of(other).models[0]
    assert group.verdict == "distorted by serving"
    assert group.flags == ("another model served",)


def test_what_was_repaired_does_not_look_like_what_was_lost() -> None:
    repaired = audit_of(many(30, **signed(repaired=5))).models[0]
    unread = audit_of(many(30, **signed(calls_lost=5, unread=5), full=False)).models[0]
    assert (repaired.verdict, repaired.flags) == ("sound", ("formats repaired",))
    assert (unread.verdict, unread.flags) == (
        "distorted by harness",
        ("calls lost", "calls unread"),
    )


def test_blocked_episodes_are_in_no_rate_and_count_both_ways() -> None:
    blocked = many(10, 10, blocked=True, recorded=None, full=None)
    group = audit_of([*many(10, recorded=None), *blocked]).models[0]
    assert (group.recorded.n, group.valid.n, group.known, group.blocked) == (10, 10, 10, 10)
    assert group.possible[0] < 0.5
    assert group.possible[1] > 0.99
