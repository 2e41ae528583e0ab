"""What a Python program says in place of flags and a pool file, checked as they are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, Self, TypedDict

import msgspec

from stormproof.domain.episodes import FINAL
from stormproof.domain.pool import Dialect, Endpoint, ModelKind, SystemRole
from stormproof.errors import ConfigError
from stormproof.plan.mistakes import Mistakes
from stormproof.plan.option_values import Unfit
from stormproof.plan.planning import Plan, endpoints_for, make_plan
from stormproof.plan.poolfile import check_pool, load_pool
from stormproof.plan.run_options import OPTIONS, RunOptions
from stormproof.store import HEADER_FILE, episode_table


class LimitsTable(TypedDict, total=False):
    """Declared limits. Under `adaptive` and `fixed` stands what differs in that rate mode."""

    max_workers: int
    qps: float
    rpm: float
    tpm: float
    adaptive: LimitsTable
    fixed: LimitsTable


class StartTable(TypedDict, total=False):
    """Where adaptive begins at each endpoint; a ceiling in fixed."""

    max_workers: int
    qps: float


class KeyTable(TypedDict):
    """A key with limits of its own; `ref` is a reference `env:NAME`."""

    ref: str
    limits: NotRequired[LimitsTable]


Keys = Mapping[str, str | KeyTable] | list[str | KeyTable]


class ProviderTable(TypedDict):
    """A provider. `base_url` is an address or `env:NAME`; keys are references, never values.

    `headers` and `query` go with each request; what is secret in them is a reference too.
    """

    base_url: str
    keys: Keys
    dialect: NotRequired[Dialect]
    api_version: NotRequired[str]
    headers: NotRequired[Mapping[str, str]]
    query: NotRequired[Mapping[str, str]]
    limits: NotRequired[LimitsTable]


class RequestFormTable(TypedDict, total=False):
    """How a model or a deployment wants to be asked.

    `parameters` are merged into each request's body; "" leaves a field out. Of the two limits of
    a reply's tokens one is named, which is the name that is sent.
    """

    parameters: Mapping[str, object]
    max_tokens: int
    max_completion_tokens: int
    system_role: SystemRole
    stream: bool


class DeploymentTable(RequestFormTable):
    """A deployment that differs from what its model says."""

    name: str
    provider: NotRequired[str]
    keys: NotRequired[list[str]]
    limits: NotRequired[LimitsTable]
    endpoint_limits: NotRequired[LimitsTable]
    start: NotRequired[StartTable]


class ModelTable(RequestFormTable, total=False):
    """A model. `deployments` are one of its own name unless said otherwise."""

    provider: str
    keys: list[str]
    deployments: list[str | DeploymentTable]
    endpoint_limits: LimitsTable
    start: StartTable
    per_prompt_type: bool
    price_in: float
    price_out: float
    price_cached: float
    price_id: str
    kind: ModelKind


class Pool:
    """Every endpoint of a run. Made of the same tables as a pool file, or read from one.

    Raises PoolFileError with every mistake in it, a line each.
    """

    def __init__(
        self, *, providers: Mapping[str, ProviderTable], models: Mapping[str, ModelTable]
    ) -> None:
        data = {"providers": _plain(providers), "models": _plain(models)}
        # Without mistakes: it expands to endpoints for whatever models of it are asked for.
        self.declared = check_pool(data, "Pool")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The pool of a TOML file. Raises PoolFileError where it cannot be read."""
        pool = cls.__new__(cls)
        pool.declared = load_pool(path)
        return pool

    @property
    def models(self) -> tuple[str, ...]:
        """Names of its models."""
        return tuple(self.declared.models)

    def __repr__(self) -> str:
        return f"Pool({', '.join(self.models)})"


def checked(options: RunOptions, pool: Pool | None = None) -> RunOptions:
    """The options as flags would have been read. Raises ConfigError with every mistake."""
    mistakes = Mistakes("")
    usual, read = RunOptions(), {}
    for option in OPTIONS:
        found = getattr(options, option.field)
        if found is None or found == getattr(usual, option.field):
            continue
        if isinstance(found, os.PathLike):
            found = os.fspath(found)
        try:
            read[option.field] = option.parse(list(found) if isinstance(found, tuple) else found)
        except Unfit as unfit:
            for line in unfit.lines:
                mistakes.note(f"RunOptions.{option.field}: {line}")
    if pool is not None and options.pool:
        mistakes.note("RunOptions.pool: found a pool file beside pool=; allowed: one of them")
    mistakes.raise_all(ConfigError, hint="docs/configuration.md lists every option")
    return msgspec.convert(read, RunOptions)


def endpoints_of(options: RunOptions, pool: Pool | None = None) -> tuple[Endpoint, ...]:
    """The endpoints of the pool, or of the options' where none is given; no key is read."""
    return endpoints_for(options, None if pool is None else pool.declared)


def plan(options: RunOptions, *, pool: Pool | None = None) -> Plan:
    """What a run with these options would do, less what its results folder has; nothing is sent.

    Raises ConfigError where it cannot be planned, StoreError where the folder cannot be read.
    """
    options = checked(options, pool)
    simulated = pool is None and not options.pool
    done = finished_trials(options.results)
    return make_plan(options, endpoints_of(options, pool), done, simulated=simulated)


def finished_trials(results: str | Path) -> frozenset[str]:
    """Trials that the results folder has a final end of; none where there is no folder yet."""
    if not (Path(results) / HEADER_FILE).exists():
        return frozenset()
    ended = episode_table(results, ["trial_id", "outcome"]).to_pydict()
    pairs = zip(ended["trial_id"], ended["outcome"], strict=True)
    return frozenset(trial for trial, outcome in pairs if outcome in FINAL)


def _plain(value: Any) -> Any:
    """Dicts and lists, as a TOML reader would give them; None says nothing, as a missing key."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
