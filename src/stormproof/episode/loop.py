"""The loop: ask the model, act on its answer, journal the turn, until the episode ends."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
from anyio import to_thread
from msgspec import Struct

from stormproof.domain.calls import Answer, Request
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Ending, Episode, Turn
from stormproof.domain.reasons import COLLIDING
from stormproof.domain.tasks import Task
from stormproof.domain.trials import Trial
from stormproof.episode.conversation import Conversation
from stormproof.episode.endings import FILTERED_REPLY, ending_by, outcome_of
from stormproof.episode.taking import take, threads
from stormproof.errors import CallError, SuiteError
from stormproof.score import FlawedPlan, score
from stormproof.suites.workflows import WORKFLOWS

Ask = Callable[[Request], Awaitable[Answer]]
OnTurn = Callable[[Turn], Awaitable[None]]


class Reread(Struct, frozen=True):
    """Journalled turns that come out differently now, as after a change of recognition.

    `turns` are to be journalled in place of what stands there: the first that differs and all
    after it, since each was taken on what came before. `differing` of them are not as recorded.
    """

    turns: tuple[Turn, ...]
    differing: int


OnReread = Callable[[Reread], Awaitable[None]]


class RereadCount:
    """How much of a run's journal this version reads differently; `str` is the notice of it."""

    def __init__(self) -> None:
        # Both only grow, by `add` alone, and are zero together: every episode has a turn.
        self.turns = 0
        self.episodes = 0

    def add(self, reread: Reread) -> None:
        """Count one episode's."""
        self.turns += reread.differing
        self.episodes += 1

    def __str__(self) -> str:
        """One line; "" where everything is read as it was."""
        turns = f"{self.turns:,} turn{'s' if self.turns > 1 else ''}"
        episodes = f"{self.episodes:,} episode{'s' if self.episodes > 1 else ''}"
        return f"read differently by this version: {turns} of {episodes}" if self.turns else ""


async def run_episode(
    trial: Trial,
    task: Task,
    ask: Ask,
    *,
    journalled: Sequence[Turn] = (),
    on_turn: OnTurn | None = None,
    on_reread: OnReread | None = None,
    simulated: bool = False,
) -> Episode:
    """Run a trial to its end and score it.

    `journalled` turns of an earlier process are taken again with their recorded answers: no model
    call, no second journalling. Where they come out differently, `on_reread` is awaited once,
    before anything is asked, so that what is scored is what is kept. `on_turn` is awaited for
    each new turn before the episode goes on. How a `CallError` of `ask` ends the episode:
    `endings.ending_by`. Where the suite breaks, the episode ends as `suite`, unscored, with the
    turns so far. The only times in the record are those of the answers.
    """
    turns: Sequence[Turn] = journalled
    try:
        with suite_at_work:
            conversation = Conversation(trial, task)
            reread = await _take_again(conversation, journalled)
        turns = conversation.turns
        if reread is not None and on_reread is not None:
            await on_reread(reread)
        ending, error = await _converse(conversation, ask, on_turn)
        with suite_at_work:
            return await _episode(conversation, ending, error, simulated=simulated)
    except SuiteError as fault:
        return broken_episode(trial, turns, fault, simulated=simulated)


def broken_episode(
    trial: Trial, turns: Sequence[Turn], fault: SuiteError, *, simulated: bool = False
) -> Episode:
    """The record of an episode in which the suite broke."""
    return _record(trial, turns, "suite", error=fault.message, simulated=simulated)


class _SuiteAtWork:
    """Whatever breaks in here is one episode's trouble. Raises SuiteError in its place.

    Its own text is left out: it may hold anything. A class, as each turn passes here.
    """

    def __enter__(self) -> None:
        """Nothing to prepare: one serves all."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Name the place."""
        if isinstance(error, Exception) and not isinstance(error, SuiteError):
            frame = traceback.extract_tb(trace)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            raise SuiteError(f"{type(error).__name__} in {where}, {frame.name}") from error


suite_at_work = _SuiteAtWork()


async def _take_again(conversation: Conversation, journalled: Sequence[Turn]) -> Reread | None:
    """Take the recorded answers, up to where the episode ends now; None where nothing changed."""
    differing = []
    for recorded in journalled:
        if conversation.ending is not None:
            break
        if await take(conversation, recorded.answer) != recorded:
            differing.append(recorded.index)
    if not differing:
        return None
    return Reread(tuple(conversation.turns[differing[0] :]), len(differing))


async def _converse(
    conversation: Conversation, ask: Ask, on_turn: OnTurn | None
) -> tuple[Ending, str]:
    """Talk until the episode ends: how, and what broke."""
    while conversation.ending is None:
        try:
            answer = await ask(conversation.request())
        except CallError as error:
            ending = ending_by(error, len(conversation.turns))
            return ending, _explained(error, conversation.trial)
        fault = None
        try:
            with suite_at_work:
                turn = await take(conversation, answer)
        except SuiteError as error:  # what was paid for is kept
            turn, fault = conversation.keep(answer), error
        if on_turn is not None:
            await on_turn(turn)
        if fault is not None:
            raise fault
    return conversation.ending, FILTERED_REPLY if conversation.ending == "blocked" else ""


async def _episode(
    conversation: Conversation, ending: Ending, error: str, *, simulated: bool
) -> Episode:
    """The record; scored exactly when the episode is completed."""
    trial, task, turns = conversation.trial, conversation.task, conversation.turns
    record = _record(trial, turns, ending, error=error, simulated=simulated)
    if outcome_of(ending) != "completed":
        return record
    ceiling = await _ceiling(task, trial.condition)
    earned = score(task, turns, ending, _flawed_plan(task, trial.condition))
    return msgspec.structs.replace(record, score=earned, ceiling=ceiling)


async def _ceiling(task: Task, condition: Condition) -> float:
    """From a thread where the first of a kind of task can take half a second."""
    if condition.weather == "before":
        return WORKFLOWS.ceiling(task, condition)
    return await to_thread.run_sync(
        WORKFLOWS.ceiling, task, condition, abandon_on_cancel=True, limiter=threads()
    )


def _flawed_plan(task: Task, condition: Condition) -> FlawedPlan | None:
    """The plan that the prompt showed and the right one, where they differ."""
    if not condition.is_flawed:
        return None
    best = msgspec.structs.replace(condition, prompt_type="optimal")
    return FlawedPlan(WORKFLOWS.shown_plan(task, condition), WORKFLOWS.shown_plan(task, best))


def _record(
    trial: Trial, turns: Sequence[Turn], ending: Ending, *, error: str, simulated: bool
) -> Episode:
    answers = [turn.answer for turn in turns]
    return Episode(
        trial=trial,
        outcome=outcome_of(ending),
        ending=ending,
        turns=tuple(turns),
        simulated=simulated or any(answer.reply.simulated for answer in answers),
        error=error,
        started_at=_began(answers[0]) if answers else 0.0,
        ended_at=answers[-1].at if answers else 0.0,
    )


def _explained(error: CallError, trial: Trial) -> str:
    """What broke; a server that takes the text protocol's tags for its own answers HTTP 500."""
    colliding = trial.condition.protocol == "text" and "HTTP 500" in error.message
    return f"{error.message} ({COLLIDING})" if colliding else error.message


def _began(answer: Answer) -> float:
    return answer.at - (answer.queued_ms + answer.latency_ms) / 1000
