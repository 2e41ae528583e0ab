"""The loop: ask the model, act on its answer, journal the turn, until the episode ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from stormproof.domain.calls import Answer, Request
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.tasks import Task
from stormproof.domain.trials import Trial
from stormproof.episode.conversation import Conversation
from stormproof.errors import CallError
from stormproof.score import score
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
    each new turn before the episode goes on. A `CallError` of `ask` ends the episode as
    `infrastructure`, unscored, with the turns so far. The only times in the record are those of
    the answers.
    """
    conversation = Conversation(trial, task)
    reread = _take_again(conversation, journalled)
    if reread is not None and on_reread is not None:
        await on_reread(reread)
    try:
        await _converse(conversation, ask, on_turn)
    except CallError as error:
        return _episode(conversation, simulated=simulated, error=error.message)
    return _episode(conversation, simulated=simulated)


def _take_again(conversation: Conversation, journalled: Sequence[Turn]) -> Reread | None:
    """Take the recorded answers, up to where the episode ends now; None where nothing changed."""
    differing = []
    for recorded in journalled:
        if conversation.ending is not None:
            break
        if conversation.take(recorded.answer) != recorded:
            differing.append(recorded.index)
    if not differing:
        return None
    return Reread(tuple(conversation.turns[differing[0] :]), len(differing))


async def _converse(conversation: Conversation, ask: Ask, on_turn: OnTurn | None) -> None:
    while conversation.ending is None:
        turn = conversation.take(await ask(conversation.request()))
        if on_turn is not None:
            await on_turn(turn)


def _episode(conversation: Conversation, *, simulated: bool, error: str = "") -> Episode:
    """The record; scored exactly when the conversation came to an end of its own."""
    trial, task, ending = conversation.trial, conversation.task, conversation.ending
    condition, turns = trial.condition, tuple(conversation.turns)
    answers = [turn.answer for turn in turns]
    return Episode(
        trial=trial,
        outcome="completed" if ending else "infrastructure",
        ending=ending or "infrastructure",
        turns=turns,
        score=score(task, condition, turns, ending) if ending else None,
        ceiling=WORKFLOWS.ceiling(task, condition) if ending else None,
        simulated=simulated or any(answer.reply.simulated for answer in answers),
        error=error,
        started_at=_began(answers[0]) if answers else 0.0,
        ended_at=answers[-1].at if answers else 0.0,
    )


def _began(answer: Answer) -> float:
    return answer.at - (answer.queued_ms + answer.latency_ms) / 1000
