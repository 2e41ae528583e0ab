from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from stormproof.domain.calls import Answer, Reply, Request, Usage
from stormproof.domain.conditions import Condition, Protocol
from stormproof.domain.episodes import Episode, Turn
from stormproof.episode import (
    Recognition,
    Reread,
    RereadCount,
    Vocabulary,
    loop,
    recognise,
    run_episode,
)
from stormproof.errors import (
    CallError,
    ContextOverflow,
    PromptBlocked,
    RateLimited,
    RequestRejected,
    StoreError,
    SuiteError,
)
from stormproof.store import Header, open_store, read_episodes
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.tasks import load_task
from stormproof.testing import ScriptedModel
from stormproof.testing.models import Line, answer
from stormproof.testing.records import a_trial

pytestmark = pytest.mark.anyio
TASK = load_task("data_pipeline.easy.00000")
TRIAL = a_trial(condition=Condition("baseline", "easy", 1.0))
STEPS = [f"<tool_call>{s.tool} {json.dumps(s.arguments)}</tool_call>" for s in TASK.solution]
SOLVED: list[Line] = [*STEPS, "TASK COMPLETE"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_solved_task_is_a_full_success() -> None:
    episode = await run_episode(TRIAL, TASK, ScriptedModel(SOLVED))
    assert (episode.outcome, episode.ending, episode.error) == ("completed", "done", "")
    assert episode.score is not None
    assert (episode.score.success, episode.score.goal_met) == ("full", True)
    assert episode.ceiling == 1.0
    assert len(episode.turns) == len(SOLVED)
    assert episode.usage == Usage(len(SOLVED), len(SOLVED))
    assert episode.trial == TRIAL


async def test_every_turn_is_journalled_before_the_next_call() -> None:
    model, journal = ScriptedModel(SOLVED), list[Turn]()

    async def on_turn(turn: Turn) -> None:
        assert len(model.asked) == turn.index + 1
        journal.append(turn)

    episode = await run_episode(TRIAL, TASK, model, on_turn=on_turn)
    assert tuple(journal) == episode.turns


async def test_journalled_turns_are_neither_asked_nor_journalled_again() -> None:
    whole = await run_episode(TRIAL, TASK, ScriptedModel(SOLVED))
    model, journal = ScriptedModel(SOLVED), list[Turn]()

    async def on_turn(turn: Turn) -> None:
        journal.append(turn)

    known = whole.turns[:3]
    episode = await run_episode(TRIAL, TASK, model, journalled=known, on_turn=on_turn)
    assert episode == whole
    assert [request.turn for request in model.asked] == [turn.index for turn in whole.turns[3:]]
    assert tuple(journal) == whole.turns[3:]


async def test_a_journal_of_the_whole_episode_asks_nothing() -> None:
    whole = await run_episode(TRIAL, TASK, ScriptedModel(SOLVED))
    model = ScriptedModel([AssertionError("asked")])
    assert await run_episode(TRIAL, TASK, model, journalled=whole.turns) == whole


def a_reader_without(monkeypatch: pytest.MonkeyPatch, *unread: str) -> None:
    """Recognition as an older version had it, which did not read these messages."""

    def older(text: str, vocabulary: Vocabulary, protocol: Protocol) -> Recognition:
        return Recognition("none") if text in unread else recognise(text, vocabulary, protocol)

    monkeypatch.setattr("stormproof.episode.reply_reading.recognise", older)


async def test_turns_that_are_read_differently_now_are_handed_on_once_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as older:
        a_reader_without(older, STEPS[1])
        recorded = (await run_episode(TRIAL, TASK, ScriptedModel(SOLVED))).turns
    model, heard, fresh = ScriptedModel(SOLVED), list[Reread](), list[Turn]()

    async def on_reread(reread: Reread) -> None:
        assert not model.asked
        heard.append(reread)

    async def on_turn(turn: Turn) -> None:
        fresh.append(turn)

    episode = await run_episode(
        TRIAL, TASK, model, journalled=recorded[:3], on_turn=on_turn, on_reread=on_reread
    )
    assert episode == await run_episode(TRIAL, TASK, ScriptedModel(SOLVED))
    [reread] = heard
    assert reread.turns == episode.turns[1:3]  # the second differs, the third stands on it
    assert (recorded[1].action, reread.turns[0].action) == ("none", "call")
    assert reread.differing == sum(
        o != n for o, n in zip(recorded, episode.turns[:3], strict=False)
    )
    assert tuple(fresh) == episode.turns[3:]


async def test_turns_beyond_the_end_that_is_seen_now_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script: list[Line] = ["TASK COMPLETE", "Hm.", "TASK COMPLETE "]
    with monkeypatch.context() as older:
        a_reader_without(older, "TASK COMPLETE")
        recorded = (await run_episode(TRIAL, TASK, ScriptedModel(script))).turns
    heard: list[Reread] = []

    async def on_reread(reread: Reread) -> None:
        heard.append(reread)

    unasked = ScriptedModel([AssertionError("asked")])
    episode = await run_episode(TRIAL, TASK, unasked, journalled=recorded, on_reread=on_reread)
    assert (len(recorded), len(episode.turns), episode.ending) == (3, 1, "done")
    assert heard == [Reread(episode.turns, 1)]


@pytest.mark.parametrize("stopped_after", [1, 3])
@pytest.mark.parametrize("is_sealed", [False, True])
async def test_what_a_folder_keeps_of_a_turn_is_what_the_score_was_made_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stopped_after: int, *, is_sealed: bool
) -> None:
    cut: list[Line] = [*SOLVED[:stopped_after], RateLimited("refused for an hour")]
    with monkeypatch.context() as older:
        a_reader_without(older, STEPS[0])
        async with open_store(tmp_path, Header(suite="1", seed=0)) as store:
            before = await run_episode(TRIAL, TASK, ScriptedModel(cut))
            for turn in before.turns:
                await store.turn(TRIAL.trial_id, turn)
            if is_sealed:
                await store.episode(before)
    count = RereadCount()
    async with open_store(tmp_path, Header(suite="1", seed=0)) as store:

        async def on_reread(reread: Reread) -> None:
            count.add(reread)
            for turn in reread.turns:
                await store.turn(TRIAL.trial_id, turn)
            assert store.journalled(TRIAL.trial_id) == reread.turns

        async def on_turn(turn: Turn) -> None:
            await store.turn(TRIAL.trial_id, turn)

        again = await run_episode(
            TRIAL,
            TASK,
            ScriptedModel(SOLVED),
            journalled=store.journalled(TRIAL.trial_id),
            on_turn=on_turn,
            on_reread=on_reread,
        )
        assert store.journalled(TRIAL.trial_id) == again.turns
        await store.episode(again)
    [kept] = read_episodes(tmp_path)
    assert kept == again == await run_episode(TRIAL, TASK, ScriptedModel(SOLVED))
    assert count.episodes == 1
    assert str(count).endswith(" of 1 episode")


