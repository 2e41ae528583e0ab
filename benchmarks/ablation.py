"""What each rule, function and constant of the controllers is worth: its loss in the worst world.

    python benchmarks/ablation.py                     off, × ½ and × 2; 40 minutes of a core
    python benchmarks/ablation.py --only rate. --jobs 2

Each variant is an edit of the source, run in a process of its own: a constant halved or doubled,
a function that gives nothing, `False` or (a rule of blame) no name.

A first look drives the endpoints of all worlds, small ones to the end, large ones for as long as
some hundred sends take (or not at all, where a world's point comes late); and of these only where
the unchanged controllers come to what is changed, as the others go as they went. What none alone
comes to is driven under limits that several share. An endpoint's cost is what is refused less what
is delivered, as shares, and a variant's loss what it costs more. Near a limit the slightest change
gives another course: the unchanged controllers are driven under several networks, and their spread
is each loss's error.

Where a point or more seems lost or gained, all is driven again to the end, through other seeds; the
surest world first, until one proves to matter. There a world's cost is of all its endpoints
together, and the error is that of the mean over seeds. Variants that lose nowhere come first, then
the least sure: when the time is up, such looks end, at what is beyond doubt.

A constant that may as well be half or twice as large needs no tuning. A function that is worth less
than a point stays only for a reason that no world shows: it is named in `KEPT`.
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
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import hypot
from operator import mul
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import shared_sim
import stormproof
from capacity_sim import CONTROLLERS, Drive, oracle
from reached import Place, Reached, reads
from stormproof.control.controller import Controller
from worlds import SECONDS, WORLDS, Server

PACKAGE = Path(stormproof.__file__).parent
SEAM = {name for name in vars(Controller) if not name.startswith("_")}
PURE = {"abs", "all", "any", "len", "max", "min", "round"}  # calls that change nothing
SHARED = "key: "  # before the name of a world of several endpoints under a key
LATE = {"drop": 300, "outages": 300, "day_quota": 300, "growth": 300, "cold_start": 120,
        "replicas": 60, "blips": 60}  # fmt: skip  # worlds whose point comes late, and seconds
FEW = 4  # endpoints of these at the first look: every other by size, from the smallest on
LEAST_S, SHARED_S = 20.0, 100.0  # of each endpoint, and of a shared world, at the first look
NETWORKS = 4  # under which the unchanged controllers are driven
WORLDS_AGAIN, SEEDS_AGAIN = 3, 6  # at most, at the second look; seeds by twos
POINT = 0.01
MOST_CPU_S = 60  # a play that takes more does not end; one of twenty endpoints may take 40
Row = dict[str, Any]
KEPT = {
    "adaptive._note_cut": "what is shown of a decision",
    "breaker.shown": "what is shown of its state",
    "breaker.answered": "an endpoint that never answered is asked ever less; an answer ends a row",
    "cap.restart": "a limit that fell while the breaker was shut",
    "fixed._end": "the mode `fixed`, of which no world is",
    "flow._choose_unit": "limits of tokens: more is refused over all of `token_buckets`",
    "pace.advertised": "what headers tell",
    "pace.sent": "what is declared",
    "pace.correct": "what is declared in tokens",
    "queueing.evidence": "a cap is no queue, however its latency rises",
    "rate.begin": "a start that is declared, or was learned",
    "rate.rested": "what buckets saved while it was shut: a point over all of `blips`",
    "shared_ceiling.has_room": "what is declared for a key",
    "shared_ceiling.sent": "what is declared for a key",
    "shared_ceiling.ended": "what is declared for a key",
    "shared_limit.is_over": "an experiment ends where the work does",
    "shared_limit.refused": "one endpoint's own limit beside the shared one",
    "shared_limit.blamed_above": "what is in flight counts at a shared cap, too: "
    "without that 20 points of `shared_and_own`",
    "shared_limit._lets_less_through": "a key that was blamed by mistake, as limits rose",
    "shared_limit._abandon_above": "what ends without an answer frees its slot at a shared limit",
    "silence.ended": "what was given up before a lull is no silence",
    "silence.sent": "an endpoint that hangs is sent ever less",
    "silence.hangs": "an endpoint that hangs is sent ever less",
}  # why each function stays that no world asks for


class Play(NamedTuple):
    """One endpoint of a world; or a whole shared one."""

    world: str
    seed: int
    network: int
    number: int
    seconds: float


class Got(NamedTuple):
    """What a play came to: requests (of a shared world: the share of what is possible)."""

    delivered: float
    sends: int
    broken: int  # refused or failed


class Loss(NamedTuple):
    """In a world."""

    loss: float
    error: float

    @property
    def figures(self) -> dict[str, float]:
        """As they are kept."""
        return {"loss": round(self.loss, 4), "error": round(self.error, 4)}

    @property
    def sure(self) -> float:
        """How much of it is hardly chance."""
        return abs(self.loss) - 2 * self.error

    @property
    def matters(self) -> bool:
        """Whether it is worth a second look."""
        return abs(self.loss) >= POINT and self.sure > 0

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """A loss that matters is above a gain, and what is surer above what is less sure."""
        return self.matters, self.loss > 0, self.sure


@dataclass(frozen=True)
class Variant:
    """`text` comes in after so many lines of the file. It changes nothing but through `places`."""

    name: str
    file: str
    after: int
    text: str
    places: frozenset[Place]


def variants() -> Iterator[Variant]:
    """Of all controllers."""
    paths = sorted((PACKAGE / "control").glob("[a-z]*.py"))
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    for module, tree in trees.items():
        yield from _constants(module, trees)
        yield from _functions(module, tree)


def _functions(module: str, tree: ast.Module) -> Iterator[Variant]:
    silent = {"None": "", "bool": "False", "str": '""'}
    for parent in ast.walk(tree):
        body = parent.body if isinstance(parent, ast.Module | ast.ClassDef) else []
        functions = [node for node in body if isinstance(node, ast.FunctionDef)]
        shared = SEAM & {node.name for node in functions}
        seam = shared if len(shared) > len(SEAM) / 2 else {""}  # a whole controller's, or none
        for node in functions:
            gives = ast.unparse(node.returns) if node.returns else ""
            rest = node.body[ast.get_docstring(node) is not None :]
            empty = [ast.unparse(x) for x in rest] in ([], ["..."])
            dunder = node.name.startswith("__")
            if gives in silent and not empty and not dunder and node.name not in seam:
                first = node.body[0]
                text = f"{' ' * first.col_offset}return {silent[gives]}"
                name, places = f"{module}.{node.name} off", frozenset({(module, _place(node))})
                yield Variant(name, module, first.lineno - 1, text, places)


def _place(node: ast.FunctionDef) -> int:
    """Where it does something: its first line, or if all that it does is to say so, a yes."""
    acts = any(
        (isinstance(x, ast.Call) and ast.unparse(x.func) not in PURE)
        or (isinstance(x, ast.Attribute | ast.Subscript) and isinstance(x.ctx, ast.Store))
        for x in ast.walk(node)
    )
    if acts:
        return node.body[ast.get_docstring(node) is not None].lineno
    return -min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _constants(module: str, trees: Mapping[str, ast.Module]) -> Iterator[Variant]:
    values = vars(import_module(f"stormproof.control.{module}"))
    for node in trees[module].body:
        targets = ast.walk(node.targets[0]) if isinstance(node, ast.Assign) else ()
        for name in [x.id for x in targets if isinstance(x, ast.Name) and x.id.isupper()]:
            value = values[name]
            parts = value if isinstance(value, tuple) else (value,)
            if all(isinstance(part, int | float) for part in parts):
                places, end = reads(trees, module, name), node.end_lineno or 0
                for factor in (0.5, 2.0):
                    new = [_scaled(part, factor) for part in parts]
                    text = f"{name} = {tuple(new) if isinstance(value, tuple) else new[0]}"
                    yield Variant(f"{module}.{name} × {factor:g}", module, end, text, places)


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


def driven(
    variant: Variant | None, plays: Sequence[Play], *, traced: bool = False
) -> list[tuple[Got, frozenset[Place]]]:
    """What each play came to, and what it reached of the controllers.

    Raises `CalledProcessError` where the variant breaks, or does not end.
    """
    with changed(variant) as folder:
        words = [sys.executable, __file__, "--plays"] + ["--traced"] * traced
        words += ["--limited"] * (variant is not None)
        environ = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        text = json.dumps(plays).encode()
        done = subprocess.run(words, env=environ, input=text, capture_output=True, check=True)
    return [(Got(*got), frozenset((file, line) for file, line in places))
            for got, places in json.loads(done.stdout)]  # fmt: skip


def played(play: Play) -> Got:
    """Under the controllers as they are imported."""
    if play.world.startswith(SHARED):
        name = play.world.removeprefix(SHARED)
        row: Row = shared_sim.measure(name, play.seed, play.seconds, play.network)
        return Got(row["delivered"], row["sends"], round(row["refused"] * row["sends"]))
    makes = WORLDS[play.world]
    server, controller = makes(play.seed)[play.number], CONTROLLERS["adaptive"]()
    drive = Drive(server, controller, play.network, by_finished=makes.by_finished)
    found = drive.run(play.seconds)
    return Got(found.done_by[-1], found.sends, found.refused + found.errors)


def play_all(*, traced: bool, limited: bool) -> None:
    """In a process of their own: plays come from stdin, what they came to goes to stdout."""
    came = []
    wanted = frozenset[Place]().union(*(x.places for x in variants())) if traced else frozenset()
    for each in json.load(sys.stdin):
        if limited:
            most_s = int(spent_s()) + MOST_CPU_S
            resource.setrlimit(resource.RLIMIT_CPU, (most_s, resource.RLIM_INFINITY))
        reached = Reached(PACKAGE / "control", wanted)
        with reached if traced else contextlib.nullcontext():
            got = played(Play(*each))
        came.append((got, sorted(reached.places)))
    print(json.dumps(came))


def spent_s() -> float:
    """CPU time so far, of this process and those that it waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@cache
