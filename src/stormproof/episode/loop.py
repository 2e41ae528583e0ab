"""The loop: ask the model, act on its answer, journal the turn, until the episode ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

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


async def run_episode(
    trial: Trial,
    task: Task,
    ask: Ask,
    *,
    journalled: Sequence[Turn] = (),
    on_turn: OnTurn | None = None,
    simulated: bool = False,
) -> Episode:
    """Run a trial to its end and score it.

    `journalled` turns of an earlier process are replayed with their recorded answers: no model
    call, no second journalling. `on_turn` is awaited before the episode goes on. A `CallError`
    of `ask` ends the episode as `infrastructure`, unscored, with the turns so far. The only
    times in the record are those of the answers.
    """
    conversation = Conversation(trial, task)
    try:
        await _converse(conversation, ask, journalled, on_turn)
    except CallError as error:
        return _episode(conversation, simulated=simulated, error=error.message)
    return _episode(conversation, simulated=simulated)


async def _converse(
    conversation: Conversation, ask: Ask, journalled: Sequence[Turn], on_turn: OnTurn | None
) -> None:
    known = iter(journalled)
    while conversation.ending is None:
        recorded = next(known, None)
        answer = recorded.answer if recorded else await ask(conversation.request())
        turn = conversation.take(answer)
        if recorded is None and on_turn is not None:
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
