from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from stormproof.audit import old_harness
from stormproof.audit.loose_reader import LooseReader
from stormproof.audit.recording_format import RecordedEpisode, read
from stormproof.episode import Vocabulary, recognise
from stormproof.suites.workflows import WORKFLOWS

SHARED = Path(__file__).parents[3] / "../shared"
FORMS = SHARED / "cases/forms.jsonl"
CORPUS = SHARED / "corpus/recorded_episodes.jsonl.gz"
TOOL = "file_operations_reader"
READER = LooseReader(WORKFLOWS.tools)


@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>{TOOL}: {{}}</tool_call>",
        f"<tool_call>{TOOL}",
        f"<tool_call>{TOOL} \u21d2 path=a.csv</tool_call>",
        '<tool_call>\n{"name": "FileOperationsReader", "arguments": {}}',
        f"<function={TOOL}><parameter=path>a.csv</parameter></function>",
        f"<|python_tag|>{TOOL}.call(path='a.csv')",
        f'{{"tool_to_use": "{TOOL}"}}',
        f'{{"calls": [["{TOOL}", {{"path": "a.csv"}}]]}}',
        f"I will now run {TOOL}(path='a.csv').",
        f"Action: {TOOL}\nAction Input: a.csv",
        f"Let us go on.\n\n`{TOOL}`",
        f'<think>I need it.</think>{TOOL} {{"path": "a.csv"}}',
        f"I will execute {TOOL} with the defaults.\n\n<tool",
    ],
)
def test_a_name_beside_anything_like_a_call_is_seen(text: str) -> None:
    assert READER.sees(text).tools == {TOOL}
    assert READER.sees_tagged(text) == READER.sees(text).tagged


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"I read the file with {TOOL}, and it has three rows.",
        f"The plan: 1. {TOOL} (reads the input) 2. network_poster (posts it)",
        f"- {TOOL}: done\n- network_poster: done",
        f"<tool_info>{TOOL}</tool_info>",
        f"<tool_search>like {TOOL} {{}}</tool_search>",
        f"<tool_call>tool_info {TOOL}</tool_call>",
        f"<think>Perhaps {TOOL}() would do?</think>TASK_COMPLETED",
        "<tool_call>no_such_tool_at_all</tool_call>",
    ],
)
def test_talk_of_a_tool_is_no_call(text: str) -> None:
    assert not READER.sees(text).tools
    assert not READER.sees_tagged(text)


@pytest.mark.skipif(not FORMS.exists(), reason="the small inputs are not here")
def test_every_known_form_is_seen_with_its_arguments() -> None:
    cases = [json.loads(line) for line in FORMS.read_text().splitlines()]
    for case in (case for case in cases if "text" in case):
        called = {call["name"] for call in case["calls"]}
        assert READER.sees(case["text"]).tools == called, case["form"]
        given = {call["name"] for call in case["calls"] if call["arguments"]}
        assert READER.gives_arguments_to(case["text"]) == given, case["form"]


@pytest.mark.skipif(not CORPUS.exists(), reason="the recorded corpus is not here")
def test_on_recordings_it_sees_what_the_runners_reader_does_and_little_more() -> None:
    """Beyond it are reports of what was done, and "done" in the form of a call."""
    reader = LooseReader(old_harness.REGISTRY)
    vocabulary = Vocabulary({name: {} for name in old_harness.REGISTRY})
    said = [
        message.content
        for recording in read(CORPUS)
        if isinstance(recording, RecordedEpisode)
        for message in recording.messages
        if message.role == "assistant"
    ][::4]
    pairs = [
        (any(call.name for call in recognise(text, vocabulary).tool_calls), reader.sees(text).tools)
        for text in said
    ]
    called = sum(runner for runner, _ in pairs)
    assert called > 500
    assert sum(runner and not seen for runner, seen in pairs) <= 0.002 * called
    assert sum(bool(seen) and not runner for runner, seen in pairs) <= 0.005 * called


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>" * 20_000,
        f"{TOOL} " * 20_000,
        f'{{"{TOOL}": ' * 10_000,
        f"<tool_call>{TOOL}" + "(" * 100_000,
        TOOL + '"' * 100_000,
        f"{TOOL} " + "<a>" * 50_000,
        "<think>" * 20_000 + TOOL,
        f"<tool_call>{TOOL} {{ with " * 8_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    begun = time.process_time()
    READER.sees(text)
    READER.gives_arguments_to(text)
    assert time.process_time() - begun < 2  # seconds; a quadratic reader takes minutes
