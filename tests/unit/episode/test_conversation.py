import json

import pytest

from stormproof.domain.calls import Reply, ToolCall
from stormproof.domain.conditions import Condition, Protocol
from stormproof.domain.episodes import Turn
from stormproof.domain.tasks import Step
from stormproof.episode.arguments import LARGEST as LARGEST_ARGUMENTS
from stormproof.episode.conversation import EMPTY, LARGEST, Conversation
from stormproof.episode.observations import NOT_UNDERSTOOD, UNREADABLE
from stormproof.episode.tool_calls import MOST_CALLS
from stormproof.suites.workflows.tasks import load_task
from stormproof.suites.workflows.tools import CATALOGUE
from stormproof.testing.models import answer
from stormproof.testing.records import a_trial

TASK = load_task("data_pipeline.easy.00000")
READ, PARSE, *_ = TASK.solution
BAD = f'<tool_call>{READ.tool} {{"nonsense": 1}}</tool_call>'


def written(step: Step) -> str:
    return f"<tool_call>{step.tool} {json.dumps(step.arguments)}</tool_call>"


def native(*steps: Step) -> Reply:
    return Reply(
        "",
        tool_calls=tuple(
            ToolCall(f"id-{n}", step.tool, json.dumps(step.arguments))
            for n, step in enumerate(steps)
        ),
    )


def conversation(
    protocol: Protocol = "text", *, max_turns: int = 10, rate: float = 1.0
) -> Conversation:
    condition = Condition("baseline", "easy", rate, protocol=protocol, max_turns=max_turns)
    return Conversation(a_trial(condition=condition), TASK)


def take(talk: Conversation, *replies: str | Reply) -> Turn:
    """The last reply's turn."""
    return [talk.take(answer(reply)) for reply in replies][-1]


def shown(turn: Turn) -> str:
    return "\n".join(message.content for message in turn.observation)


def test_the_first_request_is_the_opening_with_the_trial_s_own_seed() -> None:
    talk = conversation()
    request = talk.request()
    assert [message.role for message in request.messages] == ["system", "user"]
    assert TASK.description in request.messages[1].content
    assert (request.trial_id, request.turn) == (talk.trial.trial_id, 0)
    assert request.seed == talk.trial.sampling_seed % 2**31 != talk.trial.sampling_seed
    assert request.tools == ()


def test_a_native_request_offers_the_whole_catalogue() -> None:
    tools = conversation("native").request().tools
    assert [tool["function"]["name"] for tool in tools] == list(CATALOGUE)
    assert {tool["type"] for tool in tools} == {"function"}


def test_a_call_is_executed_and_its_result_shown() -> None:
    talk = conversation()
    turn = take(talk, written(READ))
    [execution] = turn.executions
    assert (turn.action, execution.ok, execution.tool) == ("call", True, READ.tool)
    assert execution.arguments == READ.arguments
    [text] = TASK.files.values()
    assert f"{READ.tool} succeeded. Its result is stored as {execution.handle}." in shown(turn)
    assert text[:100] in shown(turn)
    assert (turn.format_repairs, turn.format_error) == (0, False)


def test_the_next_request_holds_what_was_said_and_shown() -> None:
    talk = conversation()
    text = f"<think>hm</think>I read.\n{written(READ)}"
    turn = take(talk, text)
    said, told = talk.request().messages[2:]
    assert (said.role, said.content) == ("assistant", text.removeprefix("<think>hm</think>"))
    assert (told,) == turn.observation
    assert told.role == "user"
    assert talk.request().turn == 1


def test_all_calls_of_a_message_are_executed_in_order() -> None:
    turn = take(conversation(), written(READ) + written(PARSE))
    assert [(e.tool, e.ok) for e in turn.executions] == [(READ.tool, True), (PARSE.tool, True)]
    assert shown(turn).index(READ.tool) < shown(turn).index(PARSE.tool)