def test_the_notice_counts_turns_and_episodes() -> None:
    count = RereadCount()
    assert str(count) == ""
    for _ in range(2):
        count.add(Reread((), 1500))
    assert str(count) == "read differently by this version: 3,000 turns of 2 episodes"


async def test_a_call_without_reply_is_infrastructure_and_keeps_the_turns() -> None:
    model = ScriptedModel([*STEPS[:2], RateLimited("refused for an hour")])
    episode = await run_episode(TRIAL, TASK, model)
    assert (episode.outcome, episode.ending) == ("infrastructure", "infrastructure")
    assert (episode.score, episode.ceiling) == (None, None)
    assert episode.error == "refused for an hour"
    assert len(episode.turns) == 2


@pytest.mark.parametrize(
    ("error", "outcome", "ending"),
    [
        (ContextOverflow("HTTP 400: too long"), "completed", "context_window"),
        (PromptBlocked("HTTP 400: content_filter"), "blocked", "blocked"),
        (RequestRejected("HTTP 422"), "infrastructure", "infrastructure"),
    ],
)
async def test_who_ended_it_is_told_by_the_error(
    error: CallError, outcome: str, ending: str
) -> None:
    episode = await run_episode(TRIAL, TASK, ScriptedModel([*STEPS[:2], error]))
    assert (episode.outcome, episode.ending) == (outcome, ending)
    assert (episode.score is not None) == (outcome == "completed")
    assert (episode.error, len(episode.turns)) == (error.message, 2)


async def test_an_opening_that_does_not_fit_is_no_result() -> None:
    episode = await run_episode(TRIAL, TASK, ScriptedModel([ContextOverflow("too long")]))
    assert (episode.outcome, episode.ending) == ("infrastructure", "infrastructure")


async def test_a_reply_that_a_filter_ended_ends_the_episode_unread() -> None:
    cut = Reply(STEPS[1], finish_reason="content_filter")
    episode = await run_episode(TRIAL, TASK, ScriptedModel([STEPS[0], cut, *STEPS]))
    assert (episode.outcome, episode.ending, episode.score) == ("blocked", "blocked", None)
    assert [len(turn.executions) for turn in episode.turns] == [1, 0]
    assert not episode.turns[1].format_error
    assert "filter" in episode.error
    model = ScriptedModel(["never asked"])
    assert await run_episode(TRIAL, TASK, model, journalled=episode.turns) == episode
    assert not model.asked


