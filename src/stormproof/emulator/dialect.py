"""Chat completions as JSON: what comes in, what goes out, and how the services word refusals."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from stormproof.domain.calls import Message, Reply, Request, Role, ToolCall
from stormproof.domain.pool import Endpoint

MARK = "stormproof-emulator"
CHARACTERS_PER_TOKEN = 4


class _Function(Struct):
    name: str = ""
    arguments: str = ""


class _Call(Struct):
    id: str = ""
    type: str = "function"
    function: _Function = msgspec.field(default_factory=_Function)


class _Part(Struct):
    text: str = ""


class _Said(Struct):
    role: Role | str
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str = ""


class ChatRequest(Struct):
    """The body of a chat-completions request; unknown fields are left alone, as services do."""

    messages: list[_Said]
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


class _Spoken(Struct, omit_defaults=True):
    content: str | None
    role: str = msgspec.field(default_factory=lambda: "assistant")
    tool_calls: list[_Call] | None = None


class _Choice(Struct):
    message: _Spoken
    finish_reason: str
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
    calls = [_Call(c.id, "function", _Function(c.name, c.arguments)) for c in reply.tool_calls]
    spoken = _Spoken(content=reply.text, role="assistant", tool_calls=calls or None)
    read, written = reply.usage.prompt_tokens, reply.usage.completion_tokens
    return _encode(
        _Completion(
            id=answer_id,
            model=model,
            choices=[_Choice(spoken, reply.finish_reason or "stop")],
            usage=_Usage(read, written, read + written),
        )
    )


def models(endpoints: list[Endpoint]) -> bytes:
    """The body of `/models`."""
    listed = [
        {"id": name, "object": "model", "owned_by": MARK}
        for name in dict.fromkeys(e.deployment for e in endpoints)
    ]
    return _encode({"object": "list", "data": listed})


def error(code: str, message: str, kind: str = "invalid_request_error") -> bytes:
    """An error object as both dialects send it."""
    return _encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


def denied(endpoint_dialect: str) -> bytes:
    """The body of a 401."""
    if endpoint_dialect == "azure":
        return error(
            "401", "Access denied due to invalid subscription key or wrong API endpoint.", "auth"
        )
    return error("invalid_api_key", "Incorrect API key provided.")


def gone(endpoint_dialect: str, deployment: str) -> bytes:
    """The body of a 404 for a deployment."""
    if endpoint_dialect == "azure":
        return error("DeploymentNotFound", "The API deployment for this resource does not exist.")
    return error("model_not_found", f"The model {deployment[:100]!r} does not exist.")


def exhausted() -> bytes:
    """The body of a 429 that no waiting helps."""
    message = "You exceeded your current quota, please check your plan and billing details."
    return error("insufficient_quota", message, "insufficient_quota")


def too_many(cause: str) -> bytes:
    """The body of a 429; like the services, it does not say which limit where that is a cap."""
    said = {"rate": "requests per minute (RPM)", "tokens": "tokens per minute (TPM)"}
    reason = f"Rate limit reached on {said[cause]}." if cause in said else "Too many requests."
    return error("rate_limit_exceeded", f"{reason} Please retry later.", "requests")


def tokens_of(text: str) -> int:
    """Tokens, as roughly as is usual where no tokenizer is at hand."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def prompt_tokens(request: Request) -> int:
    """Tokens of all messages, their calls included."""
    length = sum(
        len(m.content) + sum(len(c.arguments) for c in m.tool_calls) for m in request.messages
    )
    return length // CHARACTERS_PER_TOKEN + 4 * len(request.messages)


def _message(said: _Said) -> Message:
    content = said.content
    if not isinstance(content, str):
        content = "" if content is None else "".join(part.text for part in content)
    calls = tuple(
        ToolCall(c.id, c.function.name, c.function.arguments) for c in said.tool_calls or ()
    )
    role: Any = said.role
    return Message(role, content, calls, said.tool_call_id)


@functools.lru_cache(maxsize=16)  # every request of a run carries the same list
def _tools(raw: bytes) -> tuple[dict[str, Any], ...]:
    return tuple(msgspec.json.decode(raw, type=list[dict[str, Any]] | None) or ())
