"""One machine's part of a plan: by trial, or by model so that every endpoint has one owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from stormproof.domain.pool import Endpoint, Limits
from stormproof.errors import PlanError

ShardBy = Literal["", "trial", "model"]  # "" for what fits the pool
_T = TypeVar("_T")


class Shard(Struct, frozen=True):
    """The part with this number, from 1, of `of` parts."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def has(self, trial_id: str) -> bool:
        """Whether the trial is its own: by the id alone, so that larger plans move no trial."""
        return int(trial_id[:16], 16) % self.of == self.number - 1


class RunShare(Struct, frozen=True):
    """What of a plan one machine does, and with what. `note` says it in words; "" for all of it.

    `trials`, where it is set, has those of the models' trials that are the machine's own.
    """

    models: tuple[str, ...]
    endpoints: tuple[Endpoint, ...]
    by: ShardBy
    trials: Shard | None = None
    note: str = ""


def share_of(
    shard: Shard | None,
    by: ShardBy,
    endpoints: Sequence[Endpoint],
    planned: Mapping[str, int],
    *,
    simulated: bool,
) -> RunShare:
    """The machine's share of a plan with so many `planned` trials of each model.

    Where nothing is said, it is by model if each shard gets some, so that nothing is shared
    between machines; else by trial. Every simulated run has a pool of its own: by trial.
    Raises `PlanError` where the pool cannot be divided so.
    """
    if shard is None:
        return RunShare(tuple(planned), tuple(endpoints), by)
    used = [endpoint for endpoint in endpoints if endpoint.model in planned]
    groups = model_groups(used, at_least=shard.of)
    if by == "model" and len(groups) < shard.of:
        raise PlanError(
            f"--shard {shard}: the models share limits in {len(groups)} groups, and a group "
            f"has one owner",
            hint=f"--shard 1/{len(groups)} to {len(groups)}/{len(groups)}, or --shard-by trial",
        )
    if by == "model" or (not by and not simulated and len(groups) >= shard.of):
        return _by_model(shard, used, groups, planned)
    if simulated:
        return RunShare(tuple(planned), tuple(used), "trial", shard, f"shard {shard}, by trial")
    note = (
        f"shard {shard}, by trial: every shard uses every endpoint, so each keeps to its part of "
        f"every declared limit; a limit that nobody declared is not divided"
    )
    return RunShare(tuple(planned), tuple(_divided(used, shard)), "trial", shard, note)


def _by_model(
    shard: Shard,
    endpoints: Sequence[Endpoint],
    groups: Sequence[tuple[str, ...]],
    planned: Mapping[str, int],
) -> RunShare:
    weights = [sum(planned[model] for model in group) for group in groups]
    own = dealt(list(zip(groups, weights, strict=True)), shard.of)[shard.number - 1]
    models = {model for group in own for model in group}
    keys = {endpoint.key for endpoint in endpoints if endpoint.model in models}
    others = {endpoint.key for endpoint in endpoints if endpoint.model not in models}
    note = f"shard {shard}, by model: no other shard uses its endpoints"
    if both := sorted(keys & others):
        note += (
            f"; {', '.join(both)} also serves other shards: "
            f"declare a limit that the key has, and its models stay together"
        )
    return RunShare(
        tuple(model for model in planned if model in models),
        tuple(endpoint for endpoint in endpoints if endpoint.model in models),
        "model",
        note=note,
    )


# --- what belongs together -----------------------------------------------------------------


def components(endpoints: Sequence[Endpoint], *, at_least: int) -> list[tuple[Endpoint, ...]]:
    """Endpoints that share a limit, together; in the order of their first ones.

    A key may have a limit that nobody declared. So what uses one key stays together too, unless
    that leaves fewer than `at_least` components.
    """
    together = _tied(endpoints, lambda e: (*_declared(e), _key_of(e)))
    return together if len(together) >= at_least else _tied(endpoints, _declared)


def model_groups(endpoints: Sequence[Endpoint], *, at_least: int) -> list[tuple[str, ...]]:
    """Models whose endpoints share a limit, together; keys as in `components`."""
    together = _tied(endpoints, lambda e: (f"model {e.model}", *_declared(e), _key_of(e)))
    if len(together) < at_least:
        together = _tied(endpoints, lambda e: (f"model {e.model}", *_declared(e)))
    return [tuple(dict.fromkeys(e.model for e in group)) for group in together]


def _declared(endpoint: Endpoint) -> tuple[str, ...]:
    return tuple(group.name for group in endpoint.groups)


def _key_of(endpoint: Endpoint) -> str:
    return f"key {endpoint.provider}/{endpoint.key}"


def _tied(
    endpoints: Sequence[Endpoint], ties: Callable[[Endpoint], Iterable[str]]
) -> list[tuple[Endpoint, ...]]:
    """Endpoints that a chain of equal ties holds together."""
    groups: list[tuple[set[str], list[Endpoint]]] = []
    for endpoint in endpoints:
        names, members = set(ties(endpoint)), [endpoint]
        met = [group for group in groups if group[0] & names]
        for group in reversed(met):
            groups.remove(group)
            names |= group[0]
            members = group[1] + members
        groups.append((names, members))
    found = [tuple(sorted(members, key=lambda e: e.number)) for _, members in groups]
    return sorted(found, key=lambda members: members[0].number)


def dealt(weighted: Sequence[tuple[_T, float]], hands: int) -> list[list[_T]]:
    """Deal into `hands` of about equal weight: the heaviest first, each to the lightest hand."""
    weights, found = [0.0] * hands, [list[_T]() for _ in range(hands)]
    for item, weight in sorted(weighted, key=lambda pair: -pair[1]):
        hand = min(range(hands), key=lambda n: (weights[n], len(found[n])))
        weights[hand] += weight
        found[hand].append(item)
    return found


# --- declared limits, divided --------------------------------------------------------------


def _divided(endpoints: Sequence[Endpoint], shard: Shard) -> Iterator[Endpoint]:
    for endpoint in endpoints:
        groups = tuple(
            msgspec.structs.replace(g, limits=_part(g.limits, shard, g.name))
            for g in endpoint.groups
        )
        limits = _part(endpoint.limits, shard, endpoint.endpoint_id)
        yield msgspec.structs.replace(endpoint, limits=limits, groups=groups)


def _part(limits: Limits, shard: Shard, name: str) -> Limits:
    """The shard's part; the parts of all shards add up to the whole."""
    workers = limits.max_workers
    if workers is not None and workers < shard.of:
        raise PlanError(
            f"--shard {shard}: max_workers = {workers} of {name} cannot be divided by {shard.of}",
            hint="--shard-by model gives every endpoint one owner",
        )
    rates = {name: getattr(limits, name) for name in ("qps", "rpm", "tpm")}
    return Limits(
        workers and workers // shard.of + (shard.number <= workers % shard.of),
        **{name: rate and rate / shard.of for name, rate in rates.items()},
    )


def planned_by_model(cells: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Trials of each model, in the order of first mention."""
    counts = Counter[str]()
    for model, planned in cells:
        counts[model] += planned
    return dict(counts)
