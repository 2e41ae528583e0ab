import pytest

from stormproof.domain.calls import Reply, ToolCall
from stormproof.episode import Vocabulary, recognise
from stormproof.episode.native import as_text, each_once, recognise_tool_call
from stormproof.episode.reply_reading import read_reply

READER, WRITER = "file_operations_reader", "file_operations_writer"


def call(arguments: str, name: str = READER) -> ToolCall:
    return ToolCall("id-1", name, arguments)


def test_parallel_calls_count_all_and_in_order(vocabulary: Vocabulary) -> None:
    reply = Reply("", tool_calls=(call('{"path": "a"}'), call("{}", WRITER), call("")))
    found = read_reply(reply, vocabulary, "native")
    assert [(c.name, c.arguments) for c in found.tool_calls] == [
        (READER, {"path": "a"}), (WRITER, {}), (READER, {})
    ]  # fmt: skip
    assert (found.action, found.repairs) == ("call", 0)
    assert {c.call_id for c in found.tool_calls} == {"id-1"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("[1]", "not a JSON object"),
        ("5", "not a JSON object"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested deeper than 100 levels"),
        ('{"a":' * 5_000, "nested deeper than 100 levels"),
    ],
)
def test_unreadable_arguments_are_told_and_not_guessed(
    arguments: str, problem: str, vocabulary: Vocabulary
) -> None:
    read = recognise_tool_call(call(arguments), vocabulary)
    assert (read.name, read.arguments) == (READER, {})
    assert problem in read.problem


def test_a_brace_alone_is_a_call_of_a_tool_that_needs_nothing() -> None:
    needing = {"properties": {"path": {"type": "string"}}, "required": ["path"]}
    tools = Vocabulary({READER: needing, "utility_helper": {"properties": {}}})
    mended = recognise_tool_call(call(" {\n", "utility_helper"), tools)
    assert (mended.arguments, mended.problem, mended.repaired) == ({}, "", True)
    assert "not valid JSON" in recognise_tool_call(call("{"), tools).problem


@pytest.mark.parametrize(
    ("name", "arguments"),
    [(READER, '"{\\"path\\": \\"a\\"}"'), ("File-Operations-Reader", '{"path": "a"}')],
)
def test_what_needed_repair_is_counted(name: str, arguments: str, vocabulary: Vocabulary) -> None:
    found = read_reply(Reply("", tool_calls=(call(arguments, name),)), vocabulary, "native")
    assert [(c.name, c.arguments, c.problem) for c in found.tool_calls] == [
        (READER, {"path": "a"}, "")
    ]
    assert found.repairs == 1


def test_an_unknown_name_keeps_what_was_written(vocabulary: Vocabulary) -> None:
    read = recognise_tool_call(call("{}", "teleporter"), vocabulary)
    assert (read.name, read.written, read.call_id) == ("", "teleporter", "id-1")


def test_a_call_written_as_text_counts_as_a_repair(vocabulary: Vocabulary) -> None:
    text = f'<tool_call>{READER} {{"path": "a"}}</tool_call>'
    assert recognise(text, vocabulary).repairs == 0
    found = read_reply(Reply(text), vocabulary, "native")
    assert (found.action, found.repairs, found.tool_calls[0].repaired) == ("call", 1, True)
    search = read_reply(Reply("<tool_search>read</tool_search>"), vocabulary, "native")
    assert (search.action, search.repairs) == ("search", 1)


def test_the_same_call_twice_is_one_call() -> None:
    part, whole = call('{"path": '), call('{"path": "a"}')
    assert each_once((whole, whole), 3) == (whole,)
    assert each_once((part, whole, part), 3) == (whole,)


def test_another_call_under_an_id_that_is_taken_is_another_call() -> None:
    one, other, third = call('{"path": "a"}'), call('{"path": "b"}'), call('{"path": "a"}', WRITER)
    kept = each_once((one, other, third), 3)
    assert [(c.name, c.arguments) for c in kept] == [
        (READER, one.arguments), (READER, other.arguments), (WRITER, third.arguments)
    ]  # fmt: skip
    assert len({c.id for c in kept}) == 3
    assert kept[0] == one


def test_ids_that_a_server_left_out_are_the_episode_s_own() -> None:
    calls = (ToolCall("", READER, "{}"), ToolCall("", READER, "{}"), call("{}"))
    ids = [c.id for turn in range(3) for c in each_once(calls, turn)]
    assert ids[:3] == ["call_0_0", "call_0_1", "id-1"]
    assert len(set(ids)) == 7  # the server's own is as it gave it


def test_of_calls_without_end_the_first_are_looked_at() -> None:
    calls = tuple(ToolCall("", READER, "{}") for _ in range(1_000))
    assert each_once(calls, 0) == each_once(calls[:64], 0)


def test_what_cannot_be_read_is_counted(vocabulary: Vocabulary) -> None:
    calls = (call("the file"), call("{}"), call("{}", ""))
    found = read_reply(Reply("", tool_calls=calls), vocabulary, "native")
    assert (found.action, found.unread) == ("call", 2)


def test_words_alone_may_say_done_or_nothing(vocabulary: Vocabulary) -> None:
    done = read_reply(Reply("TASK COMPLETE"), vocabulary, "native")
    assert (done.action, done.repairs) == ("done", 0)
    assert read_reply(Reply("Hm."), vocabulary, "native").action == "none"


def test_calls_as_text_read_as_the_same_calls(vocabulary: Vocabulary) -> None:
    text = as_text((call('{"path": "a"}'), call("{}", WRITER)), "text")
    assert [(c.name, c.arguments) for c in recognise(text, vocabulary).tool_calls] == [
        (READER, {"path": "a"}), (WRITER, {})
    ]  # fmt: skip
