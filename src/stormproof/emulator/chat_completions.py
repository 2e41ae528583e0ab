"""Chat completions as JSON: what comes in and what goes out, with its tokens counted."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from stormproof.domain.calls import Message, Reply, Request, Role, ToolCall, Usage
from stormproof.domain.pool import Endpoint

MARK = "stormproof-emulator"
CHARACTERS_PER_TOKEN = 4
_TOOL_CALL_TOKENS = 8  # of its name and its frame


class _Function(Struct):
    name: str = ""
    arguments: str = ""


class _ToolCall(Struct):
    id: str = ""
    type: str = "function"
    function: _Function = msgspec.field(default_factory=_Function)


class _Part(Struct):
    text: str = ""


class _MessageIn(Struct):
    role: Role | str
    content: str | list[_Part] | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str = ""


class ChatRequest(Struct):
    """The body of a chat-completions request; unknown fields are left alone, as services do."""

    messages: list[_MessageIn]
    model: str = ""
    tools: Raw | UnsetType = UNSET
    seed: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool | None = None

    @property
    def cap(self) -> int | None:
        """The most tokens that the reply may have."""
        return self.max_completion_tokens or self.max_tokens


class _MessageOut(Struct, omit_defaults=True):
    content: str | None
    role: str = msgspec.field(default_factory=lambda: "assistant")
    tool_calls: list[_ToolCall] | None = None


class _Choice(Struct):
    message: _MessageOut
    finish_reason: str | None
    index: int = 0


class _Usage(Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class _Completion(Struct):
    id: str
    model: str
    choices: list[_Choice]
    usage: _Usage
    object: str = "chat.completion"
    created: int = 0
    system_fingerprint: str = MARK


_decode = msgspec.json.Decoder(ChatRequest).decode
_encode = msgspec.json.Encoder().encode


def read_chat(body: bytes) -> ChatRequest:
    """Raises msgspec.DecodeError (or RecursionError) for what is no such request."""
    return _decode(body)


def as_request(chat: ChatRequest, model: str, request_id: str) -> Request:
    """The domain's form of it. `request_id` is `<trial>/<turn>/<attempt>`, or anything else."""
    trial_id, _, turn = request_id.rpartition("/")[0].rpartition("/")
    return Request(
        trial_id=trial_id,
        turn=int(turn) if turn.isdecimal() and len(turn) < 9 else 0,  # noqa: PLR2004  any real turn
        model=model,
        messages=tuple(map(_message, chat.messages)),
        tools=_tools(bytes(chat.tools)) if isinstance(chat.tools, Raw) else (),
        seed=chat.seed,
        max_tokens=chat.cap,
    )


def completion(reply: Reply, model: str, answer_id: str) -> bytes:
    """The body of a 200. `model` is what was served, which is never a deployment's name."""
    tool_calls = [
        _ToolCall(c.id, "function", _Function(c.name, c.arguments)) for c in reply.tool_calls
    ]
    message = _MessageOut(content=reply.text, role="assistant", tool_calls=tool_calls or None)
    read, written = reply.usage.prompt_tokens, reply.usage.completion_tokens
    ended = reply.finish_reason or ("stop" if reply.text or tool_calls or written else None)
    return _encode(
        _Completion(
            id=answer_id,
            model=model,
            choices=[_Choice(message, ended)],
            usage=_Usage(read, written, read + written),
        )
    )


def streamed(body: bytes) -> bytes:
    """The same completion as events: the message, its end, what it took, and the end mark."""
    whole = msgspec.json.decode(body)
    choice = whole["choices"][0]
    message, usage = choice["message"], whole.pop("usage")
    for index, tool_call in enumerate(message.get("tool_calls", ())):
        tool_call["index"] = index
    about = whole | {"object": "chat.completion.chunk"}
    said: dict[str, Any] = {"index": 0, "delta": message, "finish_reason": None}
    ended = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
    events = [about | {"choices": [chunk]} for chunk in (said, ended)]
    events.append(about | {"choices": [], "usage": usage})
    return b"".join(b"data: " + _encode(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def models(endpoints: list[Endpoint]) -> bytes:
    """The body of `/models`."""
    listed = [
        {"id": name, "object": "model", "owned_by": MARK}
        for name in dict.fromkeys(e.deployment for e in endpoints)
    ]
    return _encode({"object": "list", "data": listed})


def counted(request: Request, reply: Reply) -> Reply:
    """The reply with its tokens counted, at least one written."""
    written = tokens_of(reply.text)
    written += sum(_TOOL_CALL_TOKENS + tokens_of(c.arguments) for c in reply.tool_calls)
    return msgspec.structs.replace(reply, usage=Usage(prompt_tokens(request), max(1, written)))


def tokens_of(text: str) -> int:
    """Tokens, as roughly as is usual where no tokenizer is at hand."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def prompt_tokens(request: Request) -> int:
    """Tokens of all messages, their tool calls included."""
    length = sum(
        len(m.content) + sum(len(c.arguments) for c in m.tool_calls) for m in request.messages
    )
    return length // CHARACTERS_PER_TOKEN + 4 * len(request.messages)


def _message(message: _MessageIn) -> Message:
    content = message.content
    if not isinstance(content, str):
        content = "" if content is None else "".join(part.text for part in content)
    tool_calls = tuple(
        ToolCall(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or ()
    )
    role: Any = message.role
    return Message(role, content, tool_calls, message.tool_call_id)


@functools.lru_cache(maxsize=16)  # every request of a run carries the same list
def _tools(raw: bytes) -> tuple[dict[str, Any], ...]:
    return tuple(msgspec.json.decode(raw, type=list[dict[str, Any]] | None) or ())