def possible(world: str, seed: int, number: int, seconds: float) -> float:
    """What the oracle gets."""
    if world.startswith(SHARED):
        return 1.0
    makes = WORLDS[world]
    return oracle(makes(seed)[number], seconds, by_finished=makes.by_finished)[-1]


def cost(plays: Sequence[Play], found: Sequence[Got]) -> float:
    """Of a world, or of one endpoint of it: the share refused less the share delivered."""
    best = sum(possible(x.world, x.seed, x.number, x.seconds) for x in plays)
    got, sends = sum(x.delivered for x in found), sum(x.sends for x in found)
    return sum(x.broken for x in found) / max(1, sends) - got / max(1, best)


def first_plays(world: str, seed: int, sends: float) -> list[Play]:
    """Each endpoint to the end, or for as long as some `sends` take."""
    if world.startswith(SHARED):
        return [Play(world, seed, seed, 0, SHARED_S)]
    servers, whole = WORLDS[world](seed), WORLDS[world].seconds
    least = LATE.get(world, LEAST_S)
    lasts = {n: min(whole, max(least, sends / size(x))) for n, x in enumerate(servers)}
    picked = sorted(lasts, key=lambda number: size(servers[number]))
    if world in LATE:
        picked = picked[::2][:FEW]
    return [Play(world, seed, seed, number, round(lasts[number])) for number in picked]


