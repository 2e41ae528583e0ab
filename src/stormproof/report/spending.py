"""What was paid for: every call, in an ended episode or not, with its tokens and its money."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
from msgspec import Struct
from msgspec.structs import replace

from stormproof.plan import kind_of
from stormproof.plan.folder_status import recorded_endpoints
from stormproof.plan.prices import priced
from stormproof.report.pool_samples import Carried, SampledRun, carried, read_samples
from stormproof.report.report_table import Column, ReportTable, Value
from stormproof.report.results import Results
from stormproof.store import turn_table, unfinished_turn_table

_PER_PRICE: Final = 1e6
_PRICES = "Prices are for a million tokens, in the currency of who gave them:"
_PAID = "Calls count every answer, in episodes that have not ended too."
_USED = (
    "endpoint_id", "index", "attempts", "latency_ms", "queued_ms", "prompt_tokens",
    "completion_tokens", "cached_tokens",
)  # fmt: skip


class Spent(Struct, frozen=True):
    """One endpoint: answers that became turns, `unfinished` of them in no ended episode.

    `extra_sends` gave no answer that was used: refused, failed, or the slower copy of a hedge.
    `cached_tokens` are among the prompt's. Times are means over answers, NaN where none came;
    `cost` is NaN without prices.
    """

    endpoint: str
    about: Mapping[str, Any]
    calls: int
    unfinished: int
    extra_sends: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    latency_s: float
    queued_s: float

    @property
    def cost(self) -> float:
        """Money by the prices that the run was given; cached tokens as others without theirs."""
        price_in, price_out = self.about.get("price_in"), self.about.get("price_out")
        if price_in is None and price_out is None:
            return math.nan
        price_cached = self.about.get("price_cached")
        if price_cached is None:
            price_cached = price_in
        paid = (
            (self.prompt_tokens - self.cached_tokens) * (price_in or 0)
            + self.cached_tokens * (price_cached or 0)
            + self.completion_tokens * (price_out or 0)
        )
        return float(paid / _PER_PRICE)

    @property
    def priced_by(self) -> str:
        """Who gave its prices."""
        if math.isnan(self.cost):
            return "nobody"
        return str(self.about.get("price_source") or "the pool file")

    @property
    def model(self) -> str:
        """The model that it serves; "" where no run's record says so."""
        return str(self.about.get("model", ""))

    @property
    def kind(self) -> str:
        """Where its model is served, and whether it is open or closed."""
        about = self.about
        return kind_of(str(about.get("dialect", "")), self.model, str(about.get("kind", "")))


def spending(results: Results) -> list[Spent]:
    """Every endpoint of the planned models, whether it answered or not, and any other that did."""
    if results.imported:
        return []
    known = {e["endpoint_id"]: e for run in results.runs for e in run.get("endpoints", ())}
    own = [name for name, about in known.items() if about.get("model") in results.models]
    begun = unfinished_turn_table(results.folder).select(_USED)
    turns = pa.concat_tables([turn_table(results.folder, _USED), begun])
    answered, unfinished = _grouped(turns), _grouped(begun)
    return [
        _spent(name, known.get(name, {}), answered.get(name, {}), unfinished.get(name, {}))
        for name in sorted({*own, *answered})
    ]


def _spent(
    name: str, about: Mapping[str, Any], turns: Mapping[str, Any], unfinished: Mapping[str, Any]
) -> Spent:
    """An endpoint by the sums over its turns; {} where it has none."""
    calls = turns.get("index_count", 0)
    return Spent(
        name,
        about,
        calls,
        unfinished.get("index_count", 0),
        turns.get("attempts_sum", 0) - calls,
        turns.get("prompt_tokens_sum", 0),
        turns.get("completion_tokens_sum", 0),
        turns.get("cached_tokens_sum") or 0,  # null in what an older Stormproof wrote
        turns.get("latency_ms_mean", math.nan) / 1000,
        turns.get("queued_ms_mean", math.nan) / 1000,
    )


def with_prices(results: Results, file: Path) -> Results:
    """The results as if their runs had been given the file of prices.

    Raises ConfigError for a file that is none, StoreCorrupt where a run's record is none.
    """
    runs = []
    for run in results.runs:
        endpoints = priced(recorded_endpoints(run), str(file))
        runs.append(run | {"endpoints": msgspec.to_builtins(endpoints)})
    return replace(results, runs=runs)


def _grouped(turns: pa.Table) -> dict[str, dict[str, Any]]:
    """The sums over each endpoint's turns."""
    grouped = turns.group_by("endpoint_id").aggregate(
        [
            ("index", "count"),
            ("latency_ms", "mean"),
            ("queued_ms", "mean"),
            ("attempts", "sum"),
            ("prompt_tokens", "sum"),
            ("completion_tokens", "sum"),
            ("cached_tokens", "sum"),
        ]
    )
    return {str(row["endpoint_id"]): row for row in grouped.to_pylist()}


