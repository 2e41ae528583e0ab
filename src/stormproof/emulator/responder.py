"""Who answers: simulated agents, or recordings."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from stormproof.domain.calls import Reply, Request, Usage
from stormproof.emulator.agents import Agents
from stormproof.emulator.dialect import prompt_tokens, tokens_of
from stormproof.emulator.replay import Replay, recordings
from stormproof.emulator.settings import Settings
from stormproof.suites.workflows import WORKFLOWS

Responder = Callable[[Request], Reply]
_CALL_TOKENS = 8


def responder_for(settings: Settings) -> Responder:
    """The responder that the settings ask for, its replies' tokens counted."""
    speak: Responder
    if settings.replay:
        speak = Replay(recordings(settings.replay))
    else:
        speak = Agents(WORKFLOWS.find_task, seed=settings.options.seed)
    return lambda request: counted(request, speak(request))


def counted(request: Request, reply: Reply) -> Reply:
    """The reply with its tokens counted, at least one written."""
    written = tokens_of(reply.text)
    written += sum(_CALL_TOKENS + tokens_of(call.arguments) for call in reply.tool_calls)
    usage = Usage(prompt_tokens(request), max(1, written))
    return msgspec.structs.replace(reply, usage=usage)