def test_calls_beyond_the_budget_are_not_executed() -> None:
    talk = conversation(max_turns=3)
    turn = take(talk, written(READ), written(PARSE) * 5)
    assert len(turn.executions) == 2
    assert talk.ending == "max_turns"
    assert turn.observation == ()


def test_a_message_without_calls_uses_a_turn_too() -> None:
    talk = conversation(max_turns=2)
    take(talk, "Hm.", "<tool_search>read</tool_search>")
    assert talk.ending == "max_turns"


def test_a_call_of_an_unknown_tool_fails_for_its_arguments() -> None:
    turn = take(conversation(), "<tool_call>teleporter {}</tool_call>")
    [execution] = turn.executions
    assert (execution.ok, execution.cause, execution.error_code) == (
        False, "arguments", "INVALID_INPUT"
    )  # fmt: skip
    assert (execution.tool, execution.took_effect) == ("teleporter", False)
    assert "There is no tool named 'teleporter'." in shown(turn)


@pytest.mark.parametrize(
    ("name", "action", "answered"),
    [("tool_search", "search", "Tools found for 'file_operations_reader':"),
     ("tool_info", "info", "file_operations_reader (")],
)  # fmt: skip
def test_a_search_or_a_question_may_be_made_up_as_a_tool(
    name: str, action: str, answered: str
) -> None:
    call = {"name": name, "arguments": {"what": "file_operations_reader"}}
    turn = take(conversation("hermes"), f"<tool_call>{json.dumps(call)}</tool_call>")
    assert (turn.action, turn.executions, turn.format_repairs) == (action, (), 1)
    assert answered in shown(turn)


def test_what_cannot_be_read_is_no_format_error_and_is_told() -> None:
    turn = take(conversation(), "<tool_call>{the file, please}</tool_call>")
    assert (turn.action, turn.unread, turn.format_error) == ("none", 1, False)
    broken = (ToolCall("1", "file_operations_reader", "the file"),)
    turn = take(conversation("native"), Reply("", broken))
    [execution] = turn.executions
    assert (turn.unread, execution.ok, execution.arguments) == (1, False, {})
    assert "not valid JSON" in shown(turn)


def test_an_unknown_tool_draws_no_weather() -> None:
    stormy = [take(conversation(rate=0.05), *["<tool_call>nothing</tool_call>"] * n, written(READ))
              for n in (0, 2)]  # fmt: skip
    assert stormy[0].executions[0].draw == stormy[1].executions[0].draw


@pytest.mark.parametrize("protocol", ["text", "native"])
def test_what_is_not_understood_is_answered_with_how_to_act(protocol: Protocol) -> None:
    turn = take(conversation(protocol), "Let me think about it.")
    assert (turn.action, turn.format_error) == ("none", True)
    assert shown(turn) == NOT_UNDERSTOOD[protocol]


def test_a_placeholder_is_no_failed_call() -> None:
    turn = take(conversation(), "<tool_call>tool_name {}</tool_call>")
    assert (turn.action, turn.executions, turn.format_error) == ("none", (), True)
    assert shown(turn) == UNREADABLE


def test_searches_and_questions_are_answered_beside_calls() -> None:
    text = f"{written(READ)}<tool_search>parse csv</tool_search><tool_info>{PARSE.tool}</tool_info>"
    turn = take(conversation(), text)
    assert (turn.action, turn.query) == ("call", "parse csv")
    assert "Tools found for 'parse csv':" in shown(turn)
    assert f"{PARSE.tool} (data_processing):" in shown(turn)


@pytest.mark.parametrize(
    ("text", "action", "told"),
    [
        ("<tool_search>read a file</tool_search>", "search", "Tools found for 'read a file':"),
        ("<tool_info>file_reader</tool_info>", "info", "file_operations_reader (file_operations)"),
        ("<tool_info>teleporter</tool_info>", "info", "There is no tool named 'teleporter'."),
    ],
)
def test_searches_and_questions_alone(text: str, action: str, told: str) -> None:
    turn = take(conversation(), text)
    assert (turn.action, turn.executions, turn.format_error) == (action, (), False)
    assert told in shown(turn)


