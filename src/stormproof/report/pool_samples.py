"""What the endpoints carried while a run was under way: the samples of pool.jsonl.

A run's clock and counts begin at zero; where an endpoint's time goes back, another run begins.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from stormproof.store import SOURCE_SAMPLES

_T = TypeVar("_T")
SAMPLES_FILE: Final = "pool.jsonl"


class Sample(Struct, frozen=True):
    """One endpoint at one moment; `t` is in seconds since the run's start.

    `refused`, `errors`, `discarded` (replies that may be paid for and were none), the tokens in
    these, `hedges` (second copies of a send), `sends` that ended and `false_alarms` (declared lost
    too early) count since then too. `rule` is that of the last cut.
    """

    id: str
    t: float
    in_flight: int = 0
    window: float | None = None
    rps: float = 0.0
    refused: int = 0
    errors: int = 0
    discarded: int = 0
    discarded_tokens: int = 0
    hedges: int = 0
    sends: int = 0
    false_alarms: int = 0
    state: str = ""
    rule: str = ""


_decode = msgspec.json.Decoder(Sample).decode


class SampledRun(Struct, frozen=True):
    """One run's samples by endpoint, in order of time; `source` names a folder merged into this."""

    source: str
    endpoints: dict[str, list[Sample]]


def read_samples(folder: Path) -> list[SampledRun]:
    """The samples of every run of a folder, and of the folders that were merged into it."""
    return [
        SampledRun(source, run)
        for source, path in _files(folder)
        for run in _runs(sampled(path, _decode))
    ]


def false_alarms(folder: Path) -> tuple[int, int]:
    """Sends declared lost too early, as far as is known, and all sends: of every run together."""
    last = [one for _, path in _files(folder) for one in _last_samples(sampled(path, _decode))]
    return sum(one.false_alarms for one in last), sum(one.sends for one in last)


def _files(folder: Path) -> list[tuple[str, Path]]:
    merged = [(path.stem, path) for path in sorted((folder / SOURCE_SAMPLES).glob("*.jsonl"))]
    return [("", folder / SAMPLES_FILE), *merged]


def sampled(path: Path, decode: Callable[[bytes], _T]) -> Iterator[_T]:
    """What was sampled of one kind, in order; a line that a crash cut short is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield decode(line)
            except msgspec.DecodeError:
                continue


def _runs(samples: Iterator[Sample]) -> Iterator[dict[str, list[Sample]]]:
    run: defaultdict[str, list[Sample]] = defaultdict(list)
    latest = 0.0
    for sample in samples:
        if sample.t < latest:
            yield dict(run)
            run.clear()
        latest = sample.t
        run[sample.id].append(sample)
    if run:
        yield dict(run)


def _last_samples(samples: Iterator[Sample]) -> Iterator[Sample]:
    """The last of each endpoint in each run; what comes before is not held."""
    last, latest = dict[str, Sample](), 0.0
    for sample in samples:
        if sample.t < latest:
            yield from last.values()
            last.clear()
        latest = sample.t
        last[sample.id] = sample
    yield from last.values()


class Carried(Struct, frozen=True):
    """What some endpoints carried together, over all runs.

    `peak` is the most requests in flight at one moment, `active_s` how long any was. Folders that
    were merged ran at the same time: their peaks add up, and the longest time counts.
    """

    peak: int = 0
    active_s: float = 0.0
    refused: int = 0
    discarded: int = 0
    discarded_tokens: int = 0
    hedges: int = 0
    sends: int = 0
    false_alarms: int = 0


def carried(runs: Sequence[SampledRun], ids: Collection[str]) -> Carried:
    """Add up the endpoints of these ids."""
    by_source: defaultdict[str, list[Carried]] = defaultdict(list)
    for run in runs:
        own = [samples for name, samples in run.endpoints.items() if name in ids]
        by_source[run.source].append(_together(own))
    every = [one for own in by_source.values() for one in own]
    return Carried(
        sum(max(one.peak for one in own) for own in by_source.values()),
        max((sum(one.active_s for one in own) for own in by_source.values()), default=0.0),
        sum(one.refused for one in every),
        sum(one.discarded for one in every),
        sum(one.discarded_tokens for one in every),
        sum(one.hedges for one in every),
        sum(one.sends for one in every),
        sum(one.false_alarms for one in every),
    )


def _together(endpoints: Sequence[Sequence[Sample]]) -> Carried:
    """In one run."""
    in_flight = Counter[float]()
    for samples in endpoints:
        in_flight.update({sample.t: sample.in_flight for sample in samples})
    moments = pairwise([0.0, *sorted(in_flight)])
    return Carried(
        max(in_flight.values(), default=0),
        sum(now - before for before, now in moments if in_flight[now]),
        sum(max(sample.refused for sample in samples) for samples in endpoints),
        sum(max(sample.discarded for sample in samples) for samples in endpoints),
        sum(max(sample.discarded_tokens for sample in samples) for samples in endpoints),
        sum(max(sample.hedges for sample in samples) for samples in endpoints),
        sum(max(sample.sends for sample in samples) for samples in endpoints),
        sum(max(sample.false_alarms for sample in samples) for samples in endpoints),
    )
