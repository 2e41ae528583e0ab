"""Measures all that docs/speed.md says, and writes its tables and its chart.

    python benchmarks/speed.py                           everything: 100 minutes on two cores
    python benchmarks/speed.py --only worlds,http        these parts; the others stay as they are
    python benchmarks/speed.py --only http --rows FILE   rows are kept there, beside those of others
    python benchmarks/speed.py --rows FILE --measured    writes from what is there
    python benchmarks/speed.py --quick                   tries every part for seconds, no page

A part stands on the page between `<!-- NAME: begin -->` and `<!-- NAME: end -->`, with the commit
that it was measured on and how busy the machine was. Each is commands that print JSON lines.

What of a model does not depend on the machine, and gives way: these parts run behind `http`,
which waits most of its time, and then on all cores; parts that time the machine come after, each
alone. By the clock, or for the model in time of one core, they take about:

    http 35 min, three runs at once     ablation 40 min     worlds 15 min     shared 3 min
    plain 20 min, three runs at once     step 3 min     scaling 5 min     engines 6 min
    peers 15 min, and to install them once
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import altair as alt
import pyarrow as pa

import ablation
import shared_sim
from capacity import SIX, SMALL
from capacity_sim import CONTROLLERS, Drive
from worlds import WORLDS

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "speed.md"
CONTROL = HERE.parent / "src" / "stormproof" / "control"
BEFORE = "1,859 lines, 108 constants and 143 attributes"  # of `control/`, in its first shape
SHOWN = (("caps", 1), ("rate_buckets", 0), ("fixed_windows", 1), ("drop", 1))
Row = dict[str, Any]


def grid(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def groups(rows: Sequence[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by what they are of, in the order of the first ones."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def mean(rows: Sequence[Row], key: str) -> float:
    """Of one figure."""
    return fmean(row[key] for row in rows)


def share(rows: Sequence[Row], of: str = "delivered", beside: str = "refused") -> str:
    """Mean delivered, mean refused."""
    return f"{mean(rows, of):.3f}, {mean(rows, beside):.1%}" if rows else "–"


def worlds(rows: Sequence[Row]) -> str:
    """A row per world, a column per controller, then more of the first."""
    controllers = [name for (name,) in groups(rows, "controller")]
    lines = []
    for (world,), of in groups(rows, "world").items():
        by = [[row for row in of if row["controller"] == name] for name in controllers]
        ours = by[0]
        times = [row["t90_s"] for row in ours]
        slowest = "never" if None in times else f"{max(times)} s"
        lost, sends = (sum(row[key] for row in ours) for key in ("lost_falsely", "sends"))
        late = share(ours, "after_60_s", "refused_late")
        worst = f"{min(row['delivered'] for row in ours):.3f}"
        lines.append([world, *map(share, by), worst, late, slowest, f"{lost} of {sends}"])
    head = ["world", *controllers, "worst seed", "after a minute", "90 % after", "lost"]
    return f"{seeds(rows)}.\n\n{grid(head, lines)}"


def seeds(rows: Sequence[Row]) -> str:
    """First and last."""
    found = sorted({row["seed"] for row in rows})
    return f"Seeds {found[0]} to {found[-1]}" if len(found) > 1 else f"Seed {found[0]}"


def shared(rows: Sequence[Row]) -> str:
    """A row per world."""
    lines, rows = [], [row for row in rows if "seed" in row]
    for (world,), of in groups(rows, "world").items():
        about = (shared_sim.WORLDS[world].__doc__ or "").splitlines()[0].rstrip(".")
        worst = f"{min(row['delivered'] for row in of):.3f}"
        fair, blamed = f"{mean(of, 'fairness'):.2f}", f"{mean(of, 'blamed'):.1f}"
        lines.append([f"{world}: {about}", share(of), worst, fair, blamed])
    head = ["hidden limit", "delivered, refused", "worst seed", "fairness", "key blamed, times"]
    return f"{seeds(rows)}.\n\n{grid(head, lines)}"


def http(rows: Sequence[Row]) -> str:
    """A table per length of run."""
    return "\n\n".join(http_of(each, *key) for key, each in groups(rows, "seconds").items())


def http_of(rows: Sequence[Row], seconds: float) -> str:
    """A row per world, the model beside it."""
    lines = []
    for (world,), of in groups(rows, "world").items():
        early = f"{median(row['after_6s'] for row in of):.3f}"
        late = f"{1000 * max(row['late_s'] for row in of):.0f}"
        lines.append([world, middle(of), middle(of, "simulated"), early, late])
    head = ["world", "adaptive", "in the model", "after 6 s", "timers late, ms"]
    about = (
        f"{seeds(rows)}, runs of {seconds:.0f} s, their median: delivered (in the worst), refused."
    )
    return f"{about}\n\n{grid(head, lines)}"


def plain(rows: Sequence[Row]) -> str:
    """A row per world, a column per controller."""
    controllers = [name for (name,) in groups(rows, "controller")]
    lines = []
    for (world,), of in groups(rows, "world").items():
        by = {name: each for (name,), each in groups(of, "controller").items()}
        lines.append([world, *(middle(by.get(name, ())) for name in controllers)])
    return f"{seeds(rows)}: delivered, refused.\n\n{grid(['world', *controllers], lines)}"


def middle(rows: Sequence[Row], of: str = "delivered") -> str:
    """The median, the worst beside it, and what is refused."""
    if not rows:
        return "–"
    found = [row[of] for row in rows]
    worst = f" ({min(found):.3f})" if len(found) > 1 else ""
    beside = median(row["refused" if of == "delivered" else f"{of}_refused"] for row in rows)
    return f"{median(found):.3f}{worst}, {beside:.1%}"


def scaling(rows: Sequence[Row]) -> str:
    """Speed-ups, and the unequal pool."""
    lines = []
    for row in rows:
        pool = row.get("pool")
        if "speed_up" in row:
            equal = f"{row['endpoints']} equal endpoints"
            lines.append([equal, f"{row['speed_up']:.2f} ×", f"≥ {row['target']} ×"])
        elif pool and "target" in row:
            lines.append(
                [f"{pool}, makespan", f"{row['of_lower_bound']:.3f}", f"≤ {row['target']}"]
            )
        elif pool and "gain" in row:
            even = f"{row['even_of_lower_bound']:.2f} ({row['gain']:.1f} × slower)"
            lines.append([f"{pool}, makespan with even shares", even, "–"])
    return grid(["pool", "measured (makespan: of the lower bound)", "target"], lines)


def step(rows: Sequence[Row]) -> str:
    """What a step costs, and beyond which client."""
    row = next(row for row in rows if "median_of" in row)
    lines = [
        ("a step of a run", "step_ms", "", ""),
        ("aiohttp's session, plain loop", "bare_ms", "overhead", f"≤ {row['target']} ×"),
        ("our own client, plain loop", "lean_ms", "overhead_lean", "–"),
    ]
    return grid(
        ["", "CPU ms per call", "a step costs beyond it", "target"],
        [
            [a, f"{row[ms]:.3f}", f"{row[x]:.2f} ×" if x else "", target]
            for a, ms, x, target in lines
        ],
    )


def size(rows: Sequence[Row]) -> str:
    """Before and now."""
    row = rows[-1]
    now = f"{row['lines']:,} lines, {row['constants']} constants and {row['attributes']} attributes"
    return f"Of `control/`: {BEFORE} of state before this shape, {now} now."


def columns(*of: tuple[str, str, str]) -> Callable[[Sequence[Row]], str]:
    """A table of medians: per column its head, the row's key and how it is shown."""

    def table(rows: Sequence[Row]) -> str:
        lines = [
            [format(row[key], how) if key in row else "–" for _, key, how in of]
            for row in rows
            if "median_of" in row
        ]
        skipped = [f"{row['peer']}: {row['skipped']}" for row in rows if "skipped" in row]
        return "\n\n".join([grid([head for head, _, _ in of], lines), *skipped])

    return table


