"""`stormproof repair`: what is damaged in a results folder, and what can be done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stormproof.cli.parameters import RESULTS, results_folder
from stormproof.cli.streams import emit_json, say


def repair(
    results: Path = RESULTS, *, json: Annotated[bool, Parameter(negative="")] = False
) -> None:
    """Mend a results folder; whatever is damaged is set aside, never deleted."""
    from stormproof.store import repair as mend  # noqa: PLC0415  --help does without

    done = mend(results_folder(results))
    if json:
        emit_json(done)
    for line in () if json else done or ("nothing is damaged",):
        say(line)
