from __future__ import annotations

from typing import Any

import pytest

from stormproof.audit.loose_reader import LooseReader
from stormproof.audit.turn_signs import TurnSigns, signs_of
from stormproof.domain.calls import Answer, Reply, ToolCall
from stormproof.domain.episodes import Turn
from stormproof.domain.tasks import Execution
from stormproof.suites.workflows import WORKFLOWS

READER = LooseReader(WORKFLOWS.tools)
TOOL = "file_operations_reader"
CALL = f'<tool_call>{TOOL} {{"path": "a.csv"}}</tool_call>'
DONE = Execution(TOOL, {"path": "a.csv"}, ok=True)
BARE = Execution(TOOL, {}, ok=False, cause="arguments", error_code="INVALID_INPUT")


def turn(text: str = "", *executions: Execution, **fields: Any) -> Turn:
    reply = {name: fields.pop(name) for name in Reply.__struct_fields__ if name in fields}
    action = fields.pop("action", "call" if executions else "none")
    answer = Answer(Reply(text, **reply), "e")
    return Turn(0, answer, action=action, executions=executions, **fields)


def signs(made: Turn, **fields: Any) -> dict[str, int]:
    found = signs_of(made, READER, **fields)
    return {name: 1 for name in TurnSigns.__struct_fields__ if getattr(found, name)}


def native(arguments: str) -> tuple[ToolCall, ...]:
    return (ToolCall("1", TOOL, arguments),)


SEEN = {"calls_seen": 1}
LOST = SEEN | {"calls_lost": 1}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (turn(CALL, DONE), SEEN),
        (turn(CALL, DONE, format_repairs=1), SEEN | {"repaired": 1}),
        (turn(CALL), LOST | {"not_executed": 1}),
        (turn(CALL, BARE), LOST | {"arguments_lost": 1}),
        (turn(CALL, DONE, unread=1), LOST | {"unread": 1}),
        (turn(f"<tool_call>{TOOL} {{}}</tool_call>", BARE), SEEN),
        (turn("", BARE, tool_calls=native('{"path": "a.csv"')), LOST | {"arguments_lost": 1}),
        (turn("", BARE, tool_calls=native("null")), SEEN),
        (turn("", BARE, tool_calls=native("{"), unread=1), SEEN),
        (turn("", tool_calls=native("{}")), LOST | {"not_executed": 1}),
        (turn("", tool_calls=(ToolCall("1", "tool_search", "{}"),), action="search"), {}),
        (turn("I am not sure what to do."), {}),
        (turn(CALL[:-20], finish_reason="length", unread=1), {"cut_off": 1}),
        (turn("I cannot", finish_reason="content_filter"), {"filtered": 1}),
        (turn("", finish_reason="stop"), {"empty": 1}),
        (turn("hm", raw="{}"), {"body_kept": 1}),
        (
            turn("hm", raw=f'{{"content": "{{\\"name\\": \\"{TOOL}\\"}}"}}'),
            LOST | {"not_executed": 1, "body_kept": 1},
        ),
        (turn("", reasoning=CALL), LOST | {"not_executed": 1, "empty": 1}),
    ],
)
def test_what_a_turn_shows(made: Turn, expected: dict[str, int]) -> None:
    assert signs(made) == expected


def test_a_message_that_was_taken_as_done_may_speak_of_what_succeeded() -> None:
    report = turn(f'Done. {{"steps": [{{"tool": "{TOOL}"}}]}}', action="done")
    assert signs(report, reported={TOOL}) == {}
    assert signs(report, reported=set()) == LOST | {"not_executed": 1}
    again = turn(f"All steps are complete. {CALL}", action="done")
    assert signs(again, reported={TOOL}) == LOST | {"not_executed": 1}


OTHER = "<tool_call>network_fetcher</tool_call>"
TWO = (ToolCall("1", TOOL, '{"path": "a.csv"}'), ToolCall("2", TOOL, '{"path": "b.csv"}'))


@pytest.mark.parametrize(
    ("made", "left_out"),
    [
        (turn(CALL + OTHER, DONE), True),
        (turn(CALL + OTHER, DONE, Execution("network_fetcher", {}, ok=True)), False),
        (turn(f"{CALL} Then I call network_fetcher.", DONE), False),
        (turn("", DONE, tool_calls=TWO), True),
        (turn("", DONE, DONE, tool_calls=TWO), False),
        (turn("", DONE, tool_calls=(TWO[0], TWO[0])), False),  # a server said it twice
    ],
)
def test_a_call_beside_one_that_was_executed_is_not_lost_unseen(
    made: Turn, *, left_out: bool
) -> None:
    found = LOST | {"left_out": 1} if left_out else SEEN
    assert signs(made, goes_on=True) == found
    assert signs(made) == signs(made, own=False, goes_on=True) == SEEN


def test_recorded_executions_have_no_arguments_to_lose() -> None:
    assert signs(turn(CALL, BARE), own=False) == SEEN
