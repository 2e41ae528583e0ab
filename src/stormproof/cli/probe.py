"""`stormproof probe`: what each endpoint of a pool file takes and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from stormproof.cli.streams import counted, emit_json, say
from stormproof.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stormproof.domain.pool import Endpoint
    from stormproof.probe import Cost, Findings, PoolEdit

EXIT_UNUSABLE = 1


def probe(
    *,
    pool: Path | None = None,
    model: str = "all",
    write: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Ask each endpoint a few small questions, at most 6 calls each, and say what it takes.

    Where something is refused, the lines that mend the pool file are printed.

    Parameters
    ----------
    pool
        Pool file whose endpoints are asked.
    model
        Models of it to ask, comma-separated, or all.
    write
        Write the mends into the pool file; its comments and its order stay.
    json
        Machine-readable output on stdout.
    """
    from stormproof.plan import expand, load_pool  # noqa: PLC0415  --help does without
    from stormproof.probe import cost_of, edit_pool  # noqa: PLC0415  --help does without

    if pool is None:
        raise ConfigError(
            "--pool: found nothing; allowed: a pool file",
            hint="stormproof probe --pool FILE; docs/configuration.md shows the file",
        )
    declared = load_pool(pool)
    models = tuple(name.strip() for name in model.split(","))
    endpoints = expand(declared, models=() if "all" in models else models)
    say(_in_advance(len(endpoints), cost_of(endpoints)))
    found = _found(endpoints)
    edit = edit_pool(pool.read_bytes().decode("utf-8-sig"), declared, found)
    if write and edit.lines:
        edit.write(pool)
    if json:
        emit_json({"endpoints": found, "lines": edit.lines, "by_hand": edit.by_hand})
    else:
        _show(found, edit, pool, written=write)
    return 0 if all(f.usable for f in found) else EXIT_UNUSABLE


def _found(endpoints: Sequence[Endpoint]) -> list[Findings]:
    import os  # noqa: PLC0415  --help does without

    import anyio  # noqa: PLC0415  --help does without

    from stormproof.plan import credentials  # noqa: PLC0415  --help does without
    from stormproof.probe import probe_pool  # noqa: PLC0415  --help does without
    from stormproof.wire import HttpTransport  # noqa: PLC0415  --help does without

    located, secrets = credentials(endpoints, os.environ)

    async def ask() -> list[Findings]:
        async with HttpTransport(secrets) as transport:
            return await probe_pool(located, transport)

    return anyio.run(ask)


def _in_advance(endpoints: int, cost: Cost) -> str:
    """What it will cost at most, before the first call."""
    price = "" if cost.price is None else f", {cost.price:,.4f} by the pool file's prices"
    return (
        f"probing {counted(endpoints, 'endpoint')}: at most {counted(cost.calls, 'call')}, "
        f"{cost.prompt_tokens:,} tokens in and {cost.completion_tokens:,} out{price}"
    )


def _show(found: Sequence[Findings], edit: PoolEdit, pool: Path, *, written: bool) -> None:
    from stormproof.cli.console_tables import output  # noqa: PLC0415  rich is heavy

    console = output()

    def line(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    for f in found:
        line(f"{f.endpoint_id}  ({f.provider}, deployment {f.deployment})")
        for name, words in _words(f):
            line(f"  {name:<15}{words}")
    if edit.lines:
        line(f"{'written into' if written else 'these lines mend'} {pool}:")
        for text in edit.lines:
            line(f"  {text}")
        if not written:
            line("--write makes them")
    for text in edit.by_hand:
        line(f"by hand: {text}")


def _words(f: Findings) -> Iterator[tuple[str, str]]:
    """A line for each thing that was asked for; what was not is left out."""
    reached = "not asked" if f.reachable is None else "yes" if f.reachable else "NO"
    latency = "" if f.latency_ms is None else f", first answer after {f.latency_ms:,.0f} ms"
    yield "reachable", reached + latency
    yield "credentials", "REFUSED" if f.credentials == "refused" else f.credentials
    if f.usable:
        yield "model served", f.served_model or "not said"
        yield "native tools", _tools(f)
        yield "seed", f.seed if f.seed != "not asked" else "left out by the pool file"
        yield "system role", f.system_role if f.system_role != "not asked" else "told as user's"
        yield "token limit", f"{f.token_limit} is taken"
        yield (
            "reasoning",
            f.reasoning
            + (" with tool calls; a run sends it back" if f.reasoning == "must come back" else ""),
        )
        yield "limits", _limits(f)
        yield "usage", "counted" if f.usage_counted else "NOT counted: tokens will show as 0"
    yield "calls made", f"{f.calls}"
    for note in f.notes:
        yield "note", note
    for mend in f.mends:
        yield "to mend", f"{'.'.join(mend.place)} = {msgspec.json.encode(mend.value).decode()}"
        yield "", f"because: {mend.why}"
    if f.trouble:
        yield "TROUBLE", f.trouble


def _tools(f: Findings) -> str:
    if f.native_tools != "used":
        return f.native_tools + ("; --protocol text does without" * (f.native_tools == "refused"))
    return f"used, {f.parallel_calls} at once" if f.parallel_calls > 1 else "used, one at a time"


def _limits(f: Findings) -> str:
    rates = f.limits
    if rates is None:
        return "none in headers"
    parts = ((rates.limit_rpm, "rpm"), (rates.limit_tpm, "tpm"))
    named = [f"{limit:,.0f} {unit}" for limit, unit in parts if limit is not None]
    return (", ".join(named) or "remaining alone") + " in headers"
