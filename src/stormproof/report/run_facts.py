"""What was run: versions, seeds, pool, when, for how long, and what was spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args

import numpy as np

from stormproof.domain.episodes import Outcome
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import visible
from stormproof.report.results import Results
from stormproof.report.spending import Spent, spent_facts


class Fact(NamedTuple):
    """One thing to know of the run."""

    name: str
    value: str


def facts(results: Results, spent: Sequence[Spent]) -> tuple[Fact, ...]:
    """The run at a glance; every value is made harmless."""
    return tuple(Fact(name, visible(value)) for name, value in _facts(results, spent) if value)


def _facts(results: Results, spent: Sequence[Spent]) -> Iterator[tuple[str, str]]:
    episodes, header = results.episodes, results.header
    yield "episodes", _ended(episodes)
    yield "answered by", _answered(results)
    yield "models", f"{len(results.models):,}"
    yield "tasks", f"{len(episodes.values('task_id')):,}"
    yield "Stormproof", header.made_by
    yield "suite", header.suite
    yield "seed", "" if results.imported else f"{header.seed}"
    for name in ("rate_mode", "sharding", "stagger", "hedge", "pool", "storage_format"):
        yield name.replace("_", " "), _option(results, name)
    yield "temperature", _asked_with(results, "temperature")
    yield "most tokens of a reply", _asked_with(results, "max_tokens", "max_completion_tokens")
    yield from _times(results)
    yield "tool calls", f"{_sum(episodes, 'calls'):,.0f}"
    yield from spent_facts(results, spent)


def _ended(episodes: EpisodeRows) -> str:
    found = {name: int(episodes.is_value("outcome", name).sum()) for name in get_args(Outcome)}
    blocked = f", {found['blocked']:,} blocked" if found["blocked"] else ""
    lost = f"{found['infrastructure']:,} ended by infrastructure"
    return f"{found['completed']:,} scored, {lost}{blocked}"


def _answered(results: Results) -> str:
    if results.simulated:
        every = bool((results.episodes.numbers("simulated") > 0).all())
        return "SIMULATED agents of the emulator" + ("" if every else " and real models")
    return "recordings of another harness" if results.imported else "the models themselves"


def _option(results: Results, name: str) -> str:
    """An option over all runs of the folder; several values where it changed."""
    found = [run.get("options", {}).get(name) for run in results.runs]
    said = [_plain(value) for value in found if value]
    return ", then ".join(dict.fromkeys(said))


def _asked_with(results: Results, *names: str) -> str:
    """What the pool file set under one of the names, with the models where not all agree."""
    models: dict[str, dict[str, None]] = {}
    for endpoint in (e for run in results.runs for e in run.get("endpoints", ())):
        parameters = endpoint.get("parameters", {})
        set_here = [f"{parameters[n]}" for n in names if parameters.get(n, "") != ""]
        said = set_here[0] if set_here else "the service's own"
        models.setdefault(said, {})[endpoint["model"]] = None
    if len(models) == 1:
        return next(iter(models))
    return "; ".join(f"{said} ({', '.join(named)})" for said, named in models.items())


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


def _sum(episodes: EpisodeRows, name: str) -> float:
    return float(np.nansum(episodes.numbers(name)))
