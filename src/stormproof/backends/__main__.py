"""A worker process: `python -m stormproof.backends FD`, the socket that it inherits."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import anyio

from stormproof.backends.interpreter import tuned_interpreter
from stormproof.backends.unix_socket import serve


def main(fd: int) -> int:
    """Serve until the socket's other end is gone; what breaks is told in one line."""
    try:
        with tuned_interpreter():
            anyio.run(serve, fd, backend_options={"use_uvloop": os.name == "posix"})
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        sys.stderr.write(
            f"error: a worker: {type(error).__name__} in {place}; this is a bug in Stormproof\n"
        )
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