def whole_plays(world: str, seed: int) -> list[Play]:
    """Each endpoint to the end."""
    if world.startswith(SHARED):
        return [Play(world, seed, seed, 0, SECONDS)]
    count, seconds = WORLDS[world].count, WORLDS[world].seconds
    return [Play(world, seed, seed, number, seconds) for number in range(count)]


def size(server: Server) -> float:
    """Requests a second that its limits let through, about."""
    workers = min(server.cap, server.slots)
    window_s = min(SECONDS, server.window_s)
    return min(workers / server.median_s, server.rate, server.window / window_s)


class Bench:
    """What the unchanged controllers come to, beside which variants are measured."""

    def __init__(self, worlds: Sequence[str], seed: int, sends: float) -> None:
        self.seed = seed
        self.worlds = {world: first_plays(world, seed, sends) for world in worlds}
        plays = [play for each in self.worlds.values() for play in each]
        came = dict(zip(plays, driven(None, plays, traced=True), strict=True))
        self.found = {play: got for play, (got, _) in came.items()}
        self.reached = {play: places for play, (_, places) in came.items()}
        self.costs = {play: [cost([play], [got])] for play, got in self.found.items()}
        for network in range(seed + 1, seed + NETWORKS):
            others = [play._replace(network=network) for play in plays]
            for play, (got, _) in zip(plays, driven(None, others), strict=True):
                self.costs[play].append(cost([play], [got]))

    def first_look(self, variant: Variant) -> dict[str, Loss]:
        """What it seems to lose in the worlds where it is come to; none where it is in none."""
        plays = [play for play, places in self.reached.items() if places & variant.places]
        plays = [play for play in plays if not play.world.startswith(SHARED)] or plays
        if not plays:
            return {}
        found = dict(zip(plays, [got for got, _ in driven(variant, plays)], strict=True))
        return {w: self._seems(self.worlds[w], found) for w in dict.fromkeys(x[0] for x in plays)}

    def _seems(self, plays: Sequence[Play], found: Mapping[Play, Got]) -> Loss:
        """Endpoints count alike, or by what they let through: whichever is the surer.

        Where an endpoint goes as it went, nothing is lost.
        """
        differ = [play for play in plays if found.get(play, self.found[play]) != self.found[play]]
        more = [cost([play], [found[play]]) - fmean(self.costs[play]) for play in differ]
        spread = [(1 + 1 / NETWORKS) ** 0.5 * stdev(self.costs[play]) for play in differ]
        losses = []
        for power in (0, 1):
            rate = {x: (possible(*x[:2], *x[3:]) / x.seconds) ** power for x in plays}
            part = [rate[play] / sum(rate.values()) for play in differ]
            losses.append(Loss(sum(map(mul, more, part)), hypot(*map(mul, spread, part))))
        return max(losses, key=lambda loss: loss.sure)

    def second_look(self, variant: Variant, seen: Mapping[str, Loss]) -> Row:
        """Where it seems to matter: in the surest world, and on to others until it does."""
        worlds = sorted((w for w in seen if seen[w].matters), key=lambda w: -seen[w].sure)
        lost = [world for world in worlds if seen[world].loss > 0][:WORLDS_AGAIN]
        rows: list[Row] = []
        for world in lost + [world for world in worlds if seen[world].loss < 0][:1]:
            losses = self._again(variant, world)
            error = stdev(losses) / len(losses) ** 0.5
            figures = Loss(fmean(losses), error).figures
            rows.append(row_of(variant, world=world, again=len(losses), **figures))
            if rows[-1]["loss"] >= POINT:
                break
        return max(rows, key=lambda row: (row["loss"] >= POINT, abs(row["loss"])))

    def _again(self, variant: Variant, world: str) -> list[float]:
        """Its loss under each seed, until more would not change whether it is worth a point."""
        losses: list[float] = []
        for seed in range(self.seed + 1, self.seed + 1 + SEEDS_AGAIN, 2):
            each = [whole_plays(world, seed), whole_plays(world, seed + 1)]
            found = iter([got for got, _ in driven(variant, [play for of in each for play in of])])
            costs = [cost(of, [next(found) for _ in of]) for of in each]
            losses += [costs[n] - self._unchanged(world, seed + n) for n in range(2)]
            mean, error = abs(fmean(losses)), stdev(losses) / len(losses) ** 0.5
            if mean > 5 * (POINT + error) or (seed > self.seed + 1 and abs(mean - POINT) > error):
                break
        return losses

    @cache  # noqa: B019  lives as long as the process
    def _unchanged(self, world: str, seed: int) -> float:
        plays = whole_plays(world, seed)
        return cost(plays, [got for got, _ in driven(None, plays)])


