"""Endpoints and the limits that bind them."""

from __future__ import annotations

from math import inf
from typing import Literal

from msgspec import Struct

Dialect = Literal["openai", "azure"]
SystemRole = Literal["system", "user"]
ModelKind = Literal["open", "closed"]
RateMode = Literal["adaptive", "fixed"]
Sharding = Literal["dynamic", "even"]

FEW_SLOTS = 8  # in fixed mode, of an endpoint for which nothing at all is declared


class Limits(Struct, frozen=True):
    """Declared limits; None means not declared. Ceilings in both rate modes, never floors."""

    max_workers: int | None = None
    qps: float | None = None
    rpm: float | None = None
    tpm: float | None = None


class Start(Struct, frozen=True, omit_defaults=True):
    """Where adaptive begins at an endpoint: in flight, and requests a second; None: not known.

    Declared in the pool file, or what an earlier run learned. Refuted either way within seconds.
    `above` is what was learned of a limit that it shares with others and that nobody declared;
    None where none was to blame.
    """

    max_workers: int | None = None
    qps: float | None = None
    above: Start | None = None


class LimitGroup(Struct, frozen=True):
    """A limit that several endpoints share: one provider's, key's or deployment's."""

    name: str
    limits: Limits


class Endpoint(Struct, frozen=True):
    """Deployment × key: the unit that has limits and a controller of its own.

    `number` is the shard's number, as `stormproof plan` shows it. `key` is a reference
    (`env:NAME`), never a value; so are those values of `headers` and `query` that are secret.
    `groups` are the shared limits above this endpoint. `start` is where adaptive begins: limits
    found earlier, as good as any guess. `parameters` are merged into each request's body, and ""
    leaves a field out. Where `system_role` is "user", a system message begins the user's first
    one. Prices are per million tokens, `price_cached` of prompt tokens
    that the provider had cached; `price_id` is the model's name in a file of prices ("": its own
    name), and `price_source` says which entry of which file the prices are. `kind` is what the
    model is compared as, "" where the pool file leaves it to the model's family.
    """

    endpoint_id: str
    number: int
    model: str
    provider: str
    dialect: Dialect
    base_url: str
    deployment: str
    key: str
    api_version: str = ""
    limits: Limits = Limits()
    groups: tuple[LimitGroup, ...] = ()
    start: Start = Start()
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    parameters: dict[str, object] = {}
    system_role: SystemRole = "system"
    stream: bool = False
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    price_id: str = ""
    price_source: str = ""
    kind: ModelKind | Literal[""] = ""

    @property
    def fixed_slots(self) -> float:
        """Requests in flight in fixed mode: as many as are declared, inf where a rate is.

        A rate holds itself, and how many slots it needs depends on how long answers take.
        """
        if self.limits.max_workers is not None:
            return self.limits.max_workers
        declared = (self.limits, *(group.limits for group in self.groups))
        return FEW_SLOTS if all(limits == Limits() for limits in declared) else inf

    @property
    def most_reply_tokens(self) -> int | None:
        """The limit on a reply's length that every request carries; None where none does."""
        named = (self.parameters.get(name) for name in ("max_tokens", "max_completion_tokens"))
        return next((limit for limit in named if isinstance(limit, int)), None)

    @property
    def references(self) -> tuple[str, ...]:
        """What needs a value before anything can be sent: of the key, in headers, in the query."""
        texts = (*self.headers.values(), *self.query.values())
        return self.key, *(text for text in texts if text.startswith("env:"))
