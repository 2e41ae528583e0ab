"""Recordings into a results folder: the same file twice adds nothing, bad lines are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import anyio
from msgspec import Struct

from stormproof import __version__
from stormproof.audit.importer import episode_of
from stormproof.audit.recorded import BadLine, files_of, read
from stormproof.domain.episodes import Episode
from stormproof.store import Header, Store, episode_table, open_store

IMPORTED_SUITE: Final = "imported"
_AT_ONCE = 200  # episodes under way: each waits for its own fsync, which many share


class Imported(Struct, frozen=True):
    """What an import did. `known` counts lines whose episode was there already."""

    added: int
    known: int
    bad_lines: tuple[BadLine, ...]


def import_files(paths: Iterable[Path], folder: Path) -> Imported:
    """Take recordings (JSON Lines, gzip or not, or folders of them) into a results folder.

    A line that cannot be read is reported, and the rest goes on. Raises ConfigError where a path
    names no recording, PlanMismatch where the folder holds results of a run, StoreError where it
    cannot be written.
    """
    return anyio.run(_import, files_of(paths), folder)


async def _import(files: Sequence[Path], folder: Path) -> Imported:
    header = Header(suite=IMPORTED_SUITE, seed=0, stormproof=__version__)
    async with open_store(folder, header) as store:
        seen = _stored(folder)
        added = known = 0
        bad: list[BadLine] = []
        batch: list[Episode] = []
        for line in (line for file in files for line in read(file)):
            if isinstance(line, BadLine):
                bad.append(line)
                continue
            episode = episode_of(line)
            if episode.trial.trial_id in seen:
                known += 1
                continue
            seen.add(episode.trial.trial_id)
            batch.append(episode)
            added += 1
            if len(batch) == _AT_ONCE:
                await _keep(store, batch)
                batch.clear()
        await _keep(store, batch)
    return Imported(added, known, tuple(bad))


def _stored(folder: Path) -> set[str]:
    return {str(trial_id) for trial_id in episode_table(folder)["trial_id"].to_pylist()}


async def _keep(store: Store, batch: Sequence[Episode]) -> None:
    async with anyio.create_task_group() as tasks:
        for episode in batch:
            tasks.start_soon(store.episode, episode)
