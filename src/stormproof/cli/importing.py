"""`stormproof import`: recorded episodes into a results folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stormproof.cli.parameters import RESULTS
from stormproof.cli.streams import counted, emit_json, say
from stormproof.errors import ConfigError

EXIT_BAD_LINES = 1


def import_recordings(
    *files: Path,
    results: Path = RESULTS,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Take recorded episodes into a results folder; the same file twice adds nothing.

    Parameters
    ----------
    files
        JSON Lines, gzip or not, or folders of them.
    results
        Results folder to take them in.
    json
        Print what was done as JSON.
    """
    from stormproof.audit import import_files  # noqa: PLC0415  --help does without

    if not files:
        raise ConfigError("FILES: found nothing", hint="stormproof import FILE… --results FOLDER")
    done = import_files(files, results)
    for bad in done.bad_lines:
        say(str(bad))
    if json:
        emit_json(done)
    else:
        say(
            f"{counted(done.added, 'episode')} added to {results}, {done.known:,} already there, "
            f"{counted(len(done.bad_lines), 'line')} unreadable"
        )
        say(f"hint: stormproof audit {shlex.quote(str(results))}")
    return EXIT_BAD_LINES if done.bad_lines else 0