@pytest.mark.parametrize(("said", "error"), [("", True), (STEPS[0], False)])
async def test_a_call_that_the_service_could_not_read_is_the_models(
    said: str, *, error: bool
) -> None:
    malformed = Reply(said, finish_reason="malformed_function_call")
    episode = await run_episode(TRIAL, TASK, ScriptedModel([malformed, *SOLVED[1:]]))
    assert episode.outcome == "completed"
    assert (episode.turns[0].format_error, episode.turns[0].unread) == (error, 0)


async def test_where_the_suite_breaks_its_episode_alone_ends_and_nothing_paid_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret")

    journal = list[Turn]()

    async def on_turn(turn: Turn) -> None:
        journal.append(turn)

    with monkeypatch.context() as patch:
        patch.setattr(Weathered, "call", broken)
        episode = await run_episode(TRIAL, TASK, ScriptedModel(SOLVED), on_turn=on_turn)
    assert (episode.outcome, episode.ending, episode.score) == ("infrastructure", "suite", None)
    assert episode.error.startswith("KeyError in test_loop.py:")
    assert "secret" not in episode.error
    assert episode.turns == tuple(journal)
    assert len(journal) == 1
    mended = ScriptedModel(SOLVED)
    whole = await run_episode(TRIAL, TASK, mended, journalled=journal)
    assert (whole.outcome, len(mended.asked)) == ("completed", len(SOLVED) - 1)


async def test_a_scorer_that_breaks_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise SuiteError("no such check")

    monkeypatch.setattr(loop, "score", broken)
    episode = await run_episode(TRIAL, TASK, ScriptedModel(SOLVED))
    assert (episode.ending, episode.error, episode.score) == ("suite", "no such check", None)
    assert len(episode.turns) == len(SOLVED)


async def test_without_any_reply_there_is_still_a_record() -> None:
    episode = await run_episode(TRIAL, TASK, ScriptedModel([RateLimited("no")]))
    assert (episode.turns, episode.started_at, episode.ended_at) == ((), 0.0, 0.0)


async def test_what_goes_wrong_at_home_is_no_result() -> None:
    async def full_disk(_: Turn) -> None:
        raise StoreError("disk full")

    with pytest.raises(StoreError):
        await run_episode(TRIAL, TASK, ScriptedModel(SOLVED), on_turn=full_disk)


@pytest.mark.parametrize(
    ("marks", "told", "simulated"),
    [
        ((False, False), False, False),
        ((False, True), False, True),
        ((True, False), False, True),
        ((False, False), True, True),
    ],
)
async def test_simulated_is_marked_where_any_reply_was(
    marks: tuple[bool, bool], *, told: bool, simulated: bool
) -> None:
    texts = ["Hm.", "TASK COMPLETE"]
    script: list[Line] = [Reply(t, simulated=m) for t, m in zip(texts, marks, strict=True)]
    episode = await run_episode(TRIAL, TASK, ScriptedModel(script), simulated=told)
    assert episode.simulated is simulated


async def test_the_only_times_are_those_of_the_answers() -> None:
    async def ask(request: Request) -> Answer:
        said = answer("Hm." if request.turn == 0 else "TASK COMPLETE")
        return replace(said, at=1_000.0 + request.turn, queued_ms=250.0, latency_ms=500.0)

    episode = await run_episode(TRIAL, TASK, ask)
    assert (episode.started_at, episode.ended_at) == (999.25, 1_001.0)


async def test_the_ceiling_is_the_cell_s_own() -> None:
    async def ceiling(rate: float) -> Episode:
        trial = a_trial(condition=Condition("baseline", "easy", rate, max_turns=6))
        return await run_episode(trial, TASK, ScriptedModel(["TASK COMPLETE"]))

    low, high = (await ceiling(0.3)).ceiling, (await ceiling(0.8)).ceiling
    assert low is not None
    assert high is not None
    assert 0 < low < high < 1


@pytest.mark.parametrize("prompt_type", ["optimal", "flawed_tool_misuse"])
async def test_what_came_of_a_flawed_plan_is_scored(prompt_type: str) -> None:
    condition = Condition(prompt_type, "easy", 1.0)
    trial = a_trial(condition=condition)
    plan = [(step.tool, step.arguments) for step in WORKFLOWS.shown_plan(TASK, condition)]
    calls = [f"<tool_call>{tool} {json.dumps(given)}</tool_call>" for tool, given in plan]
    episode = await run_episode(trial, TASK, ScriptedModel([*calls, "TASK COMPLETE"]))
    assert episode.score is not None
    dealt = (episode.score.flaw_followed, episode.score.flaw_noticed)
    assert dealt == ((None, None) if prompt_type == "optimal" else (1.0, False))
