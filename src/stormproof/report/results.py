"""A results folder as reports read it: the episode table and the folder's own account of itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from msgspec import Struct

from stormproof.errors import ConfigError
from stormproof.report.episode_rows import EpisodeRows
from stormproof.store import Header, episode_table, read_header, read_runs

SIMULATED_NOTE = (
    "SIMULATED: these episodes were answered by the emulator's simulated agents, not by models. "
    "They say nothing of any real model."
)
HEDGED_NOTE = (
    "HEDGED: with `--hedge all` a second copy raced each slow call and the faster answer counted, "
    "which favours short answers. Compare these episodes only with others that were hedged so."
)


class Results(Struct, frozen=True):
    """What a report is made from. `runs` are the records of the folder's runs, oldest first."""

    name: str
    folder: Path
    table: pa.Table
    episodes: EpisodeRows
    header: Header
    runs: Sequence[dict[str, Any]] = ()

    @property
    def simulated(self) -> bool:
        """Whether the emulator answered any of the episodes."""
        return bool((self.episodes.numbers("simulated") > 0).any())

    @property
    def hedged(self) -> bool:
        """Whether any of the runs let second copies race all slow calls."""
        return any(run.get("options", {}).get("hedge") == "all" for run in self.runs)

    @property
    def banners(self) -> tuple[str, ...]:
        """What must be said before any figure."""
        simulated = (SIMULATED_NOTE,) if self.simulated else ()
        return (*simulated, HEDGED_NOTE) if self.hedged else simulated

    @property
    def imported(self) -> bool:
        """Whether any of the episodes is a recording of another harness."""
        return bool(self.episodes.is_value("source", "imported").any())


def open_results(folder: Path) -> Results:
    """Read a results folder. Raises ConfigError where no episode is in it, StoreError if broken."""
    header = read_header(folder)
    return results_of(folder, episode_table(folder), header, tuple(read_runs(folder)))


def results_of(
    folder: Path, table: pa.Table, header: Header, runs: Sequence[dict[str, Any]] = ()
) -> Results:
    """The same from a table that is at hand."""
    if table.num_rows == 0:
        raise ConfigError(
            f"{folder}: no episode has ended here yet",
            hint="`stormproof status` shows how far the run is",
        )
    return Results(folder.resolve().name, folder, table, EpisodeRows.of(table), header, runs)
