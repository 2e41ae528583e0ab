"""One model call: what is asked, what came back, and the verdict on it."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from stormproof.domain.conditions import Protocol

# gc=False: what a run makes by the million and what cannot be part of a cycle is not looked
# through for cycles, which the collector would do again and again for all episodes under way.
Role = Literal["system", "user", "assistant", "tool"]


class ToolCall(Struct, frozen=True, gc=False, omit_defaults=True):
    """A native tool call as the model wrote it; `arguments` is unparsed text.

    `id` is empty where the server gave none. `carried` are fields that must come back with it.
    """

    id: str
    name: str
    arguments: str
    carried: dict[str, Any] = {}


def as_json(value: object) -> Raw:
    """A value as JSON; half an emoji, cut from a tool's text, as an escape that JSON can carry."""
    try:
        return Raw(msgspec.json.encode(value))
    except UnicodeEncodeError:
        return Raw(json.dumps(msgspec.to_builtins(value)).encode())


class Message(Struct, frozen=True, omit_defaults=True, dict=True):
    """One message of a conversation, in Stormproof's form; dialects translate it.

    `carried`, here and in its tool calls, goes to the server of the endpoint `said_by` alone.
    """

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    carried: dict[str, Any] = {}
    said_by: str = ""

    @cached_property
    def json(self) -> Raw:
        """As it stands here, in JSON: made once, though it is sent again with every turn."""
        return as_json(self)


class Usage(Struct, frozen=True, gc=False):
    """Tokens of one call or a sum of calls, as the provider counted them.

    `cached_tokens` of the prompt's were read from the provider's cache.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Sum, field by field."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
        )


class Request(Struct, frozen=True, gc=False):
    """The next model call of an episode. `tools` is the native protocol's list, else empty.

    `protocol` says in which form calls were asked for; it is not sent.
    """

    trial_id: str
    turn: int
    model: str
    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()
    seed: int | None = None
    max_tokens: int | None = None
    protocol: Protocol = "text"


# Of a reply's `finish_reason`, what something depends on.
FILTERED = "content_filter"  # a provider's filter ended it
LENGTH = "length"  # the limit of tokens ended it
MALFORMED = "malformed_function_call"  # the service could not read the model's tool call


class Reply(Struct, frozen=True, gc=False):
    """What the model said. `raw` keeps a paid-for body that could not be read whole.

    `finish_reason` is in OpenAI's words where another service's mean the same.
    `simulated` is true where the emulator's mark was on the reply. `carried` are fields of the
    reply's message that must come back with it, to the server that said them.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    finish_reason: str = ""
    usage: Usage = Usage()
    served_model: str = ""
    raw: str = ""
    simulated: bool = False
    carried: dict[str, Any] = {}


class Answer(Struct, frozen=True, gc=False):
    """A reply and how it was got: where, after how many sends, and how long each part took.

    `queued_ms` is the wait for slots over all sends, `latency_ms` the successful send alone.
    `hedged` is true where a second copy had been sent. `at` is wall-clock epoch seconds.
    """

    reply: Reply
    endpoint_id: str
    attempts: int = 1
    queued_ms: float = 0.0
    latency_ms: float = 0.0
    hedged: bool = False
    at: float = 0.0


# --- verdicts: what classify(response) says -----------------------------------------------


class RateHeaders(Struct, frozen=True, gc=False):
    """Limits that a response's headers name; None where they name none. Rates are per minute."""

    limit_rpm: float | None = None
    limit_tpm: float | None = None
    remaining_requests: int | None = None
    remaining_tokens: int | None = None


class Ok(Struct, frozen=True, gc=False):
    """A reply that was paid for."""

    reply: Reply
    rates: RateHeaders | None = None


class Refused(Struct, frozen=True, gc=False):
    """429 or its like: nothing was paid. `retry_after_s` as the provider asks, else None.

    `exhausted` means a quota that waiting does not refill; `quota` words that say so at one
    service and mean a passing limit at another (`insufficient_quota`). `of_a_day`: it
    names a quota of a day; `resumes_in_s` is when that, or one of hours, is refilled, None where
    that is not said.
    """

    reason: str
    retry_after_s: float | None = None
    exhausted: bool = False
    quota: bool = False
    of_a_day: bool = False
    resumes_in_s: float | None = None
    rates: RateHeaders | None = None


class Transient(Struct, frozen=True, gc=False):
    """5xx, reset, timeout, truncated or non-JSON body: worth another try, best elsewhere.

    `paid`: it came with a success status, so it may be on the bill, with `usage` where that can
    be read. `unreached`: no sign that a model's service stands at this address.
    """

    reason: str
    retry_after_s: float | None = None
    raw: str = ""
    paid: bool = False
    usage: Usage = Usage()
    unreached: bool = False


class Rejected(Struct, frozen=True, gc=False):
    """The endpoint cannot take this very request (400, 413, 422); perhaps another can."""

    reason: str


class Overlong(Struct, frozen=True, gc=False):
    """The conversation does not fit the model's context window."""

    reason: str


class Blocked(Struct, frozen=True, gc=False):
    """A provider's filter let the request not through."""

    reason: str


class Denied(Struct, frozen=True, gc=False):
    """401, 403, or 404 for a deployment: the endpoint is unusable, the request is not."""

    reason: str


Verdict = Ok | Refused | Transient | Rejected | Overlong | Blocked | Denied
