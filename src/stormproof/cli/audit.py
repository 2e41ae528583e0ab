"""`stormproof audit`: which numbers of a results folder hold, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from stormproof.cli.parameters import RESULTS, results_folder
from stormproof.cli.streams import emit_json


def audit(
    results: Path = RESULTS,
    *,
    by: str = "",
    rules: Literal["own", "recorded"] = "own",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say which numbers of a results folder hold: a verdict for each model, and what was found.

    Parameters
    ----------
    results
        Results folder, of runs or of imported recordings.
    by
        Cells to judge too, comma-separated: prompt_type, task_type, difficulty, …
    rules
        `recorded` runs the recording harness's rules again and compares with what it stored.
    json
        Print the audit as JSON.
    """
    from stormproof.audit import audit_folder, recompute_folder  # noqa: PLC0415  --help does without
    from stormproof.cli.audit_text import audit_text, recomputed_text  # noqa: PLC0415  rich is heavy
    from stormproof.cli.console_tables import output  # noqa: PLC0415  rich is heavy

    folder = results_folder(results)
    if rules == "recorded":
        again = recompute_folder(folder)
        if json:
            emit_json(again)
        else:
            output().print(*recomputed_text(again), sep="\n")
        return 1 if again.disagreements else 0
    found = audit_folder(folder, tuple(name for name in by.split(",") if name))
    if json:
        emit_json(found)
    else:
        output().print(*audit_text(found), sep="\n")
    return 0
