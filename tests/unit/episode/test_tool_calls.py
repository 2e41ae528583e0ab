import pytest

from stormproof.episode import RecognisedCall, Vocabulary
from stormproof.episode.tags import elements
from stormproof.episode.tool_calls import (
    hermes_call,
    hermes_calls,
    hinted,
    is_hermes,
    tool_calls_of,
)

READER, WRITER, FETCHER = "file_operations_reader", "file_operations_writer", "network_fetcher"


def calls(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    return [call for element in elements(text) for call in tool_calls_of(element, vocabulary)]


@pytest.mark.parametrize(
    "text",
    [
        f'<tool_call>{READER} {{"path": "a"}}</tool_call>',
        f'<tool_call>\n{READER}\n{{"path": "a"}}\n</tool_call>',
    ],
)
def test_the_prompt_s_own_form_needs_no_repair(text: str, vocabulary: Vocabulary) -> None:
    assert calls(text, vocabulary) == [RecognisedCall(READER, {"path": "a"})]


CLUES = {
    "attributes": f'<tool_call name="{READER}" arguments=\'{{"path": "a"}}\'/>',
    "attribute and body": f'<tool_call name="{READER}">{{"path": "a"}}</tool_call>',
    "bare attribute": f'<tool_call={READER}>{{"path": "a"}}</tool_call>',
    "loose attributes": f'<tool_call name="{READER}" path="a">',
    "name element": f'<tool_call><name>{READER}</name><arguments>{{"path": "a"}}</arguments>',
    "invoke element": f'<tool_call><invoke name="{READER}"><parameter name="path">a</parameter>',
    "fence": f'<tool_call>```json\n{{"name": "{READER}", "arguments": {{"path": "a"}}}}\n```',
    "label": f'<tool_call>tool_name: {READER}\nparameters: {{"path": "a"}}</tool_call>',
    "arguments after the end": f'<tool_call>{READER}</tool_call>\n{{"path": "a"}}',
    "named arguments after the end": f'<tool_call>{READER}</tool_call>\nParameters: path="a"',
    "quoted": f'<tool_call>"{READER}" {{"path": "a"}}</tool_call>',
    "short name": '<tool_call>reader {"path": "a"}</tool_call>',
    "list": f'<tool_call>[{{"name": "{READER}", "arguments": {{"path": "a"}}}}]</tool_call>',
    "words around": f'<tool_call>please run {READER} {{"path": "a"}}</tool_call>',
}


@pytest.mark.parametrize("text", CLUES.values(), ids=CLUES)
def test_every_clue_to_a_name_is_used_and_counted(text: str, vocabulary: Vocabulary) -> None:
    assert calls(text, vocabulary) == [RecognisedCall(READER, {"path": "a"}, repaired=True)]


def test_prose_after_a_call_is_no_argument(vocabulary: Vocabulary) -> None:
    text = f"<tool_call>{READER}</tool_call>\nThis reads the file: then we parse it."
    assert calls(text, vocabulary) == [RecognisedCall(READER)]


@pytest.mark.parametrize("between", [", ", "\n", " -> ", "\n- ", "\n2. ", " and "])
def test_a_list_of_names_is_a_call_of_each(between: str, vocabulary: Vocabulary) -> None:
    text = f"<tool_call>{READER}{between}{FETCHER}</tool_call>"
    assert [call.name for call in calls(text, vocabulary)] == [READER, FETCHER]


def test_the_sentence_before_tells_a_name_that_was_swallowed(vocabulary: Vocabulary) -> None:
    text = f"All is known. I will now execute the {FETCHER}:\n<tool_call>network"
    assert [call.name for call in calls(text, vocabulary)] == [FETCHER]


@pytest.mark.parametrize(
    ("before", "name"),
    [
        (f"I will call {READER}.", READER),
        (f"Next, using the `{READER}`:", READER),
        (f"Run {READER}. It rains.", ""),
        (f"The {READER} is nice", ""),
        (f"Let me use {READER} or {WRITER}", ""),
        ("", ""),
    ],
)
def test_a_hint_is_one_tool_with_an_intent(before: str, name: str, vocabulary: Vocabulary) -> None:
    assert hinted(before, vocabulary) == name


def test_a_hint_must_be_among_what_the_name_could_mean(vocabulary: Vocabulary) -> None:
    assert hinted(f"I call {READER}", vocabulary, (WRITER, FETCHER)) == ""
    assert hinted(f"I call {READER}", vocabulary, (WRITER, READER)) == READER


def test_what_could_be_two_tools_is_none_and_says_which(vocabulary: Vocabulary) -> None:
    [call] = calls(f"<tool_call>use {READER} or {WRITER}</tool_call>", vocabulary)
    assert (call.name, call.candidates) == ("", (READER, WRITER))
    [call] = calls("<tool_call>quantum_teleporter {}</tool_call>", vocabulary)
    assert (call.name, call.written, call.candidates) == ("", "quantum_teleporter", ())


@pytest.mark.parametrize("body", ["tool_name", "", "name", "function_name {}"])
def test_the_prompt_s_placeholder_is_no_name(body: str, vocabulary: Vocabulary) -> None:
    [call] = calls(f"<tool_call>{body}</tool_call>", vocabulary)
    assert call.is_placeholder
    assert not call.is_done


@pytest.mark.parametrize("body", ["TASK COMPLETE", "done", "task_complete", '{"name": "done"}'])
def test_done_may_be_said_as_a_call(body: str, vocabulary: Vocabulary) -> None:
    assert [call.is_done for call in calls(f"<tool_call>{body}</tool_call>", vocabulary)] == [True]


SHAPES = {
    "openai": {"name": READER, "arguments": {"path": "a"}},
    "text inside": {"name": READER, "arguments": '{"path": "a"}'},
    "parameters": {"tool": READER, "parameters": {"path": "a"}},
    "action": {"action": READER, "action_input": {"path": "a"}},
    "beside": {"name": READER, "path": "a", "id": "1", "type": "function"},
    "function": {"type": "function", "function": {"name": READER, "arguments": {"path": "a"}}},
    "function beside": {"function": {"name": READER}, "arguments": {"path": "a"}},
    "several": {"tool_calls": [{"name": READER, "arguments": {"path": "a"}}, 5]},
    "old": {"function_call": {"name": READER, "arguments": '{"path": "a"}'}},
    "wrapped twice": {"name": READER, "arguments": {"arguments": {"path": "a"}}},
}


@pytest.mark.parametrize("value", SHAPES.values(), ids=SHAPES)
def test_objects_of_every_house_are_calls(value: dict[str, object], vocabulary: Vocabulary) -> None:
    assert hermes_call(value, vocabulary) == [RecognisedCall(READER, {"path": "a"}, repaired=True)]


@pytest.mark.parametrize("value", [{}, {"name": ""}, {"name": 5}, {"path": "a"}, {"calls": []}])
def test_objects_without_a_name_are_none(value: dict[str, object], vocabulary: Vocabulary) -> None:
    assert hermes_call(value, vocabulary) == []


def test_outside_tags_an_object_must_be_a_call_and_little_else() -> None:
    assert is_hermes({"name": "x", "arguments": {}})
    assert is_hermes({"tool_calls": []})
    assert not is_hermes({"name": "Ada", "age": 36})
    assert not is_hermes({"arguments": {}})


def test_objects_that_follow_closely_are_more_calls(vocabulary: Vocabulary) -> None:
    text = f'{{"name": "{READER}"}},\n{{"name": "{WRITER}"}} then {{"name": "{FETCHER}"}}'
    assert [call.name for call in hermes_calls(text, 0, vocabulary)] == [READER, WRITER]


def test_no_message_holds_calls_without_end(vocabulary: Vocabulary) -> None:
    assert len(hermes_calls(f'{{"name": "{READER}"}}\n' * 1_000, 0, vocabulary)) == 64
    several = {"tool_calls": [{"name": READER}] * 1_000}
    assert len(hermes_call(several, vocabulary)) == 64


def test_an_endless_name_is_cut(vocabulary: Vocabulary) -> None:
    [call] = calls(f"<tool_call>{'z' * 5_000}</tool_call>", vocabulary)
    assert len(call.written) == 80
