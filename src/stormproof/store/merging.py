"""Several results folders into one: one record for each trial, and nothing that none of them has.

Of a trial's records a final one stands before `infrastructure`, and that before turns alone. Of
two final ones the earlier stands; of two that are to be run again, the one with more turns that
are paid for. The target is one of the folders, so that a merge that was cut short goes on, and
merging once more changes nothing.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
from msgspec import Struct

from stormproof.domain.episodes import Outcome, Score
from stormproof.errors import PlanMismatch
from stormproof.store.disk import store_errors, write_whole
from stormproof.store.header import Header, append_run, differences, read_header, read_runs
from stormproof.store.journal import JournalWriter, PendingLine, pending
from stormproof.store.parts import (
    RawEpisode,
    SealedPart,
    StorageFormat,
    raw_episode,
    read_rows,
    turns_of,
    write_part,
)
from stormproof.store.reading import Snapshot, snapshot
from stormproof.store.record_lines import EpisodeRecord, decode
from stormproof.store.recovery import SAMPLES_FILE, open_folder
from stormproof.store.sealing import remove_journals
from stormproof.store.spans import SpanReader

SOURCE_SAMPLES = "pool"  # the folder of what the sources' samples say, a file for each source


class Contradiction(Struct, frozen=True):
    """A trial with two final records that say different things; the one of `kept` stands."""

    trial_id: str
    kept: str
    other: str

    def __str__(self) -> str:
        return f"trial {self.trial_id} is scored differently in {self.kept} (kept) and {self.other}"


class Merged(Struct, frozen=True):
    """What the target holds now. `taken` counts the records that came from each source."""

    trials: int
    outcomes: dict[str, int]
    unfinished: int
    taken: dict[str, int]
    contradictions: tuple[Contradiction, ...]


class _Record(NamedTuple):
    """A trial's record in one folder, whose number is `place`; `turns` are paid for."""

    place: int
    outcome: Outcome
    score: Score | None
    ended_at: float
    turns: int

    @property
    def is_final(self) -> bool:
        return self.outcome != "infrastructure"

    @property
    def rank(self) -> tuple[bool, float, float, int]:
        """The least stands."""
        turns = 0 if self.is_final else -self.turns
        return not self.is_final, turns, self.ended_at, self.place


def merge(
    sources: Sequence[Path], target: Path, *, storage_format: StorageFormat = "parquet"
) -> Merged:
    """Put the sources' records into `target`, which may be new, and may be one of them.

    Blocking. A source may be unfinished, of either format, or being written. Raises PlanMismatch
    where they are not of one suite and seed, StoreError and its kinds.
    """
    others = [source for source in sources if source.resolve() != target.resolve()]
    header = _common_header([*sources])
    opened = open_folder(target, header)
    try:
        with ExitStack() as stack:
            views = [stack.enter_context(snapshot(folder)) for folder in (target, *others)]
            standing, contradictions = _standing(views, [str(f) for f in (target, *others)])
            longest = _longest(views, standing)
            _take_in_episodes(target, opened.writer, views, standing, storage_format)
            replaced = {trial_id for trial_id, record in standing.items() if record.place}
            _take_in_turns(opened.writer, views, longest, replaced)
        _take_in_runs(target, others)
        _take_in_samples(target, others)
    finally:
        opened.writer.close()
        os.close(opened.samples)
        opened.lock.release()
    places = Counter(record.place for record in standing.values())
    return Merged(
        trials=len(standing) + len(longest.keys() - standing.keys()),
        outcomes=dict(Counter(record.outcome for record in standing.values())),
        unfinished=len(longest),
        taken={str(folder): places[n] for n, folder in enumerate(others, start=1)},
        contradictions=contradictions,
    )


def _common_header(sources: Sequence[Path]) -> Header:
    first, *others = ((source, read_header(source)) for source in sources)
    for source, header in others:
        if why := differences(first[1], f"in {first[0]}", header, f"in {source}"):
            raise PlanMismatch(
                f"these results cannot be put together: {'; '.join(why)}",
                hint="merge folders of one suite version and one seed",
            )
    return first[1]


# --- which record stands -------------------------------------------------------------------


def _standing(
    views: Sequence[Snapshot], names: Sequence[str]
) -> tuple[dict[str, _Record], tuple[Contradiction, ...]]:
    """The record of each trial that has ended anywhere, and where final ones disagree."""
    standing: dict[str, _Record] = {}
    disagreeing: dict[str, list[_Record]] = {}
    for place, view in enumerate(views):
        for note, raw in view.episodes():
            episode = decode(raw, EpisodeRecord).episode
            found = _Record(place, episode.outcome, episode.score, episode.ended_at, note.at)
            known = standing.setdefault(note.trial_id, found)
            if known.is_final and found.is_final and known[1:3] != found[1:3]:
                disagreeing.setdefault(note.trial_id, [known]).append(found)
            standing[note.trial_id] = min(known, found, key=lambda record: record.rank)
    return standing, tuple(
        Contradiction(trial_id, names[standing[trial_id].place], names[record.place])
        for trial_id, records in disagreeing.items()
        for record in records
        if record[1:3] != standing[trial_id][1:3]
    )


