"""What each rule and constant of the controllers is worth: its worst loss over all worlds.

    python benchmarks/ablation.py                      each rule off, each constant × ½ and × 2
    python benchmarks/ablation.py --only rate. --seeds 2

A variant's loss in a world is what it delivers less, plus what it is refused more, in points. The
worst of them, and where, is printed per variant as a JSON line, then all as a table. Rules and
constants whose worst loss is below a point pay for nothing in these worlds.
"""

from __future__ import annotations

import argparse
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).parent))
import stormproof.control as controllers
from capacity_sim import CONTROLLERS, Drive, oracle
from stormproof.control import blame
from worlds import SECONDS, WORLDS

POINT = 0.01
ELSEWHERE = {"shared_limit", "fixed", "pace"}  # not driven by these worlds
Score = dict[str, tuple[float, float]]  # by world: delivered, refused
Number = float | int | tuple[float, ...]


def modules() -> Iterator[ModuleType]:
    """The controllers' modules."""
    for found in pkgutil.iter_modules(controllers.__path__):
        yield import_module(f"stormproof.control.{found.name}")


def constants() -> dict[str, Number]:
    """Every named number, by `module.NAME`."""
    found: dict[str, Number] = {}
    for module in modules():
        short = module.__name__.rpartition(".")[2]
        for name, value in vars(module).items():
            parts = value if isinstance(value, tuple) else (value,)
            number = name.isupper() and all(isinstance(x, (int, float)) for x in parts)
            known = any(key.endswith(f".{name}") for key in found)
            if number and short not in ELSEWHERE and not known:
                found[f"{short}.{name}"] = value
    return found


def set_everywhere(name: str, before: Number, value: Number) -> None:
    """Set a constant in its module and wherever it was imported."""
    for module in modules():
        if vars(module).get(name) == before:
            setattr(module, name, value)


def scaled(value: Number, factor: float) -> Number:
    """A number, or each of several, times a factor; whole numbers stay whole and above 0."""
    if isinstance(value, tuple):
        return tuple(x * factor for x in value)
    return max(1, round(value * factor)) if isinstance(value, int) else value * factor


def score(worlds: Sequence[str], seeds: Sequence[int], seconds: float, endpoints: int) -> Score:
    """What is delivered and refused in each world."""
    found: Score = {}
    for name in worlds:
        world = WORLDS[name]
        until = min(seconds, world.seconds) if world.seconds <= SECONDS else world.seconds
        done = best = sends = broken = 0
        for seed in seeds:
            for server in world(seed)[:endpoints]:
                best += possible(name, seed, server.name, until)
                drive = Drive(
                    server, CONTROLLERS["adaptive"](), seed, by_finished=world.by_finished
                )
                result = drive.run(until)
                done += result.done_by[-1]
                sends += result.sends
                broken += result.refused + result.errors
        found[name] = (done / best, broken / sends)
    return found


def possible(name: str, seed: int, endpoint: str, until: float) -> int:
    """What the oracle gets, reckoned once."""
    key = (name, seed, endpoint, until)
    if key not in _POSSIBLE:
        world = WORLDS[name]
        server = next(x for x in world(seed) if x.name == endpoint)
        _POSSIBLE[key] = oracle(server, until, by_finished=world.by_finished)[-1]
    return _POSSIBLE[key]


_POSSIBLE: dict[tuple[str, int, str, float], int] = {}


def losses(base: Score, variant: Score) -> tuple[str, float]:
    """The world in which a variant loses most, and how much."""
    by = {w: base[w][0] - variant[w][0] + variant[w][1] - base[w][1] for w in base}
    worst = max(by, key=lambda w: by[w])
    return worst, by[worst]


def variants(only: str) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """Name, how to apply, how to undo."""
    rules = blame.RULES
    for rule in rules[:-1]:  # the last one always speaks
        left = tuple(x for x in rules if x is not rule)
        yield (
            f"blame: {rule.__name__} off",
            lambda left=left: setattr(blame, "RULES", left),  # type: ignore[misc]
            lambda: setattr(blame, "RULES", rules),
        )
    for full, value in constants().items():
        name = full.partition(".")[2]
        for factor in (0.5, 2.0):
            changed = scaled(value, factor)
            if changed != value and full.startswith(only):
                yield (
                    f"{full} × {factor:g}",
                    lambda n=name, v=value, c=changed: set_everywhere(n, v, c),  # type: ignore[misc]
                    lambda n=name, v=value, c=changed: set_everywhere(n, c, v),  # type: ignore[misc]
                )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per variant, then the table, greatest loss first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=100, help="none that was tuned on")
    parser.add_argument("--seconds", type=float, default=150.0, help="of each world, at most")
    parser.add_argument("--endpoints", type=int, default=6, help="of each world, at most")
    parser.add_argument("--only", default="", help="names that begin so, as `rate.`")
    given = parser.parse_args(arguments)
    seeds = range(given.first_seed, given.first_seed + given.seeds)

    def scores() -> Score:
        return score(given.worlds.split(","), seeds, given.seconds, given.endpoints)

    base, rows = scores(), list[tuple[float, str, str]]()
    for name, apply, undo in variants(given.only):
        apply()
        worst, loss = losses(base, scores())
        undo()
        rows.append((loss, name, worst))
        line = {"benchmark": "ablation", "variant": name, "worst": worst, "loss": round(loss, 4)}
        print(json.dumps(line), flush=True)
    print("| without, or changed | worst loss, points | in |\n|---|---|---|")
    for loss, name, worst in sorted(rows, reverse=True):
        print(f"| {name} | {loss / POINT:.1f} | {worst} |")


if __name__ == "__main__":
    main()
