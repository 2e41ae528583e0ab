"""A rich console that leaves the end of the process to the process."""

from __future__ import annotations

import errno
import os
from typing import NoReturn

from rich.console import Console


class PlainConsole(Console):
    """Where the reader is gone it raises BrokenPipeError; rich's own would end the process."""

    def on_broken_pipe(self) -> NoReturn:
        """Say it as any other failed write is said."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
