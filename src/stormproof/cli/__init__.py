"""The command line."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """`stormproof`: run one command; the return value is the exit code."""
    from stormproof.cli.app import build_app  # noqa: PLC0415  keeps the import of this package free
    from stormproof.cli.user_errors import guarded  # noqa: PLC0415  it brings cyclopts with it

    # Before numpy comes: its OpenBLAS maps memory for a thread on every core, which nothing here
    # puts to use, and where it may not it hangs or aborts.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale that has no dash must not end a command
            stream.reconfigure(errors="replace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: build_app()(arguments))


def ultra_parallel_runner() -> int:
    """`ultra-parallel-runner`: the older runner's name for `stormproof run`."""
    return main(["run", *sys.argv[1:]])
