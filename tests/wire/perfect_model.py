"""A fake service whose model follows its task's own solution, with one way of its own.

    async with FakeService(perfect(quirk)) as service: ...

`quirk` sees each request before the model does, and answers it or returns False.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fake_service import Exchange, Script

from stormproof.suites.workflows import WORKFLOWS

Quirk = Callable[[Exchange, int], Awaitable[bool]]  # the request, and how many turns came before


def perfect(quirk: Quirk | None = None) -> Script:
    """The script of a service; its model speaks the text protocol and always reaches its goal."""

    async def script(exchange: Exchange) -> None:
        turn = turns_in(exchange.body)
        if quirk is None or not await quirk(exchange, turn):
            await exchange.answer(200, reply(next_words(exchange.body)))

    return script


def turns_in(body: Any) -> int:
    return sum(message["role"] == "assistant" for message in body["messages"])


def next_words(body: Any) -> str:
    """The next step of the solution, as a tool call; then that it is done."""
    text = "\n".join(str(m["content"]) for m in body["messages"] if m["role"] == "user")
    task = WORKFLOWS.find_task(text)
    assert task is not None
    turn = turns_in(body)
    if turn >= len(task.solution):
        return WORKFLOWS.completion_phrase
    step = task.solution[turn]
    return f"<tool_call>{step.tool} {json.dumps(step.arguments)}</tool_call>"


def reply(words: str, reason: str = "stop") -> dict[str, Any]:
    """A chat completion."""
    choice = {"message": {"role": "assistant", "content": words}, "finish_reason": reason}
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    return {"choices": [choice], "usage": usage, "model": "perfect"}
