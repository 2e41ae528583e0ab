"""What a probe finds of an endpoint, what would mend it, and what asking costs at most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from stormproof.domain.calls import RateHeaders
from stormproof.domain.pool import Endpoint

MOST_CALLS = 6
PROMPT_TOKENS = 250  # of the longest question, generously
REPLY_TOKENS = 512  # what a reply may take where the pool file sets no limit; some models think

Taken = Literal["not asked", "taken", "refused"]


class Mend(Struct, frozen=True):
    """A change of the pool file. `place` is a key in a model's or a deployment's table.

    `("base_url",)` is the provider's. `why` is what the service said against what stood there.
    """

    place: tuple[str, ...]
    value: str | int | bool
    why: str


class Findings(Struct):
    """What is known of an endpoint; it grows with each answer. `trouble` is what ended the probe.

    `token_limit` is the name under which a limit of the reply's tokens is taken. `reasoning` says
    whether the service refuses a conversation with tool calls from which its own fields are gone.
    """

    endpoint_id: str
    model: str
    provider: str
    deployment: str
    calls: int = 0
    reachable: bool | None = None
    credentials: Literal["unknown", "accepted", "refused"] = "unknown"
    served_model: str = ""
    native_tools: Literal["not asked", "used", "taken, not used", "refused"] = "not asked"
    parallel_calls: int = 0
    seed: Taken = "not asked"
    system_role: Taken = "not asked"
    token_limit: str = ""
    reasoning: Literal["not asked", "none seen", "seen, may stay away", "must come back"] = (
        "not asked"
    )
    usage_counted: bool | None = None
    limits: RateHeaders | None = None
    latency_ms: float | None = None
    trouble: str = ""
    notes: list[str] = []
    mends: list[Mend] = []

    @property
    def usable(self) -> bool:
        """Whether a run would get answers, once the mends stand in the pool file."""
        return self.latency_ms is not None


class Cost(Struct, frozen=True):
    """The most that a probe may take. `price` is in the pool's currency, None where not known."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    price: float | None


def cost_of(endpoints: Sequence[Endpoint]) -> Cost:
    """What probing these may cost at most."""
    replies = [reply_tokens(e) for e in endpoints]
    prices = [
        MOST_CALLS * (PROMPT_TOKENS * (e.price_in or 0) + tokens * (e.price_out or 0)) / 1e6
        for e, tokens in zip(endpoints, replies, strict=True)
    ]
    priced = all(e.price_in is not None and e.price_out is not None for e in endpoints)
    return Cost(
        calls=MOST_CALLS * len(endpoints),
        prompt_tokens=MOST_CALLS * PROMPT_TOKENS * len(endpoints),
        completion_tokens=MOST_CALLS * sum(replies),
        price=sum(prices) if priced else None,
    )


def reply_tokens(endpoint: Endpoint) -> int:
    """The most tokens of one reply: the pool file's limit, or the probe's own."""
    return endpoint.most_reply_tokens or REPLY_TOKENS