@pytest.mark.parametrize(
    "text", ["Hm.", "<tool_call>tool_name</tool_call>", BAD, written(READ), ""]
)
@pytest.mark.parametrize("protocol", ["text", "native"])
def test_nothing_shown_tells_a_required_tool_that_was_not_named(
    protocol: Protocol, text: str
) -> None:
    turn = take(conversation(protocol), text)
    unnamed = set(TASK.required_tools) - {READ.tool}
    assert not any(name in shown(turn) for name in unnamed)


def test_done_ends_it_at_once() -> None:
    talk = conversation()
    turn = take(talk, "TASK COMPLETE")
    assert (turn.action, talk.ending, turn.observation) == ("done", "done", ())


def test_done_beside_a_call_waits_for_the_call() -> None:
    talk = conversation()
    turn = take(talk, f"{written(READ)}\nTASK COMPLETE")
    assert (turn.action, talk.ending) == ("call", None)


def test_five_failures_in_a_row_end_it() -> None:
    talk = conversation()
    take(talk, *[BAD] * 3, written(READ), *[BAD] * 4)
    assert talk.ending is None
    take(talk, BAD)
    assert talk.ending == "failures"


def test_the_fifth_failure_ends_it_in_the_middle_of_a_message() -> None:
    talk = conversation()
    turn = take(talk, BAD * 5 + written(READ))
    assert (talk.ending, len(turn.executions)) == ("failures", 5)


def test_the_same_success_five_times_in_a_row_ends_it() -> None:
    talk = conversation()
    take(talk, *[written(READ)] * 4, written(PARSE), *[written(READ)] * 4)
    assert talk.ending is None
    take(talk, written(READ))
    assert talk.ending == "repetition"


def test_other_arguments_are_no_repetition() -> None:
    talk = conversation()
    calls = [f'<tool_call>utility_logger {{"message": "{n}"}}</tool_call>' for n in range(6)]
    turn = take(talk, *calls)
    assert turn.executions[0].ok
    assert talk.ending is None


def test_parallel_native_calls_are_each_answered_by_their_id() -> None:
    talk = conversation("native")
    turn = take(talk, native(READ, PARSE))
    assert [(m.role, m.tool_call_id) for m in turn.observation] == [
        ("tool", "id-0"), ("tool", "id-1")
    ]  # fmt: skip
    assert [e.ok for e in turn.executions] == [True, True]
    said = talk.request().messages[2]
    assert [call.id for call in said.tool_calls] == ["id-0", "id-1"]


def test_native_calls_beyond_the_budget_are_not_executed() -> None:
    talk = conversation("native", max_turns=2)
    turn = take(talk, native(READ, PARSE, PARSE))
    assert (len(turn.executions), talk.ending) == (2, "max_turns")


def test_native_arguments_that_cannot_be_read_are_told() -> None:
    reply = Reply("", tool_calls=(ToolCall("id-0", READ.tool, "{,"),))
    turn = take(conversation("native"), reply)
    assert turn.executions[0].error_code == "INVALID_INPUT"
    assert "not valid JSON" in shown(turn)


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"path":  "a"}', '{"path":  "a"}'),
        ('"{\\"path\\": \\"a\\"}"', '{"path": "a"}'),
        ('{"path": "a\nb"}', '{"path": "a\\nb"}'),
        ('{"path": NaN}', '{"path": "NaN"}'),
        ("{", "{}"),
        ("", "{}"),
        ("[1]", "{}"),
        ("\ud83d", "{}"),
    ],
)
def test_a_slip_in_native_arguments_is_not_sent_back_as_it_is(arguments: str, sent: str) -> None:
    talk = conversation("native")
    take(talk, Reply("", tool_calls=(ToolCall("a", "file reader\n", arguments),)))
    [call] = talk.request().messages[2].tool_calls
    assert call == ToolCall("a", "file_reader_", sent)
    assert talk.turns[0].answer.reply.tool_calls[0].arguments == arguments  # the record is true


