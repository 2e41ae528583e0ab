"""The pool file: providers, keys, models and their limits, read with every mistake at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from stormproof.domain.pool import Dialect, Limits, ModelKind, RateMode, Start, SystemRole
from stormproof.errors import PoolFileError
from stormproof.plan.mistakes import KeyPath, Mistakes, shown
from stormproof.plan.pool_values import unfit_header, unfit_query
from stormproof.plan.tomlfile import read_toml
from stormproof.plan.tomltable import TomlTable

DIALECTS: tuple[Dialect, ...] = ("openai", "azure")
RATE_MODES: tuple[RateMode, ...] = ("adaptive", "fixed")
SYSTEM_ROLES: tuple[SystemRole, ...] = ("system", "user")
MODEL_KINDS: tuple[ModelKind, ...] = ("open", "closed")
POOL_SCHEMA = Path(__file__).with_name("pool.schema.json")  # for editors
SHIPPED_POOL = Path(__file__).with_name("pools") / "azure-ideallab.toml"

MAX_WORKERS = 100_000
MAX_RATE = 1e9  # qps, rpm; a provider that grants more has not been built
MAX_TPM = 1e12
MAX_TOKENS = 10_000_000
KEY_HINT = (
    "write a reference such as env:AZURE_OPENAI_API_KEY and put the value into that "
    "environment variable; if a key itself stood in the file, revoke it"
)
OURS = frozenset({"messages", "model", "tools"})
TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")  # the older name, and the newer one


class ModeLimits(Struct, frozen=True):
    """Limits as they bind in each rate mode."""

    adaptive: Limits = Limits()
    fixed: Limits = Limits()

    def of(self, mode: RateMode) -> Limits:
        """The limits that bind in `mode`."""
        return self.adaptive if mode == "adaptive" else self.fixed


class PoolKey(Struct, frozen=True):
    """One credential of a provider: a name that may be shown, and where its value is found."""

    name: str
    reference: str
    limits: ModeLimits = ModeLimits()


class Provider(Struct, frozen=True):
    """An API account or gateway. `base_url` may be a reference (`env:NAME`) too.

    `headers` and `query` go with each request; their values may be references.
    """

    name: str
    dialect: Dialect
    base_url: str
    api_version: str
    keys: dict[str, PoolKey]
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    limits: ModeLimits = ModeLimits()


class RequestForm(Struct, frozen=True):
    """How a served copy wants to be asked. `parameters` are merged into each request's body."""

    parameters: dict[str, object] = {}
    system_role: SystemRole = "system"
    stream: bool = False


class PoolDeployment(Struct, frozen=True):
    """One served copy of a model, the keys it is reached with, and its limits.

    `limits` bind the deployment over all its keys, `endpoint_limits` each of its endpoints, and
    `start` is where adaptive begins at each: in fixed it is one more ceiling.
    """

    name: str
    provider: str
    keys: tuple[str, ...]
    form: RequestForm = RequestForm()
    limits: ModeLimits = ModeLimits()
    endpoint_limits: ModeLimits = ModeLimits()
    start: Start = Start()


class PoolModel(Struct, frozen=True):
    """A model, by the name that its results are filed under. Prices are per million tokens.

    `price_cached` is of prompt tokens that the provider had cached; `price_id` is the model's
    name in a file of prices, where it is another one there. `kind` is what it is compared as, ""
    where its family says it.

    `per_prompt_type` multiplies the workers of its single deployment by the number of prompt
    types in the run.
    """

    name: str
    deployments: tuple[PoolDeployment, ...]
    per_prompt_type: bool = False
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    price_id: str = ""
    kind: ModelKind | Literal[""] = ""


class PoolFile(Struct, frozen=True):
    """A pool file that has no mistakes left."""

    source: str
    providers: dict[str, Provider]
    models: dict[str, PoolModel]


def load_pool(path: str | Path = SHIPPED_POOL) -> PoolFile:
    """Read and check a pool file. Raises `PoolFileError` with every mistake in it."""
    path = Path(path)
    data, lines = read_toml(path, PoolFileError)
    return check_pool(data, str(path), lines)


def check_pool(
    data: dict[str, Any], source: str, lines: Mapping[KeyPath, int] | None = None
) -> PoolFile:
    """Check a pool file's data. `source` and `lines` say where a mistake stands."""
    mistakes = Mistakes(source, lines)
    root = TomlTable(data, (), mistakes)
    providers = {t.name: _provider(t) for t in root.tables("providers", at_least_one=True)}
    models = {t.name: _model(t, providers) for t in root.tables("models", at_least_one=True)}
    root.close()
    mistakes.raise_all(PoolFileError, hint="docs/configuration.md shows the pool file, key by key")
    return PoolFile(source=source, providers=providers, models=models)


def _provider(table: TomlTable) -> Provider:
    dialect: Any = table.choice("dialect", DIALECTS, default="openai")
    base_url, query = table.url("base_url"), table.texts("query", unfit_query)
    has_version = "api-version" in query or "api-version=" in base_url
    provider = Provider(
        name=table.name,
        dialect=dialect,
        base_url=base_url,
        api_version=table.text(
            "api_version", required=dialect == "azure" and not has_version, example="2024-10-21"
        ),
        keys={key.name: key for key in _keys(table)},
        headers=table.texts("headers", unfit_header),
        query=query,
        limits=_limits(table, "limits"),
    )
    table.close()
    return provider


