"""The run itself: what each endpoint carried over time, from pool.jsonl."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import altair as alt

from stormproof.report.chart_drawing import MUTED, SERIES
from stormproof.report.pool_samples import Sample, SampledRun, read_samples
from stormproof.report.result_charts import Chart, data, finished

MOST_ENDPOINTS: Final = 24
_MOST_POINTS: Final = 160
_COLUMNS: Final = 3
_LEVEL: Final = alt.Axis(tickCount=3, minExtent=30, maxExtent=30)


def run_charts(folder: Path) -> tuple[Chart, ...]:
    """Used capacity and refusals of every endpoint that carried anything; () where not sampled."""
    by_endpoint = _series(read_samples(folder))
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
            "Blue: requests in flight. Grey line: the window that the controller allowed."
            + _last_rules(by_endpoint[name] for name in shown)
            + more,
            finished(_facets(_capacity(records))),
        ),
        Chart(
            "throughput",
            "How fast did each endpoint answer, and how often did it refuse?",
            "Blue: answers a second. Red: refusals (429) a second." + more,
            finished(_facets(_throughput(records))),
        ),
    )


def _series(runs: Sequence[SampledRun]) -> dict[str, list[dict[str, Any]]]:
    """Each endpoint's samples on one clock, a run behind the other, with refusals a second.

    Endpoints of a folder that was merged into this one are its own: they ran at the same time.
    """
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        for endpoint, samples in run.endpoints.items():
            name = f"{endpoint} ({run.source})" if run.source else endpoint
            offset = found[name][-1]["t"] if found[name] else 0.0
            found[name] += _points(name, samples, offset)
    return {name: points for name, points in found.items() if any(p["busy"] for p in points)}


def _points(name: str, samples: Sequence[Sample], offset: float) -> Iterator[dict[str, Any]]:
    for before, sample in pairwise([Sample(samples[0].id, 0.0), *samples]):
        seconds, refused = sample.t - before.t, max(0, sample.refused - before.refused)
        yield {
            "endpoint": name,
            "t": round(offset + sample.t, 2),
            "in_flight": sample.in_flight,
            "window": sample.window,
            "rps": round(sample.rps, 3),
            "refused": round(refused / seconds, 3) if seconds > 0 else 0.0,
            "rule": sample.rule,
            "busy": sample.in_flight > 0 or sample.rps > 0 or refused > 0,
        }


def _last_rules(endpoints: Iterable[list[dict[str, Any]]]) -> str:
    """By which rules the controllers made their last cuts, in a sentence."""
    rules = Counter(points[-1]["rule"] for points in endpoints if points[-1]["rule"])
    said = ", ".join(f"{rule} ({count})" for rule, count in rules.most_common())
    return f" The last cuts were made by these rules: {said}." if said else ""


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
