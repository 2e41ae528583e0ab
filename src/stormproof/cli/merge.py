"""`stormproof merge`: several results folders into one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from stormproof.cli.parameters import results_folder
from stormproof.cli.streams import counted, emit_json, say
from stormproof.errors import ConfigError

EXIT_CONTRADICTIONS = 1
MOST_SHOWN = 20


def merge(
    *folders: Path,
    results: Path,
    storage_format: Literal["parquet", "json"] = "parquet",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Put results folders of one suite and seed together: one record for each trial.

    The folders stay as they are. The same command again goes on where it was cut short. Exit
    code 1 where a trial is scored differently in two folders; the earlier record is kept.

    Parameters
    ----------
    folders
        Results folders, finished or not.
    results
        The folder to put them into, new or not; a run can go on there.
    storage_format
        Format of what is written: parquet or json.
    json
        Print what was done as JSON.
    """
    from stormproof.store import merge as put_together  # noqa: PLC0415  --help does without

    if not folders:
        raise ConfigError("FOLDERS: found nothing", hint="stormproof merge A B --results ALL")
    merged = put_together(
        [results_folder(folder) for folder in folders], results, storage_format=storage_format
    )
    for contradiction in merged.contradictions[:MOST_SHOWN]:
        say(str(contradiction))
    if more := merged.contradictions[MOST_SHOWN:]:
        say(f"and {len(more):,} more; --json names them all")
    if json:
        emit_json(msgspec.structs.asdict(merged))
    else:
        outcomes = [f"{n:,} {outcome}" for outcome, n in sorted(merged.outcomes.items())]
        said = ", ".join([*outcomes, f"{merged.unfinished:,} under way"])
        say(f"{counted(merged.trials, 'trial')} in {results}: {said}")
        say(f"hint: stormproof status {shlex.quote(str(results))}")
    return EXIT_CONTRADICTIONS if merged.contradictions else 0
