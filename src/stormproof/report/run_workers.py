"""Who worked for a run that had workers elsewhere: their last lines of pool.jsonl."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from stormproof.report.pool_samples import SAMPLES_FILE, sampled
from stormproof.report.report_table import Column, ReportTable


class WorkerSample(Struct, frozen=True):
    """One worker at one moment, `t` seconds after the run's start; the rest as in `progress`."""

    worker: str
    t: float
    place: str
    endpoints: tuple[str, ...]
    turns: int
    state: str


_decode = msgspec.json.Decoder(WorkerSample).decode


def last_workers(folder: Path) -> list[WorkerSample]:
    """The workers of the last run that had any, as they were last, in the order of their names."""
    last: dict[str, WorkerSample] = {}
    latest = 0.0
    for sample in sampled(folder / SAMPLES_FILE, _decode):
        if sample.t < latest:
            last.clear()
        latest = sample.t
        last[sample.worker] = sample
    return sorted(last.values(), key=lambda sample: (len(sample.worker), sample.worker))


def worker_table(folder: Path) -> ReportTable:
    """A row for each worker."""
    columns = (
        Column("worker"),
        Column("place"),
        Column("endpoints", "count", "that it alone could send to when it was last seen"),
        Column("turns", "count", "that it brought and that were kept"),
        Column("state"),
    )
    rows = tuple(
        (one.worker, one.place, len(one.endpoints), one.turns, one.state)
        for one in last_workers(folder)
    )
    notes = ("Of the last run that had workers, as they were seen last.",)
    return ReportTable("workers", "Workers", columns, rows, notes)
