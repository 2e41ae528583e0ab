"""Writes docs/speed.md and its chart from the capacity benchmark's rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import altair as alt
import pyarrow as pa

from capacity_sim import Drive
from stormproof.control.adaptive import Adaptive
from stormproof.domain.pool import Limits
from worlds import WORLDS

DOCS = Path(__file__).parent.parent / "docs"
MARK = "<!-- measured -->"
TARGETS = 6  # the first six worlds have targets, the others were invented to break things
SHOWN = (("caps", 1), ("rate_buckets", 0), ("fixed_windows", 1), ("drop", 1))


def write_page(rows: Sequence[dict[str, object]]) -> None:
    """Replace what stands below the mark in docs/speed.md, and the chart beside it."""
    page = DOCS / "speed.md"
    head = page.read_text().split(MARK)[0]
    seeds = len({row["seed"] for row in rows})
    text = f"{MARK}\n\n{table(rows)}\n\nMeans over seeds on which no constant was tuned ({seeds}): "
    text += "delivered, refused or failed. Then, of `adaptive`: what it delivers after the first "
    text += "fifth of a run, and what is refused in the second half; the first second, in the "
    text += "slowest seed, in which a world is given 90 % of the oracle's mean rate over the run "
    text += "(bursts count); and of how many sends an honest answer would have been declared lost. "
    text += "Worlds from `liars` to `queues` were invented; those below were met in the wild, and "
    text += "`benchmarks/worlds.py` names where; nothing was tuned on those from `neighbour` on, "
    text += "but for `gateway`.\n\n"
    text += "![Window, pace and refusals over time for four endpoints](speed.svg)\n"
    page.write_text(head + text)
    chart().save(DOCS / "speed.svg")


def table(rows: Sequence[dict[str, object]]) -> str:
    """A Markdown table: a row per world, a column per controller."""
    controllers = list(dict.fromkeys(str(row["controller"]) for row in rows))
    lines = [
        f"| world | {' | '.join(controllers)} | after a minute | 90 % after | lost |",
        "|---|" + "---|" * (len(controllers) + 3),
    ]
    for world in dict.fromkeys(str(row["world"]) for row in rows):
        cells = []
        for controller in controllers:
            of = [r for r in rows if r["world"] == world and r["controller"] == controller]
            shares = [_mean(of, key) for key in ("delivered", "refused") if of]
            cells.append("{:.3f}, {:.1%}".format(*shares) if of else "–")
        early = [r for r in rows if r["world"] == world and r["controller"] == controllers[0]]
        cells.append(f"{_mean(early, 'after_60_s'):.3f}, {_mean(early, 'refused_late'):.1%}")
        times = [r["t90_s"] for r in early]
        slowest = "never" if None in times else f"{max(int(str(t)) for t in times)} s"
        lost, sends = (sum(int(str(r[key])) for r in early) for key in ("lost_falsely", "sends"))
        cells += [slowest, f"{lost} of {sends}"]
        lines.append(f"| {world} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(rows: Sequence[dict[str, object]], key: str) -> float:
    return mean(float(str(row[key])) for row in rows)


def chart() -> alt.VConcatChart:
    """In flight, pace and refusals per second, for four typical endpoints."""
    panels = []
    for world, number in SHOWN:
        server = WORLDS[world](0)[number]
        course = Drive(server, Adaptive(Limits()), 0).run().course
        points, refused = [], 0
        for at, in_flight, _, pace, refusals, _ in course:
            points += [
                {"s": at, "value": float(in_flight), "what": "in flight"},
                {"s": at, "value": pace, "what": "pace, requests/s"},
                {"s": at, "value": float(refusals - refused), "what": "refusals in this second"},
            ]
            refused = refusals
        panels.append(
            alt.Chart(pa.Table.from_pylist(points))
            .mark_line(interpolate="step-after", strokeWidth=1)
            .encode(
                x=alt.X("s:Q", title="seconds"),
                y=alt.Y("value:Q", title=None),
                color=alt.Color("what:N", title=None),
            )
            .properties(width=620, height=130, title=f"{world}, endpoint {number}")
        )
    return alt.vconcat(*panels)