def test_endless_names_are_neither_kept_nor_shown() -> None:
    talk = conversation("native")
    calls = tuple(ToolCall(str(n), "z" * 5_000, "{}") for n in range(2))
    turn = take(talk, Reply("", tool_calls=calls))
    assert [len(execution.tool) for execution in turn.executions] == [80, 80]
    assert {len(call.name) for call in talk.request().messages[2].tool_calls} == {64}
    asked = take(conversation(), f"<tool_info>{'z' * 5_000}</tool_info>")
    assert len(shown(asked)) < 200


@pytest.mark.parametrize(
    ("name", "arguments", "action", "told"),
    [
        ("tool_search", '{"query": "read a file"}', "search", "Tools found for 'read a file':"),
        ("tool_info", '{"name": "file_operations_reader"}', "info", "Parameters:"),
    ],
)
def test_tags_made_up_as_native_functions_are_answered(
    name: str, arguments: str, action: str, told: str
) -> None:
    turn = take(conversation("native"), Reply("", tool_calls=(ToolCall("a", name, arguments),)))
    assert (turn.action, turn.executions, turn.format_error) == (action, (), False)
    assert told in shown(turn)
    assert turn.observation[0].tool_call_id == "a"


def test_a_native_function_for_being_done_is_done() -> None:
    talk = conversation("native")
    take(talk, Reply("", tool_calls=(ToolCall("a", "task_complete", "{}"),)))
    assert talk.ending == "done"


def test_calls_that_a_server_took_out_of_the_text_are_calls_and_go_back_as_text() -> None:
    talk = conversation("text")
    turn = take(talk, native(READ))
    assert (turn.executions[0].ok, turn.format_repairs) == (True, 1)
    said, told = talk.request().messages[2:]
    assert said.tool_calls == ()
    assert said.content == f"<tool_call>{READ.tool} {json.dumps(READ.arguments)}</tool_call>"
    assert told.role == "user"


@pytest.mark.parametrize("text", ["", "  \n", "<think>only this</think>"])
def test_an_empty_message_is_shown_back_as_one(text: str) -> None:
    talk = conversation()
    take(talk, text)
    assert talk.request().messages[2].content == EMPTY


def test_too_deep_a_value_is_invalid_input_and_the_episode_goes_on() -> None:
    talk = conversation()
    deep = '{"path": ' + '{"a":' * 990 + "1" + "}" * 990 + "}"
    turn = take(talk, f"<tool_call>{READ.tool} {deep}</tool_call>")
    assert turn.executions[0].error_code == "INVALID_INPUT"
    assert take(talk, written(READ)).executions[0].ok


# --- bounds ----------------------------------------------------------------------------------


def test_of_more_calls_than_any_budget_holds_the_rest_is_not_read_and_counted() -> None:
    talk = conversation("native", max_turns=100)
    many = tuple(ToolCall(f"id-{n}", "tool_search", '{"query": "csv"}') for n in range(500))
    turn = take(talk, Reply("", many))
    assert turn.unread == 500 - MOST_CALLS
    assert len(turn.observation) == MOST_CALLS
    assert [len(m.tool_calls) for m in talk.request().messages] == [
        0,
        0,
        MOST_CALLS,
        *[0] * MOST_CALLS,
    ]


def test_arguments_that_are_too_long_are_refused_unread() -> None:
    talk = conversation("native")
    long = json.dumps({"input": "x" * LARGEST_ARGUMENTS})
    turn = take(talk, Reply("", (ToolCall("id", "data_processing_parser", long),)))
    assert turn.unread == 1
    (execution,) = turn.executions
    assert (execution.error_code, execution.arguments) == ("INVALID_INPUT", {})
    assert "longer than 250,000 characters" in shown(turn)


def test_an_episode_that_fits_no_context_window_ends_as_that() -> None:
    talk = conversation()
    third = "x" * (LARGEST // 3)
    seen = [(bool(take(talk, said).observation), talk.ending) for said in [*[third] * 3, "more"]]
    assert seen == [*[(True, None)] * 3, (False, "context_window")]
