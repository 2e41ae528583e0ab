"""Puts the tables of the benchmarks on real HTTP into docs/speed.md, each between its own marks.

    python benchmarks/speed_sections.py                runs BENCHMARKS, then writes
    python benchmarks/speed_sections.py rows.jsonl …   writes what they printed before

A section stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`; what no row speaks of
stays as it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
BENCHMARKS = ("capacity", "scaling", "overhead", "engines", "peers")
Row = dict[str, Any]


def grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def capacity(rows: Sequence[Row]) -> str:
    """A table per length of run, with a line per world and a column per controller."""
    rows = [row for row in rows if "median_of" in row]
    lengths = dict.fromkeys(row["seconds"] for row in rows)
    return "\n\n".join(worlds([r for r in rows if r["seconds"] == length]) for length in lengths)


def worlds(rows: Sequence[Row]) -> str:
    """The table of runs of one length."""
    controllers = list(dict.fromkeys(row["controller"] for row in rows))
    lines = []
    for world in dict.fromkeys(row["world"] for row in rows):
        by = {row["controller"]: row for row in rows if row["world"] == world}
        cells = [f"{by[c]['delivered']:.3f}, {by[c]['refused']:.1%}" if c in by else "–"
                 for c in controllers]  # fmt: skip
        ours = by[controllers[0]]
        model = f"{ours['simulated']:.3f}, {ours['simulated_refused']:.1%}"
        late = f"{1000 * ours['late_s']:.0f}" if "late_s" in ours else "–"
        lines.append([world, *cells, model, f"{ours['after_6s']:.3f}", late])
    first = controllers[0]
    head = [
        "world",
        *controllers,
        f"{first}, in the model",
        f"{first} after 6 s",
        "timers late, ms",
    ]
    about = f"Runs of {rows[0]['seconds']:.0f} s, median of {rows[0]['median_of']}:"
    return f"{about} delivered, refused.\n\n{grid(head, lines)}"


def scaling(rows: Sequence[Row]) -> str:
    """Speed-ups, and the unequal pool."""
    lines = [
        [f"{r['endpoints']} equal endpoints", f"{r['speed_up']:.2f} ×", f"≥ {r['target']} ×"]
        for r in rows
        if "speed_up" in r
    ]
    for row in rows:
        if "target" in row and "pool" in row:
            lines.append(
                [f"{row['pool']}, makespan", f"{row['of_lower_bound']:.3f}", f"≤ {row['target']}"]
            )
        if "gain" in row:
            shown = f"{row['even_of_lower_bound']:.2f} ({row['gain']:.1f} × slower)"
            lines.append([f"{row['pool']}, makespan with even shares", shown, "–"])
    return grid(["pool", "measured (makespan: of the lower bound)", "target"], lines)


def peers(rows: Sequence[Row]) -> str:
    """A line per kind of work and runner."""
    lines = [
        [
            row["work"],
            f"{row['runner']} ({row['version']})",
            f"{row['cpu_ms_per_call']:.2f}",
            f"{row['cpu_of_ours']:.1f}",
            f"{row['calls_per_s']:.0f}",
            f"{row['rate_of_ours']:.2f}",
            f"{row['share_of_capacity']:.2f}" if "share_of_capacity" in row else "–",
            f"{row['refused']:.1%}",
        ]
        for row in rows
        if "median_of" in row
    ]
    skipped = [f"{row['peer']}: {row['skipped']}" for row in rows if "skipped" in row]
    head = ["work", "client", "CPU ms per call", "× our CPU", "calls/s", "× our rate",
            "share of capacity", "refused"]  # fmt: skip
    return "\n\n".join([grid(head, lines), *skipped])


def engines(rows: Sequence[Row]) -> str:
    """A line per engine and number in flight."""
    lines = [
        [
            row["engine"],
            str(row["in_flight"]),
            f"{row['calls_per_s']:.1f}",
            f"{row['of_best']:.2f}",
            f"{row['settled_of_best']:.2f}",
            f"{row['mean_in_flight']:.1f}",
            f"{row['latency_ms']:.0f}",
            f"{row['late_ms']:.0f}",
        ]
        for row in rows
    ]
    head = ["engine", "in flight", "calls/s", "of the best fixed", "after a third",
            "in flight, mean", "latency, ms", "timers late, ms"]  # fmt: skip
    about = f"Turns of {rows[0]['seconds']:.0f} s, median of {rows[0]['median_of']}."
    return f"{about}\n\n{grid(head, lines)}"


def overhead(rows: Sequence[Row]) -> str:
    """What a step costs, and beyond which client."""
    row = next(row for row in rows if "median_of" in row)
    lines = [
        ["a step of a run", f"{row['step_ms']:.3f}", "", ""],
        [
            "aiohttp's session, plain loop",
            f"{row['bare_ms']:.3f}",
            f"{row['overhead']:.2f} ×",
            f"≤ {row['target']} ×",
        ],
        [
            "our own client, plain loop",
            f"{row['lean_ms']:.3f}",
            f"{row['overhead_lean']:.2f} ×",
            "–",
        ],
    ]
    return grid(["", "CPU ms per call", "a step costs beyond it", "target"], lines)


SECTIONS: dict[str, Callable[[Sequence[Row]], str]] = {
    "capacity": capacity,
    "scaling": scaling,
    "overhead": overhead,
    "engines": engines,
    "peers": peers,
}


def write(rows: Sequence[Row]) -> None:
    """Replace the sections that the rows speak of."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in SECTIONS.items():
        mine = [row for row in rows if row["benchmark"] == name]
        if not mine:
            continue
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if begin not in text or end not in text:
            raise SystemExit(f"{PAGE}: has no marks {begin} and {end}")
        before, _, rest = text.partition(begin)
        after = rest.partition(end)[2]
        text = f"{before}{begin}\n\n{table(mine)}\n\n{end}{after}"
    PAGE.write_text(text, encoding="utf-8")


def measured() -> list[Row]:
    """Run the benchmarks, showing their lines as they come."""
    rows = []
    for name in BENCHMARKS:
        command = [sys.executable, str(Path(__file__).with_name(f"{name}.py"))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                rows.append(json.loads(line))
        if process.returncode:
            raise SystemExit(process.returncode)
    return rows


def main() -> None:
    """Write from files, or measure first."""
    files = [Path(name) for name in sys.argv[1:]]
    lines = [line for file in files for line in file.read_text().splitlines()]
    write([json.loads(line) for line in lines] if files else measured())


if __name__ == "__main__":
    main()
