"""An answer acted on without holding the loop that all episodes share.

Most answers take a fraction of a millisecond, and are taken at once. One that is long, or asks for
several tool calls, is taken in a thread; an episode that is cancelled meanwhile does not wait for
it: the thread ends with the tool call that it is at, and what it did is forgotten.
"""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from stormproof.domain.calls import Answer, Reply
from stormproof.domain.episodes import Turn
from stormproof.episode.conversation import Conversation

LONGEST_AT_ONCE = 4_000  # characters of a reply
MOST_THREADS = 2  # more would only take the interpreter from each other, and from the loop
_threads: RunVar[CapacityLimiter] = RunVar("threads that take answers")


async def take(conversation: Conversation, answer: Answer) -> Turn:
    """`Conversation.take`, which see."""
    if is_quick(answer.reply):
        return conversation.take(answer)
    try:
        return await to_thread.run_sync(
            conversation.take, answer, abandon_on_cancel=True, limiter=threads()
        )
    except BaseException:
        conversation.give_up()
        raise


def is_quick(reply: Reply) -> bool:
    """Whether a reply is short, and asks for one tool call at most."""
    calls = reply.tool_calls
    if not calls:
        return len(reply.text) <= LONGEST_AT_ONCE and reply.text.count("tool_call") <= 2  # noqa: PLR2004  a tag and its end
    return len(calls) == 1 and len(calls[0].arguments) + len(reply.text) <= LONGEST_AT_ONCE


def threads() -> CapacityLimiter:
    """The running loop's own, for work too long to be done on it."""
    try:
        return _threads.get()
    except LookupError:
        _threads.set(limiter := CapacityLimiter(MOST_THREADS))
        return limiter
