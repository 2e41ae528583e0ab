import gzip
import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.domain.episodes import Action
from stormproof.episode import Vocabulary, recognise

CORPUS = Path(__file__).parents[3] / "../shared/corpus/recorded_episodes.jsonl.gz"
NAMES = ("file_operations_reader", "data_processing_parser", "file_operations_writer")
TEXT = {"type": "string"}
VOCABULARY = Vocabulary(
    {
        "file_operations_reader": {"type": "object", "properties": {"path": TEXT}},
        "file_operations_writer": {"type": "object", "properties": {"path": TEXT, "content": TEXT}},
        "data_processing_parser": {"type": "object", "properties": {"format": TEXT}},
    }
)
READ = ("file_operations_reader", {"path": "a.csv"})

WAYS_TO_CALL = {
    "closed": '<tool_call>file_operations_reader {"path": "a.csv"}</tool_call>',
    "closed, lines": '<tool_call>\nfile_operations_reader\n{"path": "a.csv"}\n</tool_call>',
    "unclosed": '<tool_call>file_operations_reader\n{"path": "a.csv"}',
    "hermes": '<tool_call>{"name": "file_operations_reader", "arguments": {"path": "a.csv"}}'
    "</tool_call>",
    "hermes, unclosed": '<tool_call>\n{"name": "file_operations_reader", '
    '"arguments": {"path": "a.csv"}}',
    "hermes, arguments as text": '<tool_call>{"name": "file_operations_reader", '
    '"arguments": "{\\"path\\": \\"a.csv\\"}"}</tool_call>',
    "fenced inside": '<tool_call>\n```json\n{"name": "file_operations_reader", "arguments": '
    '{"path": "a.csv"}}\n```\n</tool_call>',
    "fenced alone": '```json\n{"name": "file_operations_reader", "arguments": {"path": "a.csv"}}'
    "\n```",
    "function form": '<tool_call>file_operations_reader(path="a.csv")</tool_call>',
    "no tag": 'file_operations_reader(path="a.csv")',
    "after a thought": "<think>maybe file_operations_writer?</think>\n<tool_call>"
    'file_operations_reader {"path": "a.csv"}</tool_call>',
    "other case": '<TOOL_CALL>File_Operations_Reader {"path": "a.csv"}</TOOL_CALL>',
    "hyphens": '<tool_call>file-operations-reader {"path": "a.csv"}</tool_call>',
}


@pytest.mark.parametrize("text", WAYS_TO_CALL.values(), ids=WAYS_TO_CALL)
def test_a_call_that_a_reader_would_recognise_is_recognised(text: str) -> None:
    found = recognise(text, VOCABULARY)
    assert [(call.name, call.arguments) for call in found.tool_calls] == [READ]
    assert found.action == "call"


def test_only_the_form_of_the_prompt_needs_no_repair() -> None:
    repairs = {name: recognise(text, VOCABULARY).repairs for name, text in WAYS_TO_CALL.items()}
    assert {name for name, n in repairs.items() if n == 0} == {
        "closed", "closed, lines", "after a thought"
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>file_operations_reader</tool_call>",
        "<tool_call>file_operations_reader",
        "file_operations_reader",
    ],
)
def test_a_name_alone_is_a_call_without_arguments(text: str) -> None:
    assert [(c.name, c.arguments) for c in recognise(text, VOCABULARY).tool_calls] == [
        (READ[0], {})
    ]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("<tool_search>read files</tool_search>", "search"),
        ("<tool_info>file_operations_reader</tool_info>", "info"),
        ("TASK COMPLETE", "done"),
        ("All steps succeeded. Task completed successfully.", "done"),
        ("I would then use file_operations_reader to look at it, I think.", "none"),
        ("I can't help with that.", "none"),
        ("", "none"),
        ("<think>file_operations_reader</think>", "none"),
    ],
)
def test_what_is_no_call(text: str, action: Action) -> None:
    found = recognise(text, VOCABULARY)
    assert (found.action, found.tool_calls) == (action, ())


def test_every_call_of_a_message_counts_in_order() -> None:
    text = "".join(f"<tool_call>{name}</tool_call> then " for name in NAMES)
    assert [call.name for call in recognise(text, VOCABULARY).tool_calls] == list(NAMES)


def test_done_counts_only_where_nothing_is_asked() -> None:
    text = "<tool_call>file_operations_reader</tool_call>\nTASK COMPLETE"
    assert recognise(text, VOCABULARY).action == "call"


def test_a_name_that_could_be_two_tools_is_not_guessed() -> None:
    call = recognise("<tool_call>file_operations</tool_call>", VOCABULARY).tool_calls[0]
    assert call.name == ""
    assert set(call.candidates) == {"file_operations_reader", "file_operations_writer"}


PIECES = st.sampled_from(
    ["<tool_call>", "</tool_call>", "<tool_search>", "</tool_info>", "<think>", "</think>", "```",
     '{"name": ', '"arguments": {', "}", "]", *NAMES, "TASK COMPLETE", "\n", '"', "=", "(", "\\"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = recognise(text, VOCABULARY)
    assert all(call.name in {"", *NAMES} for call in found.tool_calls)


@pytest.mark.parametrize(
    "piece", ["<tool_call>", '{"name": "x", ', "((((", "<think>", "```json\n{", "file_operations_",
              '{"a":', "\\u0000", "<tool_call>file_operations_reader {", " <", "< |", '"{"',
              '{"name": {```file_operations_reader- a: _', '[{"name":a=<afile_operations_reader(',
              "file_operations_reader(task complete. ", "'{a: [", "I will call it. ", "\n- a: ["],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "<tool_call>file_operations_reader(", "</think>"])
def test_no_text_hangs_the_reader(before: str, piece: str) -> None:
    """Linear, so that one message cannot stop the loop that all episodes share."""
    start = time.process_time()
    recognise(before + piece * (400_000 // len(piece)), VOCABULARY)
    assert time.process_time() - start < 2  # seconds where a quadratic pass would take minutes


@pytest.mark.skipif(not CORPUS.exists(), reason="the recorded corpus is not here")
def test_recorded_models_are_understood_where_the_old_harness_did_not() -> None:
    from stormproof.episode import catalogue_vocabulary  # noqa: PLC0415  needs the whole suite

    turns, seen, calls = Counter[str](), Counter[str](), 0
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        for line in lines:
            episode = json.loads(line)
            said = [m["content"] for m in episode["messages"] if m["role"] == "assistant"]
            turns[episode["model"]] += len(said)
            found = [recognise(text, catalogue_vocabulary()) for text in said]
            seen[episode["model"]] += sum(each.action != "none" for each in found)
            calls += sum(call.name != "" for each in found for call in each.tool_calls)
            assert sum(each.unread for each in found) == 0
    assert len(turns) == 8
    assert calls == 5_238  # neither fewer nor more than a careful reader finds
    shares = {model: seen[model] / turns[model] for model in turns}
    broken_off = shares.pop("Llama-3.3-70B-Instruct")  # 418 of its messages end in mid-sentence
    assert broken_off > 0.55
    assert min(shares.values()) > 0.98, shares
