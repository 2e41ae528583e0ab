"""Which sealed parts a folder has, and which file of turns belongs to which of episodes.

A number is one part's, unless the files of two folders were put into one: then each file of
episodes has the turns that it names, and all are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from stormproof.errors import StoreCorrupt
from stormproof.store.parts import (
    EPISODES,
    TURNS,
    SealedPart,
    file_records,
    is_sound,
    number_in,
    of_files,
)
from stormproof.store.record_lines import Note


def list_parts(folder: Path) -> list[SealedPart]:
    """All parts whose episodes are in place, by number."""
    return [part for part in list_files(folder) if part.episodes is not None]


def list_files(folder: Path) -> list[SealedPart]:
    """All parts, those also that lack one of their files, by number.

    Raises StoreCorrupt where parts of one number say different things of a trial.
    """
    found: dict[int, tuple[list[Path], list[Path]]] = {}
    for place, kind in enumerate((EPISODES, TURNS)):
        for path in sorted((folder / kind).glob("part-*")):
            number = number_in(path)
            if number is not None:
                found.setdefault(number, ([], []))[place].append(path)
    return [part for number, files in sorted(found.items()) for part in _parts(number, *files)]


def numbers_met_twice(parts: Iterable[SealedPart]) -> list[int]:
    """Numbers that several parts have, ascending."""
    times = Counter(part.number for part in parts)
    return sorted(number for number, count in times.items() if count > 1)


def _parts(number: int, episodes: list[Path], turns: list[Path]) -> list[SealedPart]:
    episodes, turns = _sound(episodes), _sound(turns)
    if len(episodes) > 1 or len(turns) > 1:
        return _matched(number, episodes, turns)
    return [of_files(number, episodes[0] if episodes else None, turns[0] if turns else None)]


def _sound(paths: list[Path]) -> list[Path]:
    """Without damaged files that stand beside sound ones: what a repair cut short may leave."""
    if len(paths) < 2:  # noqa: PLR2004  the usual case, whose checksum is seen to when it is read
        return paths
    return [path for path in paths if is_sound(path)] or paths[-1:]


def _matched(number: int, episodes: list[Path], turns: list[Path]) -> list[SealedPart]:
    """Each file of episodes with that of its turns; what stands alone is half a part."""
    parts: list[SealedPart] = []
    left = {path: [note.place for note, _ in file_records(path)] for path in turns}
    standing: dict[str, tuple[Path, bytes]] = {}
    for path in episodes:
        found = list(file_records(path))
        own = _turns_of([note for note, _ in found], path.suffix, left)
        if own is not None:
            del left[own]
        parts.append(of_files(number, path, own))
        for note, record in found:
            other, known = standing.setdefault(note.trial_id, (path, record))
            if known != record:
                raise _contradiction(note.trial_id, other, path)
    return [*parts, *(of_files(number, None, path) for path in left)]


def _turns_of(
    notes: list[Note], suffix: str, left: dict[Path, list[tuple[str, int]]]
) -> Path | None:
    wanted = [(note.trial_id, index) for note in notes for index in range(note.at)]
    return next((p for p, turns in left.items() if p.suffix == suffix and turns == wanted), None)


def _contradiction(trial_id: str, one: Path, other: Path) -> StoreCorrupt:
    return StoreCorrupt(
        f"{one} and {other.name} have one number, and trial {trial_id} is another in each",
        hint="give each its own folder again, then put the two together: stormproof merge",
    )
