"""Whole replies: what is in a wrong field is read as a repair, and what was cut is not done."""

from __future__ import annotations

import msgspec
import pytest

from stormproof.domain.calls import Reply, ToolCall
from stormproof.domain.conditions import PROTOCOLS, Protocol
from stormproof.episode import Vocabulary, recognise
from stormproof.episode.reply_reading import read_reply

READER, WRITER = "file_operations_reader", "file_operations_writer"
READ = f'<tool_call>{READER} {{"path": "a.csv"}}</tool_call>'
HERMES = f'<tool_call>{{"name": "{READER}", "arguments": {{"path": "a.csv"}}}}</tool_call>'
NATIVE = (ToolCall("1", READER, '{"path": "a.csv"}'),)


@pytest.mark.parametrize(
    ("reply", "protocol"),
    [
        (Reply(READ), "text"),
        (Reply(HERMES), "hermes"),
        (Reply("", NATIVE), "native"),
        (Reply("", NATIVE), "hermes"),  # a server may take the tags out of the text by itself
    ],
)
def test_each_protocol_s_own_form_needs_no_repair(
    reply: Reply, protocol: Protocol, vocabulary: Vocabulary
) -> None:
    found = read_reply(reply, vocabulary, protocol)
    assert [(c.name, c.arguments) for c in found.tool_calls] == [(READER, {"path": "a.csv"})]
    assert (found.repairs, found.unread) == (0, 0)


@pytest.mark.parametrize(
    ("reply", "protocol"),
    [
        (Reply(HERMES), "text"),
        (Reply(HERMES), "native"),
        (Reply(READ), "hermes"),
        (Reply(READ), "native"),
        (Reply("", NATIVE), "text"),
        (Reply("", reasoning=READ), "text"),
        (Reply("", reasoning=f"I read the file.\n\n{HERMES}"), "hermes"),
        (Reply("", reasoning=f"Perhaps <tool_call>{WRITER}</tool_call>? No.\n\n{READ}"), "native"),
    ],
)
def test_another_form_or_field_is_a_repair(
    reply: Reply, protocol: Protocol, vocabulary: Vocabulary
) -> None:
    found = read_reply(reply, vocabulary, protocol)
    assert [(c.name, c.arguments) for c in found.tool_calls] == [(READER, {"path": "a.csv"})]
    assert (found.repairs, found.unread) == (1, 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_stands_in_two_fields_is_done_once(protocol: Protocol, vocabulary: Vocabulary) -> None:
    for reply in (Reply(READ, NATIVE, reasoning=READ), Reply(READ, reasoning=HERMES)):
        assert len(read_reply(reply, vocabulary, protocol).tool_calls) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_thought_beside_an_answer_is_no_answer(
    protocol: Protocol, vocabulary: Vocabulary
) -> None:
    assert read_reply(Reply("Hm.", reasoning=READ), vocabulary, protocol).action == "none"
    cut = Reply("", reasoning=READ, finish_reason="length")
    assert read_reply(cut, vocabulary, protocol).action == "none"


def test_thoughts_end_nothing_but_in_the_prompt_s_words(vocabulary: Vocabulary) -> None:
    thought = Reply("", reasoning="I have read it.\n\nSo all steps are complete.")
    assert read_reply(thought, vocabulary, "text").action == "none"
    markup = Reply("", reasoning='I write {"name": …, "arguments": …} next.')
    assert read_reply(markup, vocabulary, "text").unread == 0
    said = Reply("", reasoning="I have read it.\n\nTASK COMPLETE")
    assert read_reply(said, vocabulary, "text").action == "done"


CUT_TEXTS = [
    f'<tool_call>{WRITER} {{"path": "a", "content": "half',
    f'<tool_call>{WRITER} {{"path": "a"',
    f"<tool_call>{WRITER}",
    "<tool_call>file_operations_wri",
    f"<tool_call>{WRITER}\npath: data/a",
    f"<tool_call>{WRITER}(path='a'",
    f"<tool_call>{WRITER}(path='a', content='ha",
    f'<tool_call>{{"name": "{WRITER}", "arguments": {{"path": "a"',
    f'<tool_call>{{"name": "{WRITER}"',
    f'[TOOL_CALLS]{WRITER}[ARGS]{{"path": "a", "content": "half',
    f"<tool_call>{WRITER}\n<arg_key>path</arg_key>\n<arg_value>data/a",
    f"[{WRITER}(path='a', content='half",
    f'{WRITER}(path="a", content="half',
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("before", ["", READ + "\n"])
@pytest.mark.parametrize("text", CUT_TEXTS)
def test_a_text_call_that_was_cut_is_unread_and_never_half_done(
    text: str, before: str, protocol: Protocol, vocabulary: Vocabulary
) -> None:
    found = read_reply(Reply(before + text, finish_reason="length"), vocabulary, protocol)
    fit = [call for call in found.tool_calls if call.name and not call.problem]
    assert [call.name for call in fit] == [READER] * bool(before)
    assert found.action != "done"


@pytest.mark.parametrize("text", CUT_TEXTS[:11])
def test_a_cut_call_in_a_tag_is_counted_and_told(text: str, vocabulary: Vocabulary) -> None:
    found = read_reply(Reply(text, finish_reason="length"), vocabulary, "text")
    [call] = found.tool_calls
    assert (call.arguments, found.unread) == ({}, 1)
    assert "cut off at its length limit" in call.problem


@pytest.mark.parametrize("arguments", ['{"path": "a.c', '{"path": "a.csv"', "{", "", '{"a": [1, 2'])
def test_a_native_call_that_was_cut_is_unread(arguments: str, vocabulary: Vocabulary) -> None:
    reply = Reply("", (*NATIVE, ToolCall("2", WRITER, arguments)), finish_reason="length")
    found = read_reply(reply, vocabulary, "native")
    assert [bool(call.problem) for call in found.tool_calls] == [False, True]
    assert (found.tool_calls[1].arguments, found.unread) == ({}, 1)


WHOLE = [
    READ,
    HERMES,
    READ + " Now I wai",
    f'<tool_call>{READER} {{"path": "a.csv"}}',
    f'<tool_call>{READER} {{"path": "a.csv"}}</tool_',
    f'[TOOL_CALLS]{READER}[ARGS]{{"path": "a.csv"}}',
    f'[{READER}(path="a.csv")]',
]


@pytest.mark.parametrize("text", WHOLE)
def test_a_call_that_was_whole_before_the_cut_is_done(text: str, vocabulary: Vocabulary) -> None:
    reply = Reply(text, finish_reason="length")
    found = read_reply(reply, vocabulary, "text")
    assert found == recognise(text, vocabulary)
    assert [(c.name, c.arguments, c.problem) for c in found.tool_calls] == [
        (READER, {"path": "a.csv"}, "")
    ]


@pytest.mark.parametrize("arguments", ["{}", '{"path": "a.csv"}', ' {"path": "a.csv"} '])
def test_a_native_call_that_was_whole_is_done(arguments: str, vocabulary: Vocabulary) -> None:
    reply = Reply("", (ToolCall("1", READER, arguments),), finish_reason="length")
    found = read_reply(reply, vocabulary, "native")
    assert found == read_reply(
        msgspec.structs.replace(reply, finish_reason=""), vocabulary, "native"
    )
    assert found.unread == 0