engines = columns(
    ("engine", "engine", ""), ("in flight", "in_flight", ""), ("calls/s", "calls_per_s", ".1f"),
    ("of the best fixed", "of_best", ".2f"), ("after a third", "settled_of_best", ".2f"),
    ("in flight, mean", "mean_in_flight", ".1f"), ("latency, ms", "latency_ms", ".0f"),
    ("timers late, ms", "late_ms", ".0f"),
)  # fmt: skip
peers = columns(
    ("work", "work", ""), ("client", "runner", ""), ("version", "version", ""),
    ("CPU ms per call", "cpu_ms_per_call", ".2f"), ("× our CPU", "cpu_of_ours", ".1f"),
    ("calls/s", "calls_per_s", ".0f"), ("× our rate", "rate_of_ours", ".2f"),
    ("share of capacity", "share_of_capacity", ".2f"), ("refused", "refused", ".1%"),
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Scripts with their arguments, and those that only try them; what the rows come to.

    So many of them run at once; those of a `model` behind all that time the machine.
    """

    table: Callable[[Sequence[Row]], str]
    commands: Sequence[str]
    quick: str
    at_once: int = 1
    model: bool = False


HTTP = "capacity.py --worlds {} --controllers {} --first-seed {} --seconds {}"
SEEDS = range(253, 256)
PARTS = {
    "http": Part(http, [*(HTTP.format(w, "adaptive", n, 300) for n in SEEDS for w in SIX),
                        *(HTTP.format(w, "adaptive", n, 100) for n in SEEDS for w in SMALL)],
                 HTTP.format("caps", "adaptive", 0, 10), at_once=3),
    "ablation": Part(ablation.table, ["ablation.py"],
                     "ablation.py --worlds tiny_caps,three_a_minute --only cap.START", model=True),
    "worlds": Part(worlds, ["capacity_sim.py --first-seed 250 --seeds 5"],
                   "capacity_sim.py --worlds tiny_caps --seeds 1 --plain-seeds 1", model=True),
    "shared": Part(shared, ["shared_sim.py --first-seed 280 --seeds 5"],
                   "shared_sim.py --worlds shared_slow --seeds 1", model=True),
    "size": Part(size, ["speed.py --count"], "speed.py --count", model=True),
    "plain": Part(plain, [HTTP.format(w, c, SEEDS[0], 300)
                          for c in ("aimd", "workers_50") for w in SIX],
                  HTTP.format("caps", "aimd", 0, 10), at_once=3),
    "step": Part(step, ["overhead.py"], "overhead.py --instances 10 --repeats 1"),
    "scaling": Part(scaling, ["scaling.py"], "scaling.py --repeats 1 --each-s 2"),
    "engines": Part(engines, ["engines.py --seconds 8 --rounds 3"],
                    "engines.py --engines llama.cpp --seconds 1"),
    "peers": Part(peers, ["peers.py"],
                  "peers.py --kinds cpu --repeats 1 --skip litellm --skip inspect_ai"),
}  # fmt: skip


def count() -> Row:
    """Lines, constants and attributes of state of the controllers."""
    found = {"lines": 0, "constants": 0, "attributes": 0}
    for path in CONTROL.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        found["lines"] += text.count("\n")
        found["constants"] += sum(
            isinstance(x, ast.Name) and x.id.isupper() for node in tree.body for x in assigned(node)
        )
        found["attributes"] += sum(
            len({x.attr for node in ast.walk(each) for x in assigned(node)
                 if isinstance(x, ast.Attribute) and ast.unparse(x.value) == "self"})
            for each in tree.body if isinstance(each, ast.ClassDef)
        )  # fmt: skip
    return {"benchmark": "size"} | found


def assigned(node: ast.AST) -> Iterator[ast.expr]:
    """What a statement gives values to."""
    match node:
        case ast.Assign(targets=targets):
            for target in targets:
                yield from target.elts if isinstance(target, ast.Tuple) else [target]
        case ast.AnnAssign(target=target) if isinstance(target, ast.Attribute):
            yield target


class Measuring:
    """Runs the commands of parts, and keeps each line as it comes, with what it was measured on."""

    def __init__(self, keep: Callable[[Row], None]) -> None:
        self._keep = keep
        self.failed: dict[str, str] = {}  # by part: a command of it that failed
        self._sessions = set[int]()  # of commands under way that give way
        words = ["git", "describe", "--always", "--dirty=, changed", "--exclude=*"]
        found = subprocess.run(words, cwd=HERE, capture_output=True, text=True, check=True)
        self._commit = found.stdout.strip()

    def all_of(self, parts: Sequence[str], *, quick: bool, at_once: int | None) -> None:
        """`http` with the model behind it, then what times the machine alone."""
        commands = {x: [PARTS[x].quick] if quick else PARTS[x].commands for x in parts}
        behind = deque((x, each) for x in parts if PARTS[x].model for each in commands[x])

        def model() -> None:
            while behind:
                self._run(*behind.popleft(), behind=True)

        def timed(part: str) -> None:
            with ThreadPoolExecutor(at_once or PARTS[part].at_once) as pool:
                list(pool.map(lambda each: self._run(part, each), commands[part]))

        with ThreadPoolExecutor(1) as pool, self._ended_with(behind):
            first = pool.submit(model)
            if "http" in parts:
                timed("http")
            model()
            first.result()
        for part in parts:
            if part != "http" and not PARTS[part].model:
                timed(part)

    @contextlib.contextmanager
    def _ended_with(self, behind: deque[tuple[str, str]]) -> Iterator[None]:
        """What runs in a session of its own hears of no Ctrl-C."""
        try:
            yield
        finally:
            behind.clear()
            for session in [*self._sessions]:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(session, signal.SIGTERM)

    def _run(self, part: str, command: str, *, behind: bool = False) -> None:
        script, *arguments = command.split()
        stamp = {"part": part, "commit": self._commit, "load": round(os.getloadavg()[0], 1)}
        line = [sys.executable, str(HERE / script), *arguments]
        with subprocess.Popen(
            line, stdout=subprocess.PIPE, text=True, start_new_session=behind
        ) as process:
            if behind:
                self._sessions.add(process.pid)
                give_way(process.pid)
            for text in process.stdout or ():
                if text.startswith("{"):
                    self._keep(stamp | json.loads(text))
        self._sessions.discard(process.pid)
        if process.returncode:
            self.failed[part] = command


def give_way(session: int) -> None:
    """Let all others go before it and what it starts.

    Linux shares its cores among sessions first (sched(7), autogroups), and within one as `nice`
    says: this asks for both.
    """
    os.setpriority(os.PRIO_PROCESS, session, 19)
    with contextlib.suppress(OSError):  # no Linux
        Path(f"/proc/{session}/autogroup").write_text("19", encoding="ascii")


def write(rows: Sequence[Row]) -> None:
    """Replace the parts of the page that the rows speak of."""
    text = PAGE.read_text(encoding="utf-8")
    for (name,), mine in groups(rows, "part").items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if begin not in text or end not in text:
            raise SystemExit(f"{PAGE}: has no marks {begin} and {end}")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{shown(name, mine)}\n\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(text, encoding="utf-8")


def shown(name: str, rows: Sequence[Row]) -> str:
    """A part's table, and what it was measured on."""
    commits = " and ".join(commit for (commit,) in groups(rows, "commit"))
    loads = [row["load"] for row in rows]
    return (
        f"{PARTS[name].table(rows)}\n\n"
        f"Measured on {commits}; load as it began: {min(loads)} to {max(loads)}."
    )


def draw() -> None:
    """In flight, pace and refusals per second, for four typical endpoints."""
    panels = []
    for world, number in SHOWN:
        points, refused = [], 0
        course = Drive(WORLDS[world](0)[number], CONTROLLERS["adaptive"](), 0).run().course
        for at, in_flight, _, pace, refusals, _ in course:
            values = {
                "in flight": float(in_flight),
                "pace, requests/s": pace,
                "refusals in this second": float(refusals - refused),
            }
            points += [{"s": at, "value": x, "what": what} for what, x in values.items()]
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
    alt.vconcat(*panels).save(PAGE.with_suffix(".svg"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, as `worlds,http`")
    parser.add_argument("--rows", type=Path, help="keep rows there, JSON lines")
    parser.add_argument("--measured", action="store_true", help="write from rows alone")
    parser.add_argument("--at-once", type=int, help="of a part's commands, where they may")
    parser.add_argument("--quick", action="store_true", help="try each part, show its table")
    parser.add_argument("--count", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.count:
        print(json.dumps(count()))
        return
    asked = given.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        kept = given.rows or Path(folder) / "rows.jsonl"
        lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
        rows: list[Row] = [json.loads(line) for line in lines]
        rows = [row for row in rows if given.measured or row["part"] not in asked]
        with kept.open("w", encoding="utf-8") as file:

            def keep(row: Row) -> None:
                rows.append(row)
                for each in (file, sys.stdout):
                    each.write(json.dumps(row) + "\n")
                    each.flush()

            file.writelines(json.dumps(row) + "\n" for row in rows)
            measuring = Measuring(keep)
            if not given.measured:
                measuring.all_of(asked, quick=given.quick, at_once=given.at_once)
    rows = [row for row in rows if row["part"] not in measuring.failed]
    if given.quick:
        for (name,), mine in groups(rows, "part").items():
            print(f"\n{name}\n\n{shown(name, mine)}")
        return
    if "worlds" in asked:
        draw()
    write(rows)
    if measuring.failed:
        raise SystemExit(f"failed, see above, and not written: {measuring.failed}")


if __name__ == "__main__":
    main()
