"""How a request is written for each dialect: its address, its headers and its body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from msgspec import Raw, Struct

from stormproof.domain.calls import Message, Request, ToolCall, as_json
from stormproof.domain.pool import Endpoint

_encode = msgspec.json.Encoder().encode
_RESERVED = frozenset({"messages", "model", "tools"})  # the episode's alone to say
# Seeds are wider where they are drawn; Gemini and others take a signed number of 32 bits.
_CHAT = "/chat/completions"
_DEPLOYMENT_PATH = re.compile(r"/openai(?:/deployments/[^/]+)?$")


class FixedParts(Struct, frozen=True):
    """What all calls to an endpoint share. `url` and `headers` hold credentials: never show them.

    Names of headers are in lower case. `server` is what the ids of all endpoints of its
    deployment begin with.
    """

    endpoint: Endpoint
    server: str
    url: str
    headers: dict[str, str]
    parameters: dict[str, Any]


def fixed_parts(endpoint: Endpoint, values: Mapping[str, str]) -> FixedParts:
    """Work out what all calls to an endpoint share. `values` holds reference → value."""
    return FixedParts(
        endpoint=endpoint,
        server=_server(endpoint),
        url=_url(endpoint, values),
        headers=_headers(endpoint, values),
        parameters={k: v for k, v in endpoint.parameters.items() if k not in _RESERVED},
    )


def encode(fixed: FixedParts, request: Request) -> bytes:
    """The JSON body. The endpoint's parameters win over the request's own fields.

    A parameter of "" leaves its field out, for servers that refuse it. An endpoint that names
    `max_completion_tokens` (o-series, gpt-5) is never sent `max_tokens`. A stream is
    asked to end with its usage.
    """
    endpoint = fixed.endpoint
    messages = request.messages if endpoint.system_role == "system" else _folded(request.messages)
    body: dict[str, Any] = {
        "model": endpoint.deployment,
        "messages": [
            _message(m, fixed.server) if m.said_by or m.tool_calls or m.carried else m.json
            for m in messages
        ],
    }
    if request.tools:
        body["tools"] = _tools.json(request.tools)
    if request.seed is not None:
        body["seed"] = request.seed
    if request.max_tokens is not None and "max_completion_tokens" not in fixed.parameters:
        body["max_tokens"] = request.max_tokens
    if endpoint.stream:
        body["stream"] = True
    if fixed.parameters or endpoint.stream:
        body |= fixed.parameters
        if body.get("stream") is True:
            body.setdefault("stream_options", {"include_usage": True})
        body = {name: value for name, value in body.items() if value != ""}
    return _encode(body)


class _Tools:
    """A list of tools as JSON. All requests of a run hold the same list, so one is kept."""

    def __init__(self) -> None:
        # The list that was asked for last, and its JSON. `json` alone sets them, both together.
        self._last: tuple[object, Raw] = ((), Raw(b"[]"))

    def json(self, tools: tuple[dict[str, Any], ...]) -> Raw:
        """Made anew only where it is another list than the last one."""
        if self._last[0] is not tools:
            self._last = tools, as_json(tools)
        return self._last[1]


_tools = _Tools()


def _folded(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """No system message: what it says begins the user's first one (Gemma, o1-mini)."""
    first, *rest = messages
    if first.role != "system":
        return messages
    if rest and rest[0].role == "user":
        return (Message("user", f"{first.content}\n\n{rest[0].content}"), *rest[1:])
    return (Message("user", first.content), *rest)


def _message(message: Message, server: str) -> Raw:
    """A message as it goes to `server`, which alone is given back what its replies carried."""
    ours = message.said_by == server or message.said_by.startswith(f"{server}@")
    silent = None if message.tool_calls else ""
    written: dict[str, Any] = {"role": message.role, "content": message.content or silent}
    if message.tool_calls:
        written["tool_calls"] = [_tool_call(call, ours=ours) for call in message.tool_calls]
    return as_json(message.carried | written if ours else written)


def _tool_call(call: ToolCall, *, ours: bool) -> dict[str, Any]:
    carried = call.carried if ours else {}
    function = {"name": call.name, "arguments": call.arguments}
    inside = carried.get("function", {})
    return carried | {"id": call.id, "type": "function", "function": inside | function}


def _server(endpoint: Endpoint) -> str:
    """The endpoint's id without its key: another key of the deployment is the same server."""
    place, keyed, _ = endpoint.endpoint_id.rpartition(f"{endpoint.deployment}@")
    return place + endpoint.deployment if keyed else endpoint.endpoint_id


def _headers(endpoint: Endpoint, values: Mapping[str, str]) -> dict[str, str]:
    """The key as the dialect sends it, and the pool file's own headers, which win."""
    key = values.get(endpoint.key, "")
    credential = (
        {"api-key": key} if endpoint.dialect == "azure" else {"authorization": f"Bearer {key}"}
    )
    own = {name.lower(): values.get(value, value) for name, value in endpoint.headers.items()}
    accepted = {"accept": "text/event-stream, application/json"} if endpoint.stream else {}
    return credential | accepted | own


def _url(endpoint: Endpoint, values: Mapping[str, str]) -> str:
    """The base address, the path to its chats, and the query of both the address and the pool."""
    address, _, query = endpoint.base_url.partition("?")
    base = address.rstrip("/").removesuffix(_CHAT)  # some paste the whole address
    asked = dict(parse_qsl(query, keep_blank_values=True))
    path = base
    if endpoint.dialect == "azure":
        path = _azure_path(base, endpoint.deployment)
        asked |= {"api-version": endpoint.api_version} if endpoint.api_version else {}
    asked |= {name: values.get(value, value) for name, value in endpoint.query.items()}
    return f"{path}{_CHAT}" + (f"?{urlencode(asked, quote_via=quote)}" if asked else "")


def _azure_path(base: str, deployment: str) -> str:
    """Deployment in the path; `/openai/v1` and Foundry's `/models` take it from the body."""
    if base.endswith(("/v1", "/models")):
        return base
    root = _DEPLOYMENT_PATH.sub("", base)
    return f"{root}/openai/deployments/{quote(deployment, safe='')}"