def row_of(variant: Variant, **figures: object) -> Row:
    """As it is kept."""
    return {"benchmark": "ablation", "variant": variant.name} | figures


def measured(bench: Bench, asked: Sequence[Variant], jobs: int, most_s: float) -> Iterator[Row]:
    """A row of each; after so much CPU time there are no second looks any more."""
    again: dict[Variant, dict[str, Loss]] = {}

    def first(variant: Variant) -> dict[str, Loss] | None:
        try:
            return bench.first_look(variant)
        except subprocess.CalledProcessError:
            return None

    def second(variant: Variant) -> Row:
        try:
            if spent_s() < most_s:
                return bench.second_look(variant, again[variant])
        except subprocess.CalledProcessError:
            return row_of(variant, loss=None)
        world = surest(again[variant])
        return row_of(variant, world=world, again=0, **again[variant][world].figures)

    with ThreadPoolExecutor(jobs) as pool:
        for variant, seen in zip(asked, pool.map(first, asked), strict=True):
            if seen is None:
                yield row_of(variant, loss=None)
            elif not seen:
                yield row_of(variant, loss=0.0)
            elif not seen[world := surest(seen)].matters:
                yield row_of(variant, world=world, again=0, **seen[world].figures)
            else:
                again[variant] = seen
        by = sorted(again, key=lambda variant: again[variant][surest(again[variant])].rank)
        yield from pool.map(second, by)


