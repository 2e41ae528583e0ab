"""From a pool file to endpoints: deployments × keys, numbered as `stormproof plan` shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from stormproof.domain.pool import Endpoint, LimitGroup, Limits, RateMode, Start
from stormproof.errors import PlanError, PoolFileError
from stormproof.plan.mistakes import did_you_mean, shown
from stormproof.plan.pool_values import ADDRESS, REFERENCE, url_mistake
from stormproof.plan.poolfile import PoolDeployment, PoolFile, PoolModel


def expand(
    pool: PoolFile,
    *,
    rate_mode: RateMode = "adaptive",
    prompt_types: int = 1,
    models: Sequence[str] = (),
    max_workers: int | None = None,
    qps: float | None = None,
) -> tuple[Endpoint, ...]:
    """The endpoints of `models` (none named: all), in the file's order, numbered from 0.

    `prompt_types` counts those in the run. `max_workers` and `qps` replace what the file
    declares per endpoint. Raises `PlanError` for a model that the pool does not have.
    """
    check_models(pool, models)
    chosen = [model for model in pool.models.values() if not models or model.name in models]
    override = {k: v for k, v in (("max_workers", max_workers), ("qps", qps)) if v is not None}
    endpoints = [
        msgspec.structs.replace(e, limits=msgspec.structs.replace(e.limits, **override))
        for model in chosen
        for e in _endpoints(pool, model, rate_mode, prompt_types)
    ]
    return tuple(_numbered(endpoints))


def check_models(pool: PoolFile, models: Sequence[str]) -> None:
    """Raise `PlanError` naming every model that the pool does not have."""
    allowed = f"all, {', '.join(pool.models)}"
    if wrong := [m for m in models if m not in pool.models]:
        raise PlanError(
            "\n".join(
                f"--model: found {shown(m)}; allowed: {allowed}{did_you_mean(m, pool.models)}"
                for m in wrong
            ),
            hint=f"these are the models of {pool.source}",
        )


def credentials(
    endpoints: Sequence[Endpoint], environ: Mapping[str, str]
) -> tuple[tuple[Endpoint, ...], dict[str, str]]:
    """Endpoints with real addresses, and the values of all other references (reference → value).

    Those are keys, and what headers and queries hold. Raises `PoolFileError` naming every
    environment variable that is missing or unfit.
    """
    carried = dict.fromkeys(ref for e in endpoints for ref in e.references)
    references = carried | {e.base_url: None for e in endpoints if REFERENCE.match(e.base_url)}
    values = {ref: environ.get(ref.removeprefix("env:"), "").strip() for ref in references}
    if missing := [ref.removeprefix("env:") for ref, value in values.items() if not value]:
        raise PoolFileError(
            f"not set in the environment: {', '.join(missing)}",
            hint="export them, or leave --pool out to run against the embedded emulator",
        )
    for endpoint in endpoints:
        if reason := url_mistake(values.get(endpoint.base_url, endpoint.base_url)):
            raise PoolFileError(
                f"{endpoint.base_url}: found {reason}; allowed: {ADDRESS}",
                hint='a credential goes into query = { NAME = "env:NAME" } of the provider',
            )
    located = tuple(
        msgspec.structs.replace(e, base_url=values.get(e.base_url, e.base_url)) for e in endpoints
    )
    return located, {reference: values[reference] for reference in carried}


def _endpoints(
    pool: PoolFile, model: PoolModel, mode: RateMode, prompt_types: int
) -> Iterator[Endpoint]:
    for deployment in model.deployments:
        provider = pool.providers[deployment.provider]
        limits = _multiplied(deployment.endpoint_limits.of(mode), model, prompt_types)
        if mode == "fixed":
            limits = _at_most(limits, deployment.start)
        for key in deployment.keys:
            yield Endpoint(
                endpoint_id=deployment.name + (f"@{key}" if len(deployment.keys) > 1 else ""),
                number=0,
                model=model.name,
                provider=provider.name,
                dialect=provider.dialect,
                base_url=provider.base_url,
                deployment=deployment.name,
                key=provider.keys[key].reference,
                api_version=provider.api_version,
                limits=limits,
                start=deployment.start,
                groups=tuple(_groups(pool, deployment, key, mode)),
                headers=provider.headers,
                query=provider.query,
                parameters=deployment.form.parameters,
                system_role=deployment.form.system_role,
                stream=deployment.form.stream,
                price_in=model.price_in,
                price_out=model.price_out,
                price_cached=model.price_cached,
                price_id=model.price_id,
                kind=model.kind,
            )  # fmt: skip


def _multiplied(limits: Limits, model: PoolModel, prompt_types: int) -> Limits:
    if not model.per_prompt_type or limits.max_workers is None:
        return limits
    return msgspec.structs.replace(limits, max_workers=limits.max_workers * max(1, prompt_types))


def _at_most(limits: Limits, start: Start) -> Limits:
    """In fixed mode nothing is looked for: where adaptive would begin, it ends."""
    workers = start.max_workers if limits.max_workers is None else limits.max_workers
    qps = start.qps if limits.qps is None else limits.qps
    return msgspec.structs.replace(limits, max_workers=workers, qps=qps)


def _groups(
    pool: PoolFile, deployment: PoolDeployment, key: str, mode: RateMode
) -> Iterator[LimitGroup]:
    """The shared limits above an endpoint, widest first; levels without a limit are left out."""
    provider = pool.providers[deployment.provider]
    levels = (
        (f"provider {provider.name}", provider.limits),
        (f"key {provider.name}/{key}", provider.keys[key].limits),
        (f"deployment {provider.name}/{deployment.name}", deployment.limits),
    )
    for name, by_mode in levels:
        if (limits := by_mode.of(mode)) != Limits():
            yield LimitGroup(name, limits)


def _numbered(endpoints: Sequence[Endpoint]) -> Iterator[Endpoint]:
    """Number them; an id that two would share gets its model and its provider in front."""
    counts = Counter(e.endpoint_id for e in endpoints)
    taken: set[str] = set()
    for number, e in enumerate(endpoints):
        unique = counts[e.endpoint_id] == 1
        name = e.endpoint_id if unique else f"{e.model}/{e.provider}/{e.endpoint_id}"
        name += f"#{number}" if name in taken else ""  # names may hold / and @ themselves
        taken.add(name)
        yield msgspec.structs.replace(e, number=number, endpoint_id=name)
