"""From given flags to options."""

from __future__ import annotations

import os

from stormproof.cli.flags import RunFlags, given
from stormproof.plan import RunOptions, read_options


def settings(flags: RunFlags | None) -> RunOptions:
    """Flags over environment over stormproof.toml over defaults; every mistake at once."""
    return read_options(given(flags), os.environ)
