import pytest

from stormproof.domain.calls import Reply, ToolCall
from stormproof.episode import Vocabulary, recognise
from stormproof.episode.native import as_text, recognise_native, recognise_tool_call

READER, WRITER = "file_operations_reader", "file_operations_writer"


def call(arguments: str, name: str = READER) -> ToolCall:
    return ToolCall("id-1", name, arguments)


def test_parallel_calls_count_all_and_in_order(vocabulary: Vocabulary) -> None:
    reply = Reply("", tool_calls=(call('{"path": "a"}'), call("{}", WRITER), call("")))
    found = recognise_native(reply, vocabulary)
    assert [(c.name, c.arguments) for c in found.tool_calls] == [
        (READER, {"path": "a"}), (WRITER, {}), (READER, {})
    ]  # fmt: skip
    assert (found.action, found.repairs) == ("call", 0)
    assert {c.call_id for c in found.tool_calls} == {"id-1"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("{", "not valid JSON"),
        ('{"a": 1} extra', "not valid JSON: more text after the value"),
        ("[1]", "not a JSON object"),
        ("null", "not a JSON object"),
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


@pytest.mark.parametrize(
    ("name", "arguments"),
    [(READER, '"{\\"path\\": \\"a\\"}"'), ("File-Operations-Reader", '{"path": "a"}')],
)
def test_what_needed_repair_is_counted(name: str, arguments: str, vocabulary: Vocabulary) -> None:
    found = recognise_native(Reply("", tool_calls=(call(arguments, name),)), vocabulary)
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
    found = recognise_native(Reply(text), vocabulary)
    assert (found.action, found.repairs, found.tool_calls[0].repaired) == ("call", 1, True)
    search = recognise_native(Reply("<tool_search>read</tool_search>"), vocabulary)
    assert (search.action, search.repairs) == ("search", 1)


def test_words_alone_may_say_done_or_nothing(vocabulary: Vocabulary) -> None:
    done = recognise_native(Reply("TASK COMPLETE"), vocabulary)
    assert (done.action, done.repairs) == ("done", 0)
    assert recognise_native(Reply("Hm."), vocabulary).action == "none"


def test_calls_as_text_read_as_the_same_calls(vocabulary: Vocabulary) -> None:
    text = as_text((call('{"path": "a"}'), call("{}", WRITER)))
    assert [(c.name, c.arguments) for c in recognise(text, vocabulary).tool_calls] == [
        (READER, {"path": "a"}), (WRITER, {})
    ]  # fmt: skip
