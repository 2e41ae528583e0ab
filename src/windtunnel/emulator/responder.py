"""Who answers: simulated agents, or recordings."""

from __future__ import annotations

from collections.abc import Callable

from windtunnel.domain.calls import Reply, Request, Usage
from windtunnel.emulator.dialect import prompt_tokens, tokens_of
from windtunnel.emulator.settings import Settings

Responder = Callable[[Request], Reply]


def responder_for(settings: Settings) -> Responder:
    """The responder that the settings ask for."""
    del settings
    return lambda request: counted(request, Reply("TASK COMPLETE", finish_reason="stop"))


def counted(request: Request, reply: Reply) -> Reply:
    """The reply with its tokens counted."""
    written = tokens_of(reply.text) + sum(8 + tokens_of(c.arguments) for c in reply.tool_calls)
    return Reply(
        text=reply.text,
        tool_calls=reply.tool_calls,
        finish_reason=reply.finish_reason,
        usage=Usage(prompt_tokens(request), written),
    )
