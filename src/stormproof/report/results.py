"""A results folder as reports read it: the episode table and the folder's own account of itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from stormproof.errors import ConfigError, SuiteError
from stormproof.plan.folder_status import planned_cells
from stormproof.report.completeness import CellCount, count_cells, missing_note
from stormproof.report.episode_rows import KIND, EpisodeRows
from stormproof.store import Header, episode_table, read_header, read_runs
from stormproof.suites.workflows import WORKFLOWS

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
    cells: tuple[CellCount, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether the emulator answered any of the episodes, or is to."""
        return self.header.simulated or bool((self.episodes.numbers("simulated") > 0).any())

    @property
    def simulated_models(self) -> frozenset[str]:
        """Models that the emulator answers for."""
        answered = self.episodes.at(self.episodes.numbers("simulated") > 0).values("model")
        return frozenset(self.models if self.header.simulated else answered)

    @property
    def hedged(self) -> bool:
        """Whether any of the runs let second copies race all slow calls."""
        return any(run.get("options", {}).get("hedge") == "all" for run in self.runs)

    @property
    def banners(self) -> tuple[str, ...]:
        """What must be said before any figure."""
        simulated = (SIMULATED_NOTE,) if self.simulated else ()
        hedged = (HEDGED_NOTE,) if self.hedged else ()
        return (*simulated, *hedged, *missing_note(self.cells))

    @property
    def models(self) -> list[str]:
        """Every model that is planned or recorded."""
        return list(dict.fromkeys(cell.model for cell in self.cells))

    @property
    def imported(self) -> bool:
        """Whether any of the episodes is a recording of another harness."""
        return bool(self.episodes.is_value("source", "imported").any())


def open_results(folder: Path) -> Results:
    """Read a results folder. Raises ConfigError where nothing is in it, StoreError if broken."""
    header = read_header(folder)
    return results_of(folder, episode_table(folder), header, tuple(read_runs(folder)))


def results_of(
    folder: Path, table: pa.Table, header: Header, runs: Sequence[dict[str, Any]] = ()
) -> Results:
    """The same from a table that is at hand."""
    planned = planned_cells(folder)
    if table.num_rows == 0 and not planned:
        raise ConfigError(
            f"{folder}: no episode has ended here yet",
            hint="`stormproof status` shows how far the run is",
        )
    episodes = EpisodeRows.of(with_kinds(table, header))
    cells = count_cells(episodes, planned)
    return Results(folder.resolve().name, folder, table, episodes, header, runs, cells)


def with_kinds(table: pa.Table, header: Header) -> pa.Table:
    """The table with each task's archetype beside it, where its suite is at hand to say it."""
    if header.suite != WORKFLOWS.version or not table.num_rows:
        return table
    encoded: Any = pc.dictionary_encode(table["task_id"].combine_chunks())
    kinds = [_kind(task_id, header.seed) for task_id in encoded.dictionary.to_pylist()]
    return table.append_column(KIND, pa.array(kinds, pa.string()).take(encoded.indices))


def _kind(task_id: str, seed: int) -> str:
    try:
        return WORKFLOWS.load_task(task_id, seed).kind
    except SuiteError:  # an imported task is none of the suite's
        return ""