def spent_facts(results: Results, spent: Sequence[Spent]) -> Iterator[tuple[str, str]]:
    """What was spent in all, in words."""
    if results.imported:
        yield "model calls", f"{int(results.episodes.numbers('turns').sum()):,}"
        return
    unfinished = sum(one.unfinished for one in spent)
    moved = carried(read_samples(results.folder), {one.endpoint for one in spent})
    parts = [f"{sum(one.calls for one in spent):,}"]
    parts += [f"{unfinished:,} of them in episodes that have not ended"] if unfinished else []
    thrown = f"and {moved.discarded:,} replies of {moved.discarded_tokens:,} tokens thrown away"
    parts += [thrown] if moved.discarded else []
    early = f", {moved.false_alarms:,} of them given up too early" * bool(moved.false_alarms)
    parts += [f"and {moved.hedges:,} more sent beside slow ones{early}"] if moved.hedges else []
    yield "model calls", ", ".join(parts)
    prompt = sum(one.prompt_tokens for one in spent)
    completion = sum(one.completion_tokens for one in spent)
    yield "tokens", f"{prompt:,} in, {completion:,} out" if prompt + completion else ""
    costs = [one.cost for one in spent if not math.isnan(one.cost)]
    yield "cost", f"{sum(costs):,.2f} in the currency of the prices" if costs else ""


def endpoints(results: Results, spent: Sequence[Spent]) -> ReportTable:
    """What each endpoint answered and what it cost; from the turns, which are what was paid for."""
    runs = read_samples(results.folder)
    rows = tuple(_row(one, carried(runs, {one.endpoint})) for one in spent)
    columns = (
        Column("endpoint"),
        Column("model"),
        Column("calls", "count", "answers that became turns"),
        Column("of them unfinished", "count", "in episodes that have not ended"),
        Column("sends beyond", "count", "sends that gave no answer: refused, failed or hedged"),
        Column("thrown away", "count", "replies that were paid for and not used"),
        Column("tokens thrown away", "count", "by those replies' own account"),
        Column("second copies", "count", "sent beside a slow call; one answer of the two counts"),
        Column("tokens in", "count"),
        Column("of them cached", "count", "prompt tokens that the service had cached"),
        Column("tokens out", "count"),
        Column("mean latency s", "number"),
        Column("mean wait for a slot s", "number"),
        Column("cost", "number"),
    )
    is_priced = any(not math.isnan(one.cost) for one in spent)
    notes = (_PAID, _price_note(spent) if is_priced else "Nobody gave prices.")
    return ReportTable("endpoints", "Endpoints", columns, rows, notes)


def _price_note(spent: Sequence[Spent]) -> str:
    """Who gave the prices, model by model."""
    said = {one.model: one.priced_by for one in spent}
    return f"{_PRICES} {', '.join(f'{model} by {who}' for model, who in said.items())}."


def _row(one: Spent, moved: Carried) -> tuple[Value, ...]:
    return (
        one.endpoint,
        one.model,
        one.calls,
        one.unfinished,
        one.extra_sends,
        moved.discarded,
        moved.discarded_tokens,
        moved.hedges,
        one.prompt_tokens,
        one.cached_tokens,
        one.completion_tokens,
        one.latency_s,
        one.queued_s,
        one.cost,
    )


def speed_ups(results: Results, spent: Sequence[Spent]) -> ReportTable:
    """Each kind of model and its models: what their endpoints did together, and the best alone."""
    runs = read_samples(results.folder)
    kinds: dict[str, dict[str, list[Spent]]] = {}
    for one in spent if runs else ():
        kinds.setdefault(one.kind, {}).setdefault(one.model, []).append(one)
    rows: list[tuple[Value, ...]] = []
    for kind, models in sorted(kinds.items()):
        alone = {model: _best(own, runs) for model, own in models.items()}
        every = [one for own in models.values() for one in own]
        rows.append((kind, "all", *_speed(every, sum(alone.values()), runs)))
        rows += [(kind, m, *_speed(own, alone[m], runs)) for m, own in models.items()]
    columns = (
        Column("kind"),
        Column("model"),
        Column("endpoints", "count"),
        Column("slots", "count", "declared; none where they are found while running"),
        Column("reached at once", "count", "the most requests in flight at one moment"),
        Column("answers/s", "number", "while any request was in flight"),
        Column("refusals", "count"),
        Column("speed-up ×", "number", "answers/s of all over those of the fastest endpoint"),
    )
    notes = ("Measured in this folder's runs; `stormproof plan` shows what is expected.",)
    return ReportTable("speed", "All endpoints over one", columns, tuple(rows), notes)


def _speed(own: Sequence[Spent], alone: float, runs: Sequence[SampledRun]) -> tuple[Value, ...]:
    moved = carried(runs, {one.endpoint for one in own})
    pace = _pace(sum(one.calls for one in own), moved.active_s)
    slots: list[Any] = [(one.about.get("limits") or {}).get("max_workers") for one in own]
    declared = None if None in slots else sum(slots)
    speed_up = pace / alone if alone else math.nan
    return len(own), declared, moved.peak, pace, moved.refused, speed_up


def _best(own: Sequence[Spent], runs: Sequence[SampledRun]) -> float:
    return max(_pace(one.calls, carried(runs, {one.endpoint}).active_s) for one in own)


def _pace(calls: int, seconds: float) -> float:
    return calls / seconds if seconds else 0.0
