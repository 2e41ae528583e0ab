"""The suite measured: tasks, plans, flaws, ceilings, agents, and recorded calls.

One JSON line per figure. `--only PART` measures one part, or several; `--write-docs` puts the
tables of what was measured into docs/suite.md, and leaves the others; `--figures FILE` takes lines
that were printed earlier and measures nothing; `--every N` plays flaws, substitutions and shortcuts
on each N-th task; `--samples FILE` writes, for each recorded model, ten refused calls.

    .venv/bin/python benchmarks/suite.py [--only flaws] [--write-docs] [--samples FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import suite_agents
import suite_corpus
import suite_planner
import suite_shortcuts
import suite_substitutions
import suite_tasks
from suite_page import PAGE, rewritten
from suite_tasks import Figure

Part = Callable[[], Iterator[Figure]]


def parts(samples: Path | None = None, every: int = 1) -> dict[str, Part]:
    """What can be measured, in order: planning must meet structures that are not known yet."""
    return {
        "generation": suite_tasks.generation,
        "levels": suite_tasks.levels,
        "planning": suite_tasks.planning,
        "ceilings": suite_tasks.ceilings,
        "flaws": partial(suite_tasks.flaws, every),
        "scenarios": suite_agents.scenarios,
        "paired": suite_agents.paired,
        "perfect": suite_agents.perfect,
        "substitutions": partial(suite_substitutions.substitutions, every),
        "shortcuts": partial(suite_shortcuts.shortcuts, every),
        "brute_force": suite_planner.brute_force,
        "simulation": suite_planner.simulation,
        "recorded": partial(suite_corpus.recorded, samples),
    }


def main() -> None:
    """Print a line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", choices=parts(), nargs="+")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("--samples", type=Path, metavar="FILE")
    parser.add_argument("--write-docs", action="store_true")
    parser.add_argument("--figures", type=Path, nargs="+", metavar="FILE")
    options = parser.parse_args()
    found = []
    for figure in _printed(options.figures) if options.figures else _measured(options):
        print(json.dumps(figure), flush=True)
        found.append(figure)
    if options.write_docs:
        PAGE.write_text(rewritten(PAGE.read_text(), found))


def _measured(options: argparse.Namespace) -> Iterator[Figure]:
    for name, part in parts(options.samples, options.every).items():
        if options.only is None or name in options.only:
            yield from part()


def _printed(files: Iterable[Path]) -> Iterator[Figure]:
    return (json.loads(line) for file in files for line in file.read_text().splitlines())


if __name__ == "__main__":
    main()
