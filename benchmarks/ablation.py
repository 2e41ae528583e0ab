"""What each rule, function and constant of the controllers is worth: its worst loss in any world.

    python benchmarks/ablation.py                     off, × ½ and × 2; half an hour on a core
    python benchmarks/ablation.py --only rate. --jobs 2

Each variant is an edit of the source, run in a process of its own: a constant halved or doubled,
a function that gives nothing, `False` or (a rule of blame) no name.

A world's cost is what is refused less what is delivered, as shares; a variant's loss is what it
costs more. Near a limit the slightest change gives another course, so that a figure over few
endpoints moves by chance: the unchanged controllers are driven under several networks, and their
spread is each loss's standard error. Whatever seems to lose or gain a point somewhere is driven
again in that world, through other servers; then the error is that of the mean over these.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import shared_sim
import stormproof
from capacity_sim import CONTROLLERS, Drive, oracle
from worlds import SECONDS, WORLDS, Server

PACKAGE = Path(stormproof.__file__).parent
NOT_DRIVEN = {"controller", "fixed", "limit"}  # by these worlds
SEAM = {"sent", "answered", "refused", "failed", "abandoned", "told"}
SHARED = "key: "  # before the name of a world of several endpoints under a key
WHOLE = {"drop", "outages", "day_quota"}  # worlds whose point comes late
NETWORKS = 5  # under which the unchanged controllers are driven
AGAIN_ENDPOINTS = 5
POINT = 0.01
MOST_CPU_S = 60  # a variant that takes more does not end
Play = tuple[str, int, int, int, float]  # world, seed, network, endpoints, seconds
Row = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """`text` comes in after so many lines of the file."""

    name: str
    file: str
    after: int
    text: str


def variants() -> Iterator[Variant]:
    """Of every module that these worlds drive."""
    for path in sorted((PACKAGE / "control").glob("[a-z]*.py")):
        if path.stem not in NOT_DRIVEN:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from _constants(path.stem, tree)
            yield from _functions(path.stem, tree)


def _functions(module: str, tree: ast.Module) -> Iterator[Variant]:
    silent = {"None": "", "bool": "False"} | ({"str": '""'} if module == "blame" else {})
    for parent in ast.walk(tree):
        for node in parent.body if isinstance(parent, ast.Module | ast.ClassDef) else ():
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("__"):
                continue
            seam = module in {"adaptive", "shared_limit"} and node.name in SEAM
            gives = ast.unparse(node.returns) if node.returns else ""
            if gives in silent and not seam:
                first = node.body[0]
                text = f"{' ' * first.col_offset}return {silent[gives]}"
                yield Variant(f"{module}.{node.name} off", module, first.lineno - 1, text)


def _constants(module: str, tree: ast.Module) -> Iterator[Variant]:
    values = vars(import_module(f"stormproof.control.{module}"))
    for node in tree.body:
        targets = ast.walk(node.targets[0]) if isinstance(node, ast.Assign) else ()
        for name in [x.id for x in targets if isinstance(x, ast.Name) and x.id.isupper()]:
            value = values[name]
            parts = value if isinstance(value, tuple) else (value,)
            if all(isinstance(part, int | float) for part in parts):
                for factor in (0.5, 2.0):
                    new = [_scaled(part, factor) for part in parts]
                    text = f"{name} = {tuple(new) if isinstance(value, tuple) else new[0]}"
                    end = node.end_lineno or 0
                    yield Variant(f"{module}.{name} × {factor:g}", module, end, text)


def _scaled(value: float, factor: float) -> float:
    """Whole numbers stay whole and above 0."""
    return max(1, round(value * factor)) if isinstance(value, int) else value * factor


@contextlib.contextmanager
def changed(variant: Variant | None) -> Iterator[str]:
    """A folder to import the package from, changed so."""
    with tempfile.TemporaryDirectory(prefix="stormproof-ablation-") as folder:
        copy = Path(folder) / "stormproof"
        for path in PACKAGE.rglob("*.py"):
            target = copy / path.relative_to(PACKAGE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
        if variant:
            file = copy / "control" / f"{variant.file}.py"
            lines = file.read_text(encoding="utf-8").splitlines()
            lines.insert(variant.after, variant.text)
            file.unlink()
            file.write_text("\n".join(lines), encoding="utf-8")
        yield folder


def costs(variant: Variant | None, plays: Sequence[Play]) -> list[float]:
    """Of each play. Raises `CalledProcessError` where the variant breaks, or does not end."""
    with changed(variant) as folder:
        words = [sys.executable, __file__, "--plays", json.dumps(plays)]
        words += ["--limited"] * (variant is not None)
        environ = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(words, env=environ, capture_output=True, check=True)
    found = zip(plays, json.loads(done.stdout), strict=True)
    return [refused - got / possible(*play[:2], *play[3:]) for play, (got, refused) in found]


@cache
def possible(world: str, seed: int, endpoints: int, seconds: float) -> float:
    """What the oracle gets."""
    if world.startswith(SHARED):
        return 1.0
    makes = WORLDS[world]
    servers = picked(world, seed, endpoints)
    return sum(oracle(x, seconds, by_finished=makes.by_finished)[-1] for x in servers)


def picked(world: str, seed: int, count: int) -> list[Server]:
    """Of a world's endpoints every other, by size, from the smallest on: the largest cost most."""
    servers = WORLDS[world](seed)[:11]
    servers.sort(key=lambda x: min(x.cap / x.median_s, x.rate, x.window / x.window_s, x.slots))
    return servers[1::2][:count]


