"""What was run: versions, seeds, pool, when, for how long, and at what cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import Column, ReportTable, Value, visible
from stormproof.report.results import Results
from stormproof.store import turn_table

_PER_PRICE = 1e6
_PRICE_NOTE = "Prices are the pool file's, for a million tokens, in its currency."


class Fact(NamedTuple):
    """One thing to know of the run."""

    name: str
    value: str


def facts(results: Results) -> tuple[Fact, ...]:
    """The run at a glance; every value is made harmless."""
    return tuple(Fact(name, visible(value)) for name, value in _facts(results) if value)


def _facts(results: Results) -> Iterator[tuple[str, str]]:
    episodes, header = results.episodes, results.header
    scored = int((~episodes.is_value("outcome", "infrastructure")).sum())
    yield "episodes", f"{scored:,} scored, {len(episodes) - scored:,} ended by infrastructure"
    yield "answered by", _answered(results)
    yield "models", f"{len(episodes.values('model')):,}"
    yield "tasks", f"{len(episodes.values('task_id')):,}"
    yield "Stormproof", header.made_by
    yield "suite", header.suite
    yield "seed", "" if results.imported else f"{header.seed}"
    for name in ("rate_mode", "sharding", "stagger", "hedge", "pool", "storage_format"):
        yield name.replace("_", " "), _option(results, name)
    yield from _times(results)
    yield "model calls", f"{_sum(episodes, 'turns'):,.0f}"
    yield "tool calls", f"{_sum(episodes, 'calls'):,.0f}"
    prompt, completion = _sum(episodes, "prompt_tokens"), _sum(episodes, "completion_tokens")
    yield "tokens", f"{prompt:,.0f} in, {completion:,.0f} out" if prompt + completion else ""


def _answered(results: Results) -> str:
    if results.simulated:
        share = np.nanmean(results.episodes.numbers("simulated") > 0)
        return "SIMULATED agents of the emulator" + ("" if share == 1 else " and real models")
    return "recordings of another harness" if results.imported else "the models themselves"


def _option(results: Results, name: str) -> str:
    """An option over all runs of the folder; several values where it changed."""
    found = [run.get("options", {}).get(name) for run in results.runs]
    said = [_plain(value) for value in found if value]
    return ", then ".join(dict.fromkeys(said))


def _plain(value: Any) -> str:
    return ", ".join(f"{x}" for x in value) if isinstance(value, list | tuple) else f"{value}"


def _times(results: Results) -> Iterator[tuple[str, str]]:
    started = results.episodes.numbers("started_at")
    ended = results.episodes.numbers("ended_at")
    began = started[started > 0]
    if not len(began) or results.imported:
        return
    first, last = float(began.min()), float(np.nanmax(ended))
    yield "started", f"{datetime.fromtimestamp(first, UTC):%Y-%m-%d %H:%M:%S} UTC"
    yield "last episode ended", f"{datetime.fromtimestamp(last, UTC):%Y-%m-%d %H:%M:%S} UTC"
    runs = len(results.runs)
    yield "time from first to last", _span(last - first) + (f", in {runs} runs" * (runs > 1))


def _span(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minute} min"
    return f"{minute} min {second} s" if minute else f"{seconds:.1f} s"


def endpoints(results: Results) -> ReportTable:
    """What each endpoint answered and what it cost; from the turns, which are what was paid for."""
    known = {e["endpoint_id"]: e for run in results.runs for e in run.get("endpoints", ())}
    rows: list[tuple[Value, ...]] = []
    for row in _used(results):
        about = known.get(row["endpoint_id"], {})
        rows.append(
            (
                row["endpoint_id"],
                str(about.get("model", "")),
                row["index_count"],
                row["attempts_sum"] - row["index_count"],
                row["prompt_tokens_sum"],
                row["completion_tokens_sum"],
                row["latency_ms_mean"] / 1000,
                row["queued_ms_mean"] / 1000,
                _cost(row, about),
            )
        )
    columns = (
        Column("endpoint"),
        Column("model"),
        Column("calls", "count", "answers that became turns"),
        Column("sends beyond", "count", "sends that gave no answer: refused, failed or hedged"),
        Column("tokens in", "count"),
        Column("tokens out", "count"),
        Column("mean latency s", "number"),
        Column("mean wait for a slot s", "number"),
        Column("cost", "number"),
    )
    priced = any(not math.isnan(float(row[-1] or 0)) for row in rows)  # type: ignore[arg-type]
    notes = (_PRICE_NOTE,) if priced else ("The pool file gives no prices.",)
    return ReportTable("endpoints", "Endpoints", columns, tuple(rows), notes)


def _used(results: Results) -> list[dict[str, Any]]:
    if results.imported:
        return []
    turns: pa.Table = turn_table(results.folder)
    grouped = turns.group_by("endpoint_id").aggregate(
        [
            ("index", "count"),
            ("latency_ms", "mean"),
            ("queued_ms", "mean"),
            ("attempts", "sum"),
            ("prompt_tokens", "sum"),
            ("completion_tokens", "sum"),
        ]
    )
    return sorted(grouped.to_pylist(), key=lambda row: str(row["endpoint_id"]))


def _cost(row: dict[str, Any], about: dict[str, Any]) -> float:
    price_in, price_out = about.get("price_in"), about.get("price_out")
    if price_in is None and price_out is None:
        return math.nan
    paid = row["prompt_tokens_sum"] * (price_in or 0)
    paid += row["completion_tokens_sum"] * (price_out or 0)
    return float(paid / _PER_PRICE)


def _sum(episodes: EpisodeRows, name: str) -> float:
    return float(np.nansum(episodes.numbers(name)))