def _keys(table: TomlTable) -> list[PoolKey]:
    """`NAME = "env:…"`, or `NAME = { ref = "env:…", limits = {…} }` for a key with limits.

    A list of the same is named key0, key1, …
    """
    table.name_items("keys", "key")
    keys = []
    for entry in table.entries("keys", at_least_one=True):
        if isinstance(entry, TomlTable):
            reference = entry.reference("ref", hint=KEY_HINT)
            limits = _limits(entry, "limits")
            entry.close()
            keys.append(PoolKey(entry.name, reference, limits))
        else:
            name, value, where = entry
            keys.append(PoolKey(name, where.as_reference(value, (name,), hint=KEY_HINT)))
    return keys


def _model(table: TomlTable, providers: dict[str, Provider]) -> PoolModel:
    endpoint_limits = _limits(table, "endpoint_limits")
    provider = table.choice("provider", tuple(providers), default="")
    inherited = PoolDeployment(
        name=table.name,
        provider=provider,
        keys=_chosen_keys(table, providers.get(provider), ()),
        form=_form(table, RequestForm()),
        endpoint_limits=endpoint_limits,
        start=_start(table, Start()),
    )
    kind: Any = table.choice("kind", MODEL_KINDS, default="")
    items = table.named_items("deployments", default=table.name)
    deployments = tuple(_deployment(item, providers, inherited) for item in items)
    model = PoolModel(
        name=table.name,
        deployments=deployments,
        per_prompt_type=table.flag("per_prompt_type"),
        price_in=table.number("price_in", at_most=1e6, zero=True),
        price_out=table.number("price_out", at_most=1e6, zero=True),
        price_cached=table.number("price_cached", at_most=1e6, zero=True),
        price_id=table.text("price_id", required=False, example="azure/gpt-4o-mini"),
        kind=kind,
    )
    if "provider" not in table.data and not all(d.provider for d in deployments):
        table.wrong("provider", "nothing", f"one of {', '.join(providers) or 'the providers'}")
    for number, (item, deployment) in enumerate(zip(items, deployments, strict=True)):
        place = (deployment.name, deployment.provider)
        if place in [(d.name, d.provider) for d in deployments[:number]]:
            item.wrong("name", f"{shown(item.name)} a second time", "each once at a provider")
    if model.per_prompt_type and len(deployments) > 1:
        table.wrong("per_prompt_type", f"{len(deployments)} deployments", "one deployment")
    table.close()
    return model


def _deployment(
    table: TomlTable, providers: dict[str, Provider], inherited: PoolDeployment
) -> PoolDeployment:
    """A deployment says for itself what differs from what its model says."""
    own = table.choice("provider", tuple(providers), default=inherited.provider)
    keys = inherited.keys if own == inherited.provider else ()
    deployment = PoolDeployment(
        name=table.name,
        provider=own,
        keys=_chosen_keys(table, providers.get(own), keys),
        form=_form(table, inherited.form),
        limits=_limits(table, "limits"),
        endpoint_limits=_limits(table, "endpoint_limits", inherited.endpoint_limits),
        start=_start(table, inherited.start),
    )
    table.close()
    return deployment


def _form(table: TomlTable, inherited: RequestForm) -> RequestForm:
    """What the table says of requests, over what is inherited."""
    role: Any = table.choice("system_role", SYSTEM_ROLES, default=inherited.system_role)
    own = table.free("parameters", forbidden=OURS)
    own |= {n: m for n in TOKEN_LIMITS if (m := table.whole(n, at_most=MAX_TOKENS)) is not None}
    above = dict(inherited.parameters)
    if limits := [name for name in TOKEN_LIMITS if name in own]:
        above = {name: value for name, value in above.items() if name not in TOKEN_LIMITS}
    if sum(own[name] != "" for name in limits) > 1:
        table.wrong("max_tokens", "two limits of a reply's tokens", " or ".join(TOKEN_LIMITS))
    return RequestForm(
        parameters=above | own,
        system_role=role,
        stream=table.flag("stream", default=inherited.stream),
    )


def _chosen_keys(
    table: TomlTable, provider: Provider | None, inherited: tuple[str, ...]
) -> tuple[str, ...]:
    """The names under `keys`; without them what is inherited; else all keys of the provider."""
    known = tuple(provider.keys) if provider else ()
    return table.choices("keys", known, known_complete=provider is not None) or inherited or known


def _limits(table: TomlTable, name: str, default: ModeLimits | None = None) -> ModeLimits:
    """Limits of both modes; under `adaptive` and `fixed` stands what differs there."""
    limits = table.table(name)
    if limits is None:
        return default or ModeLimits()
    both = _plain_limits(limits, Limits())
    by_mode = {}
    for mode in RATE_MODES:
        own = limits.table(mode)
        by_mode[mode] = both if own is None else _plain_limits(own, both)
        if own is not None:
            own.close()
    limits.close()
    return ModeLimits(**by_mode)


def _start(table: TomlTable, inherited: Start) -> Start:
    figures = table.table("start")
    if figures is None:
        return inherited
    start = Start(
        max_workers=figures.whole("max_workers", at_most=MAX_WORKERS),
        qps=figures.number("qps", at_most=MAX_RATE),
    )
    figures.close()
    return start


def _plain_limits(table: TomlTable, base: Limits) -> Limits:
    workers = table.whole("max_workers", at_most=MAX_WORKERS)
    return Limits(
        max_workers=base.max_workers if workers is None else workers,
        qps=table.number("qps", at_most=MAX_RATE, default=base.qps),
        rpm=table.number("rpm", at_most=MAX_RATE, default=base.rpm),
        tpm=table.number("tpm", at_most=MAX_TPM, default=base.tpm),
    )
