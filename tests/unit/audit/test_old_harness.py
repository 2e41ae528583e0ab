from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from stormproof.audit import old_harness
from stormproof.audit.recording_format import BadLine, RecordedEpisode, read
from stormproof.audit.recording_import import episode_of
from stormproof.domain.episodes import Episode

CORPUS = Path(__file__).parents[3] / "../shared/corpus/recorded_episodes.jsonl.gz"
needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="the recorded corpus is not here")


@pytest.fixture(scope="module")
def recordings() -> list[RecordedEpisode]:
    found = list(read(CORPUS))
    assert not [line for line in found if isinstance(line, BadLine)]
    return [line for line in found if isinstance(line, RecordedEpisode)]


@pytest.fixture(scope="module")
def episodes(recordings: list[RecordedEpisode]) -> list[Episode]:
    return [episode_of(recording) for recording in recordings]


@needs_corpus
def test_all_recordings_are_reproduced(episodes: list[Episode]) -> None:
    assert len(episodes) == 640
    assert [d for episode in episodes for d in old_harness.disagreements(episode)] == []


@needs_corpus
def test_the_proof_can_fail(episodes: list[Episode]) -> None:
    """Any change to what was said or stored shows as a disagreement."""
    episode = next(e for e in episodes if len(e.executions) > 3)
    stored = dict(episode.recorded or {})
    shorter = replace(episode, turns=episode.turns[:-1])
    assert {d.field for d in old_harness.disagreements(shorter)} >= {"end point"}
    stored["workflow_score"] += 2e-9
    assert [d.field for d in old_harness.disagreements(replace(episode, recorded=stored))] == [
        "workflow_score"
    ]


@needs_corpus
def test_reading_unclosed_tags_would_not_reproduce_the_records(
    episodes: list[Episode], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old harness did lose those calls: a reader that sees them disagrees with its records."""
    monkeypatch.setattr(old_harness, "_CALL", re.compile(r"<tool_call>\s*([\w ]+)"))
    found = [d for episode in episodes for d in old_harness.disagreements(episode)]
    assert sum(d.field == "executed tools" for d in found) > 100


@needs_corpus
def test_what_was_not_recorded_is_not_invented(episodes: list[Episode]) -> None:
    conditions = {
        (e.trial.condition.difficulty, e.trial.condition.tool_success_rate) for e in episodes
    }
    assert conditions == {("unrecorded", -1.0)}
    assert all((e.score is None) == (e.outcome == "infrastructure") for e in episodes)
    assert sum(e.outcome == "infrastructure" for e in episodes) == 73


@pytest.mark.parametrize(
    ("text", "tools"),
    [
        ("<tool_call>network_fetcher</tool_call>", ("network_fetcher",)),
        ("<tool_call>NETWORK_FETCHER</tool_call>", ("network_fetcher",)),
        ('<tool_call>network_fetcher\n{"source": "x"}</tool_call>', ("network_fetcher",)),
        ("<tool_call>network_fetcher", ()),
        ("<tool_search>x</tool_search><tool_call>network_fetcher</tool_call>", ()),
        ("<tool_info>x</tool_info><tool_call>network_fetcher</tool_call>", ()),
        ("<tool_call>file_writer</tool_call>", ()),
        ("<tool_call>writer</tool_call>", ("file_operations_writer",)),
        (
            "<tool_call>data_processing_parser then network_fetcher</tool_call>",
            ("network_fetcher",),
        ),
        ("<tool_call></tool_call>", ("file_operations_reader",)),
    ],
)
def test_old_reading_of_a_message(text: str, tools: tuple[str, ...]) -> None:
    assert old_harness.tool_calls(text) == tools


def test_workflow_score_parts() -> None:
    plan = ["a", "b"]
    assert old_harness.workflow_score([("a", True), ("b", True)], plan) == pytest.approx(0.92)
    assert old_harness.workflow_score([("b", True), ("a", True)], plan) == pytest.approx(0.75)
    assert old_harness.workflow_score([("a", True), ("c", False)], plan) == pytest.approx(0.45)
    assert old_harness.workflow_score([], plan) == 0
    assert old_harness.workflow_score([("a", True)], []) == pytest.approx(0.2)


def test_plan_is_read_from_its_section_alone() -> None:
    prompt = (
        "1. Execute the FIRST tool\n## Workflow Execution Plan\n\n    1. Execute network_fetcher"
        " (x)\n2. Execute network_poster\n### Execution Summary:\n3. Execute utility_cache"
    )
    assert old_harness.plan_of(prompt) == ("network_fetcher", "network_poster")
    assert old_harness.plan_of("no plan") == ()
