"""Models for tests: no network, no clock, no randomness."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from stormproof.domain.calls import Answer, Reply, Request, Usage

Line = str | Reply | Exception


class ScriptedModel:
    """An `Ask` that says the lines of its script in order, the last one again and again.

    A line is a text, a whole `Reply`, or an exception to raise. The line depends on the request's
    turn alone, so one model may serve any number of episodes at once. `asked` keeps every request.
    """

    def __init__(self, script: Sequence[Line]) -> None:
        if not script:
            raise ValueError("a script needs a line")
        self.asked: list[Request] = []
        self._script = tuple(script)

    async def __call__(self, request: Request) -> Answer:
        """The line for the request's turn."""
        self.asked.append(request)
        line = self._script[min(request.turn, len(self._script) - 1)]
        if isinstance(line, Exception):
            raise line
        return answer(line)


def asking(respond: Callable[[Request], Reply]) -> Callable[[Request], Awaitable[Answer]]:
    """An `Ask` of anything that answers requests, such as the emulator's simulated agents."""

    async def ask(request: Request) -> Answer:
        return answer(respond(request))

    return ask


def answer(line: str | Reply) -> Answer:
    """A reply as if endpoint `scripted` had given it at once."""
    said = Reply(line, finish_reason="stop", usage=Usage(1, 1)) if isinstance(line, str) else line
    return Answer(said, endpoint_id="scripted")