def played(play: Play) -> tuple[float, float]:
    """What was got, and the share that was refused or failed."""
    world, seed, network, endpoints, seconds = play
    if world.startswith(SHARED):
        row = shared_sim.measure(world.removeprefix(SHARED), seed, seconds, network)
        return float(str(row["delivered"])), float(str(row["refused"]))
    makes, make = WORLDS[world], CONTROLLERS["adaptive"]
    results = [
        Drive(server, make(), network, by_finished=makes.by_finished).run(seconds)
        for server in picked(world, seed, endpoints)
    ]
    broken = sum(x.refused + x.errors for x in results)
    return sum(x.done_by[-1] for x in results), broken / max(1, sum(x.sends for x in results))


class Bench:
    """What the unchanged controllers cost, beside which variants are measured."""

    def __init__(
        self, worlds: Sequence[str], seed: int, endpoints: int, seconds: float, again: int
    ) -> None:
        self.seed, self.again = seed, again
        self.first = {w: (w, seed, seed, endpoints, _seconds(w, seconds)) for w in worlds}
        found = [[] for _ in worlds]  # type: list[list[float]]
        for network in range(seed, seed + NETWORKS):
            plays = [(w, s, network, n, t) for w, s, _, n, t in self.first.values()]
            for each, cost in zip(found, costs(None, plays), strict=True):
                each.append(cost)
        self.alike = {w: x[0] for w, x in zip(worlds, found, strict=True)}
        self.base = dict(zip(worlds, map(fmean, found), strict=True))
        error = (1 + 1 / NETWORKS) ** 0.5
        self.error = {w: stdev(x) * error for w, x in zip(worlds, found, strict=True)}

    def row(self, variant: Variant) -> Row:
        """Its worst loss; or its best gain, where it loses nothing to speak of."""
        row: Row = {"benchmark": "ablation", "variant": variant.name}
        shared = variant.file == "shared_limit"
        plays = [x for w, x in self.first.items() if w.startswith(SHARED) == shared]
        try:
            found = costs(variant, plays)
            losses = {x[0]: self._loss(x[0], cost) for x, cost in zip(plays, found, strict=True)}
            worst = max(losses, key=lambda w: losses[w] - self.error[w])
            best = min(losses, key=lambda w: losses[w] + self.error[w])
            world = worst if losses[worst] >= POINT or losses[best] > -POINT else best
            loss, error = losses[world], self.error[world]
            if looked_again := self.again > 1 and abs(loss) >= POINT:
                again = [c - b for c, b in zip(self._again(variant, world), self._unchanged(world),
                                               strict=True)]  # fmt: skip
                loss, error = fmean(again), stdev(again) / len(again) ** 0.5
        except subprocess.CalledProcessError:
            return row | {"loss": None}
        rounded = {"loss": round(loss, 4), "error": round(error, 4)}
        return row | {"world": world, **rounded, "again": looked_again}

    def _loss(self, world: str, cost: float) -> float:
        """None at all where it goes as the unchanged do under the same network."""
        return cost - self.base[world] if cost != self.alike[world] else 0.0

    @cache  # noqa: B019  lives as long as the process
    def _unchanged(self, world: str) -> list[float]:
        return self._again(None, world)

    def _again(self, variant: Variant | None, world: str) -> list[float]:
        seconds, first = _seconds(world, SECONDS), self.seed + NETWORKS
        plays = [(world, x, x, AGAIN_ENDPOINTS, seconds) for x in range(first, first + self.again)]
        return costs(variant, plays)


def _seconds(world: str, seconds: float) -> float:
    if world.startswith(SHARED):
        return seconds
    long = world in WHOLE or WORLDS[world].seconds > SECONDS
    return WORLDS[world].seconds if long else min(seconds, WORLDS[world].seconds)


def table(rows: Sequence[Row]) -> str:
    """What matters, greatest loss first; then what is worth less than a point anywhere."""
    measured = [row for row in rows if row["loss"] is not None]
    measured.sort(key=lambda row: -row["loss"])
    lines = ["| changed | points lost | in |", "|---|---|---|"]
    lines += [f"| {r['variant']} | does not run, or not to an end | |"
              for r in rows if r["loss"] is None]  # fmt: skip
    for row in measured:
        if abs(row["loss"]) >= POINT:
            loss, error = row["loss"] / POINT, row["error"] / POINT
            lines.append(f"| {row['variant']} | {loss:.1f} ± {error:.1f} | {row['world']} |")
    little = [row["variant"] for row in measured if abs(row["loss"]) < POINT]
    names = dict.fromkeys(name.rpartition(" × ")[0] or name for name in little)
    less = [n for n in names if n in little or {f"{n} × 0.5", f"{n} × 2"} <= {*little}]
    return "\n".join(lines) + f"\n\nLess than a point anywhere: {', '.join(less) or 'none'}.\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per variant, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    worlds = [*WORLDS, *(SHARED + world for world in shared_sim.WORLDS)]
    parser.add_argument("--worlds", default=",".join(worlds))
    parser.add_argument("--seed", type=int, default=300, help="none that was tuned on")
    parser.add_argument("--seconds", type=float, default=100.0, help="of each world, at first")
    parser.add_argument("--endpoints", type=int, default=3, help="of each world, at first")
    parser.add_argument("--again", type=int, default=6, help="seeds, for what seems to matter")
    parser.add_argument("--only", default="", help="names that begin so, as `rate.`")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--plays", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--limited", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.plays:
        if given.limited:
            resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
        print(json.dumps([played(tuple(play)) for play in given.plays]))
        return
    bench = Bench(given.worlds.split(","), given.seed, given.endpoints, given.seconds, given.again)
    asked = [variant for variant in variants() if variant.name.startswith(given.only)]
    asked.sort(key=lambda variant: variant.name.endswith(" off") and variant.file != "blame")
    rows = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for row in pool.map(bench.row, asked):
            rows.append(row)
            print(json.dumps(row), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