def _longest(views: Sequence[Snapshot], standing: dict[str, _Record]) -> dict[str, tuple[int, int]]:
    """Of trials to be run again that are under way with more turns than ended: (place, turns)."""
    longest: dict[str, tuple[int, int]] = {}
    for place, view in enumerate(views):
        for trial_id, turns in view.open_turns():
            ended = standing.get(trial_id)
            known = longest.get(trial_id, (0, ended.turns if ended else 0))[1]
            if len(turns) > known and not (ended and ended.is_final):
                longest[trial_id] = (place, len(turns))
    return longest


# --- taking them in ------------------------------------------------------------------------


def _take_in_episodes(
    target: Path,
    writer: JournalWriter,
    views: Sequence[Snapshot],
    standing: dict[str, _Record],
    form: StorageFormat,
) -> None:
    """A part of the target for each part of a source, so that memory does not grow with either.

    What the target's journals speak of goes through them: they come before any part.
    """
    spoken_of = set(writer.log.entries)
    for place, view in enumerate(views[1:], start=1):
        chosen = {trial_id for trial_id, record in standing.items() if record.place == place}
        for row in view.rows(chosen & spoken_of):
            writer.append(_lines(row))
        new = chosen - spoken_of
        for part, own, _ in view.sealed():
            if own & new:
                _add_part(target, writer, form, partial(_rows, part, own & new))
        entries = [entry for trial_id, entry in view.entries.items() if trial_id in new]
        if entries:
            _add_part(target, writer, form, partial(map, view.row, entries))
    if writer.log.settled:
        _add_part(target, writer, form, lambda: ())


def _add_part(
    target: Path,
    writer: JournalWriter,
    form: StorageFormat,
    rows: Callable[[], Iterable[RawEpisode]],
) -> None:
    """Seal the rows, and with them what has settled in the target's journals."""
    settled = writer.rotate()
    with SpanReader(target) as reader:
        own = [raw_episode(reader, entry) for entry in settled.values()]
    write_part(
        target,
        writer.number - 1,
        form,
        turns=turns_of(chain(own, rows())),
        episodes=(row.episode for row in chain(own, rows())),
    )
    remove_journals(target, below=writer.number)


def _take_in_turns(
    writer: JournalWriter,
    views: Sequence[Snapshot],
    longest: dict[str, tuple[int, int]],
    replaced: Collection[str],
) -> None:
    """Turns of trials that are under way: the target goes on from them.

    Its own, too, where they were `replaced` by those of another's end that came with fewer.
    """
    for place, view in enumerate(views):
        for trial_id, turns in view.open_turns():
            is_new = place or trial_id in replaced
            if is_new and longest.get(trial_id) == (place, len(turns)):
                writer.append([*map(pending, turns)])


def _rows(part: SealedPart, chosen: Collection[str]) -> Iterator[RawEpisode]:
    return (row for note, row in read_rows(part) if note.trial_id in chosen)


def _lines(row: RawEpisode) -> list[PendingLine]:
    return [*map(pending, row.turns), pending(row.episode)]


def _take_in_runs(target: Path, sources: Sequence[Path]) -> None:
    """What was asked for in each: together they say what is planned here."""
    known = set(map(msgspec.json.encode, read_runs(target)))
    for run in chain.from_iterable(map(read_runs, sources)):
        if (record := msgspec.json.encode(run)) not in known:
            append_run(target, run)
            known.add(record)


def _take_in_samples(target: Path, sources: Sequence[Path]) -> None:
    """Copies, apart by source: what two machines saw of an endpoint is no series of one."""
    for source, name in zip(sources, _names(sources), strict=True):
        found = [(source / SAMPLES_FILE, name)]
        earlier = sorted((source / SOURCE_SAMPLES).glob("*.jsonl"))
        found += [(path, f"{name}-{path.stem}") for path in earlier]
        for path, stem in found:
            if path.exists() and path.stat().st_size:
                with store_errors("make", target / SOURCE_SAMPLES):
                    (target / SOURCE_SAMPLES).mkdir(exist_ok=True)
                with store_errors("copy", path), path.open("rb") as file:
                    write_whole(target / SOURCE_SAMPLES / f"{stem}.jsonl", _copied(file))


def _copied(file: BinaryIO) -> Callable[[BinaryIO], object]:
    return lambda copy: shutil.copyfileobj(file, copy)


def _names(sources: Sequence[Path]) -> list[str]:
    """Each folder's own name; the whole path for those whose name comes twice."""
    paths = [source.resolve() for source in sources]
    uses = Counter(path.name for path in paths)
    return [p.name if uses[p.name] == 1 else "-".join(p.parts[1:]) for p in paths]
