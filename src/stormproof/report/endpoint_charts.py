"""The run itself: what each endpoint carried over time, from pool.jsonl."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import altair as alt
import msgspec
from msgspec import Struct

from stormproof.report.chart_drawing import MUTED, SERIES
from stormproof.report.result_charts import Chart, data, finished
from stormproof.store import SOURCE_SAMPLES

SAMPLES_FILE: Final = "pool.jsonl"
MOST_ENDPOINTS: Final = 24
_MOST_POINTS: Final = 160
_COLUMNS: Final = 3
_LEVEL: Final = alt.Axis(tickCount=3, minExtent=30, maxExtent=30)


class Sample(Struct, frozen=True):
    """One endpoint at one moment; `refused` counts since the run's start, `t` is in seconds."""

    id: str
    t: float
    in_flight: int = 0
    window: float | None = None
    rps: float = 0.0
    refused: int = 0
    errors: int = 0
    state: str = ""


_decode = msgspec.json.Decoder(Sample).decode


def run_charts(folder: Path) -> tuple[Chart, ...]:
    """Used capacity and refusals of every endpoint that carried anything; () where not sampled."""
    by_endpoint = _series(_all_samples(folder))
    if not by_endpoint:
        return ()
    busiest = sorted(by_endpoint, key=lambda name: -sum(s["in_flight"] for s in by_endpoint[name]))
    shown = sorted(busiest[:MOST_ENDPOINTS])
    records = [record for name in shown for record in _thinned(by_endpoint[name])]
    left = len(by_endpoint) - len(shown)
    more = f" The {len(shown)} busiest of {len(by_endpoint)} endpoints." if left else ""
    return (
        Chart(
            "capacity",
            "How much of each endpoint was used?",
            "Blue: requests in flight. Grey line: the window that the controller allowed." + more,
            finished(_facets(_capacity(records))),
        ),
        Chart(
            "throughput",
            "How fast did each endpoint answer, and how often did it refuse?",
            "Blue: answers a second. Red: refusals (429) a second." + more,
            finished(_facets(_throughput(records))),
        ),
    )


def _all_samples(folder: Path) -> Iterator[Sample]:
    """The folder's own, and those of folders merged into it: each source's endpoints by name."""
    yield from _samples(folder / SAMPLES_FILE)
    for path in sorted((folder / SOURCE_SAMPLES).glob("*.jsonl")):
        for sample in _samples(path):
            yield msgspec.structs.replace(sample, id=f"{sample.id} ({path.stem})")


def _samples(path: Path) -> Iterator[Sample]:
    """What was sampled, in order; a line that a crash cut short is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                yield _decode(line)
            except msgspec.DecodeError:
                continue


def _series(samples: Iterator[Sample]) -> dict[str, list[dict[str, Any]]]:
    """Each endpoint's samples on one clock, with refusals a second.

    A run's clock and counts begin at zero: where time goes back, another run begins.
    """
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        found[sample.id].append(sample)
    series = {name: _points(own) for name, own in found.items()}
    return {name: points for name, points in series.items() if any(p["busy"] for p in points)}


def _points(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    points, offset = [], 0.0
    for before, sample in pairwise([Sample(samples[0].id, 0.0), *samples]):
        restarted = sample.t < before.t
        offset += before.t if restarted else 0.0
        seconds = sample.t if restarted else sample.t - before.t
        refused = sample.refused - (0 if restarted else before.refused)
        points.append(
            {
                "endpoint": sample.id,
                "t": round(offset + sample.t, 2),
                "in_flight": sample.in_flight,
                "window": sample.window,
                "rps": round(sample.rps, 3),
                "refused": round(max(0, refused) / seconds, 3) if seconds > 0 else 0.0,
                "busy": sample.in_flight > 0 or sample.rps > 0 or refused > 0,
            }
        )
    return points


def _thinned(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most so many points: of each stretch the mean, so that no refusal is lost."""
    size = -(-len(points) // _MOST_POINTS)
    return [_mean(points[i : i + size]) for i in range(0, len(points), size)]


def _mean(points: list[dict[str, Any]]) -> dict[str, Any]:
    windows = [p["window"] for p in points if p["window"] is not None]
    names = ("t", "in_flight", "rps", "refused")
    means = {name: round(sum(p[name] for p in points) / len(points), 3) for name in names}
    window = round(sum(windows) / len(windows), 3) if windows else None
    return {"endpoint": points[0]["endpoint"], "window": window, **means}


def _capacity(records: list[dict[str, Any]]) -> Any:
    base = _over_time(records)
    used = base.mark_area(color=SERIES[0], opacity=0.55, line={"color": SERIES[0]})
    window = base.mark_line(color=MUTED, strokeWidth=1.5, interpolate="step-after")
    return alt.layer(
        used.encode(y=alt.Y("in_flight:Q", title=None, axis=_LEVEL)),
        window.encode(y=alt.Y("window:Q", title=None)),
    )


def _throughput(records: list[dict[str, Any]]) -> Any:
    base = _over_time(records)
    answers = base.mark_line(color=SERIES[0], strokeWidth=1.5)
    refusals = base.mark_area(color=SERIES[1], opacity=0.6, line={"color": SERIES[1]})
    return alt.layer(
        answers.encode(y=alt.Y("rps:Q", title=None, axis=_LEVEL)),
        refusals.encode(y=alt.Y("refused:Q", title=None)),
    )


def _over_time(records: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(data(records)).encode(
        x=alt.X("t:Q", title="seconds", axis=alt.Axis(tickCount=4, grid=False))
    )


def _facets(chart: Any) -> Any:
    small = chart.properties(width=200, height=70)
    header = alt.Header(labelLimit=230, labelFontSize=11)
    facet = alt.Facet("endpoint:N", title=None, header=header)
    return small.facet(facet=facet, columns=_COLUMNS).resolve_scale(y="independent")
