"""How a request is written for each dialect: its address, its headers and its body."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from stormproof.domain.calls import Message, Request, ToolCall
from stormproof.domain.pool import Endpoint

_encode = msgspec.json.Encoder().encode
# Ours alone to say: an answer is read whole, and what is asked comes from the episode.
_RESERVED = frozenset({"messages", "model", "stream", "stream_options", "tools"})


class FixedParts(Struct, frozen=True):
    """What all calls to an endpoint share. The credential is `(header name, prefix)`, no value.

    `server` is what the ids of all endpoints of its deployment begin with.
    """

    endpoint: Endpoint
    server: str
    url: str
    credential: tuple[str, str]
    parameters: dict[str, Any]


def fixed_parts(endpoint: Endpoint) -> FixedParts:
    """Work out an endpoint's address and fixed parameters once, for all of its calls."""
    azure = endpoint.dialect == "azure"
    return FixedParts(
        endpoint=endpoint,
        server=_server(endpoint),
        url=_azure_url(endpoint) if azure else f"{_base(endpoint)}/chat/completions",
        credential=("api-key", "") if azure else ("authorization", "Bearer "),
        parameters={k: v for k, v in endpoint.parameters.items() if k not in _RESERVED},
    )


def encode(fixed: FixedParts, request: Request) -> bytes:
    """The JSON body. The endpoint's parameters win over the request's own fields.

    A parameter of "" leaves its field out, for servers that refuse it. An endpoint that names
    `max_completion_tokens` (o-series, gpt-5) is never sent `max_tokens`.
    """
    body: dict[str, Any] = {
        "model": fixed.endpoint.deployment,
        "messages": [
            _message(m, fixed.server) if m.role == "assistant" else m for m in request.messages
        ],
    }
    if request.tools:
        body["tools"] = request.tools
    if request.seed is not None:
        body["seed"] = request.seed
    if request.max_tokens is not None and "max_completion_tokens" not in fixed.parameters:
        body["max_tokens"] = request.max_tokens
    if fixed.parameters:
        body |= fixed.parameters
        body = {name: value for name, value in body.items() if value != ""}
    try:
        return _encode(body)
    except UnicodeEncodeError:  # half an emoji, cut from a tool's text: no JSON can carry it
        return json.dumps(msgspec.to_builtins(body)).encode()


def _message(message: Message, server: str) -> dict[str, Any]:
    """A message as it goes to `server`, which alone is given back what its replies carried."""
    ours = message.said_by == server or message.said_by.startswith(f"{server}@")
    silent = None if message.tool_calls else ""
    written: dict[str, Any] = {"role": message.role, "content": message.content or silent}
    if message.tool_calls:
        written["tool_calls"] = [_tool_call(call, ours=ours) for call in message.tool_calls]
    return message.carried | written if ours else written


def _tool_call(call: ToolCall, *, ours: bool) -> dict[str, Any]:
    carried = call.carried if ours else {}
    function = {"name": call.name, "arguments": call.arguments}
    inside = carried.get("function", {})
    return carried | {"id": call.id, "type": "function", "function": inside | function}


def _server(endpoint: Endpoint) -> str:
    """The endpoint's id without its key: another key of the deployment is the same server."""
    return endpoint.endpoint_id.removesuffix(f"@{endpoint.key}")


def _base(endpoint: Endpoint) -> str:
    return endpoint.base_url.rstrip("/")


def _azure_url(endpoint: Endpoint) -> str:
    """Deployment in the path, or Azure's newer `/openai/v1`, which takes it from the body."""
    base, version = _base(endpoint), ""
    if endpoint.api_version:
        version = f"?api-version={quote(endpoint.api_version, safe='')}"
    if base.endswith("/v1"):
        return f"{base}/chat/completions{version}"
    root = base.removesuffix("/openai")
    deployment = quote(endpoint.deployment, safe="")
    return f"{root}/openai/deployments/{deployment}/chat/completions{version}"