def surest(seen: Mapping[str, Loss]) -> str:
    """The world where it seems to lose most surely; or to matter, where it loses in none."""
    return max(seen, key=lambda world: seen[world].rank)


def table(rows: Sequence[Row]) -> str:
    """What matters, greatest loss first; then what is worth less than a point anywhere."""
    broken = [row for row in rows if row["loss"] is None]
    found = sorted((row for row in rows if row["loss"] is not None), key=lambda row: -row["loss"])
    much = [row for row in found if abs(row["loss"]) >= max(POINT, row.get("error", 0.0))]
    lines = ["| changed | points lost | in | seeds |", "|---|---|---|---|"]
    lines += [f"| {row['variant']} | does not run, or not to an end | | |" for row in broken]
    for row in much:
        loss, error = row["loss"] / POINT, row["error"] / POINT
        seeds = row["again"] or "first look"
        lines.append(f"| {row['variant']} | {loss:.1f} ± {error:.1f} | {row['world']} | {seeds} |")
    little = [row["variant"] for row in found if row not in much]
    off = [name.removesuffix(" off") for name in little if name.endswith(" off")]
    kept = [f"| {name} | {KEPT[name]} |" for name in off if name in KEPT]
    idle = ", ".join(name for name in off if name not in KEPT) or "none"
    lines += ["", f"Half and twice as much do as well: {_constants_of(little)}.", ""]
    lines += ["| worth less than a point, and kept | for |", "|---|---|", *kept, ""]
    return "\n".join([*lines, f"Worth less than a point, for no known reason: {idle}.", ""])


def _constants_of(variants: Sequence[str]) -> str:
    """Those that are both halved and doubled among these."""
    names = dict.fromkeys(name.rpartition(" × ")[0] for name in variants)
    both = [name for name in names if {f"{name} × 0.5", f"{name} × 2"} <= {*variants}]
    return ", ".join(both) or "none"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per variant, then the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    shared = [SHARED + world for world in shared_sim.WORLDS]
    parser.add_argument("--worlds", default=",".join([*WORLDS, *shared]))
    parser.add_argument("--seed", type=int, default=340, help="none that was tuned on")
    parser.add_argument("--sends", type=float, default=400, help="of an endpoint, at first")
    parser.add_argument("--minutes", type=float, default=40.0, help="of CPU; then no second looks")
    parser.add_argument("--only", default="", help="names that begin so, as `rate.`")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--plays", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--traced", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--limited", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.plays:
        play_all(traced=given.traced, limited=given.limited)
        return
    asked = [x for x in variants() if x.name.startswith(tuple(given.only.split(",")))]
    bench = Bench(given.worlds.split(","), given.seed, given.sends)
    rows = []
    for row in measured(bench, asked, given.jobs, 60 * given.minutes):
        rows.append(row)
        print(json.dumps(row), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
