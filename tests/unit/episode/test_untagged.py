import time

import pytest

from stormproof.episode import Vocabulary
from stormproof.episode.untagged import lesser_calls, tool_calls_without_tags

READER, WRITER = "file_operations_reader", "file_operations_writer"
PATH = {"path": "a"}

FORMS = {
    "object": f'I read: {{"name": "{READER}", "arguments": {{"path": "a"}}}}',
    "broken object": f'{{"name": "{READER}", "arguments": {{"path": "a"',
    "single quotes": f"{{'tool': '{READER}', 'args': {{'path': 'a'}}}}",
    "call": f'{READER}(path="a")',
    "call in a fence": f'```python\n{READER}(path="a")\n```',
    "call over lines": f'{READER}(\n  path="a"\n)',
    "object after": f'{READER} {{"path": "a"}}',
    "labelled": f"Tool call: `{READER}` path=a",
    "react": f'Action: {READER}\nAction Input: {{"path": "a"}}',
    "executing": f'Executing **{READER}** {{"path": "a"}}',
    "announced": f"I will now execute {READER} with:\n\n- path: a",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_call_in_another_form_is_one_and_is_repaired(text: str, vocabulary: Vocabulary) -> None:
    [call] = tool_calls_without_tags(text, vocabulary)
    assert (call.name, call.arguments, call.repaired) == (READER, PATH, True)


@pytest.mark.parametrize(
    "text", [READER, f"`{READER}`", f"Thoughts.\n\n**{READER}**\n", f"{READER}()"]
)
def test_a_name_alone_in_its_line_is_a_call(text: str, vocabulary: Vocabulary) -> None:
    assert [(c.name, c.arguments) for c in tool_calls_without_tags(text, vocabulary)] == [
        (READER, {})
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nothing here.",
        f"We could use {READER} for this.",
        f"1. {READER}\n2. {WRITER}",
        f"{READER}\n{WRITER}",
        f"- {READER}: reads a file\n- {WRITER}: writes a file",
        f"I called {READER}(path='a').",
        f"I executed:\n{READER}(path='a')\nThe task is complete.",
        '{"name": "Ada", "age": 36}',
        f'{{"name": "{READER}", "purpose": "reads"}}',
        f"I will now execute {READER}.",
        f"Let me explain {READER}:\n\n- mode: fast",
    ],
)
def test_talk_of_a_tool_is_no_call(text: str, vocabulary: Vocabulary) -> None:
    assert tool_calls_without_tags(text, vocabulary) == []


def test_several_lines_that_are_calls_are_several_calls(vocabulary: Vocabulary) -> None:
    text = f'{READER}(path="a")\n{WRITER}(path="b", content="c")'
    assert [(c.name, c.arguments) for c in tool_calls_without_tags(text, vocabulary)] == [
        (READER, PATH),
        (WRITER, {"path": "b", "content": "c"}),
    ]


def test_the_first_form_found_is_the_message_s(vocabulary: Vocabulary) -> None:
    text = f'{WRITER}(path="b")\n{{"name": "{READER}", "arguments": {{"path": "a"}}}}'
    assert [call.name for call in tool_calls_without_tags(text, vocabulary)] == [READER]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"<execute>{READER}</execute>", [READER]),
        (f"[TOOL_CALLS]{READER} {{}}", [READER]),
        (f'<{READER} path="a"/>', [READER]),
        ("<execute>rm -rf</execute>", []),
    ],
)
def test_lesser_tags_count_only_with_a_tool_s_name(
    text: str, names: list[str], vocabulary: Vocabulary
) -> None:
    assert [call.name for _, call in lesser_calls(text, vocabulary)] == names


@pytest.mark.parametrize(
    "piece", [f"{READER}(", '{"name": "x", ', f"call {READER} ", "a=1 ", " \n"]
)
def test_no_repetition_takes_long_here(piece: str, vocabulary: Vocabulary) -> None:
    text = READER + " is\n" + piece * (400_000 // len(piece))
    start = time.process_time()
    tool_calls_without_tags(text, vocabulary)
    assert time.process_time() - start < 2
