"""A results folder as reports read it: the episode table, its header, and what names it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

from windtunnel.errors import ConfigError
from windtunnel.report.frame import Frame


class Results(Struct, frozen=True):
    """What a report is made from. `header` is the folder's own account of its run."""

    name: str
    folder: Path
    frame: Frame
    header: Mapping[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether the emulator answered any of the episodes."""
        return bool((self.frame.numbers("simulated") > 0).any())


def open_results(folder: Path) -> Results:
    """Read a results folder. Raises ConfigError where no episode is in it, StoreError if broken."""
    return results_of(folder, _table(folder), _header(folder))


def results_of(folder: Path, table: pa.Table, header: Mapping[str, Any]) -> Results:
    """The same from a table that is at hand."""
    if table.num_rows == 0:
        raise ConfigError(
            f"{folder}: no episode has ended here yet",
            hint="`windtunnel status` shows how far the run is",
        )
    return Results(folder.resolve().name, folder, Frame.of(table), header)


def _table(folder: Path) -> pa.Table:
    from windtunnel.store import episode_table  # noqa: PLC0415  see above

    return episode_table(folder)


def _header(folder: Path) -> Mapping[str, Any]:
    from windtunnel.store import read_header  # noqa: PLC0415  see above

    found = msgspec.to_builtins(read_header(folder))
    return found if isinstance(found, dict) else {}
