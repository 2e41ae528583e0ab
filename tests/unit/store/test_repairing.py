from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import get_args

import anyio
import pytest

from stormproof.domain.episodes import Episode, Turn
from stormproof.errors import StoreCorrupt, StoreError, StoreLocked
from stormproof.store import (
    Header,
    StorageFormat,
    episode_table,
    open_store,
    read_episodes,
    read_header,
    read_runs,
    repair,
)
from stormproof.testing.records import a_trial, a_turn, an_episode

HEADER = Header(suite="1", seed=0)
EPISODES = [an_episode(a_trial(n), [a_turn(0), a_turn(1)]) for n in range(12)]
FORMATS = pytest.mark.parametrize("form", get_args(StorageFormat))


async def store_all(folder: Path, form: StorageFormat, episodes: Sequence[Episode]) -> set[str]:
    async with open_store(folder, HEADER, storage_format=form) as store:
        before = store.take_finished()
        for episode in episodes:
            if episode.trial.trial_id not in before:
                await store.episode(episode)
        return before


@pytest.fixture(params=get_args(StorageFormat))
def sealed(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, StorageFormat]:
    """A folder with two parts of six episodes."""
    for half in (EPISODES[:6], EPISODES[6:]):
        anyio.run(store_all, tmp_path / "r", request.param, half)
    return tmp_path / "r", request.param


def change(path: Path, at: int, bits: int = 255) -> bytes:
    """Change one byte; gives what stood there before, all of it."""
    before = path.read_bytes()
    at %= len(before)
    path.write_bytes(before[:at] + bytes([before[at] ^ bits]) + before[at + 1 :])
    return before


def by_trial(episodes: Iterable[Episode]) -> dict[str, Episode]:
    return {episode.trial.trial_id: episode for episode in episodes}


def copies(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.rglob("*.damaged")}


@pytest.mark.parametrize("kind", ["episodes", "turns"])
def test_a_damaged_part_is_named_saved_and_run_again(
    sealed: tuple[Path, StorageFormat], kind: str
) -> None:
    folder, form = sealed
    rng = random.Random(1)
    for _ in range(12):
        part = min((folder / kind).glob("part-000001-*[tl]"))
        change(part, rng.randrange(part.stat().st_size))
        damaged = part.read_bytes()
        with pytest.raises(StoreCorrupt, match=part.name) as raised:
            list(read_episodes(folder))
        assert f"stormproof repair {folder}" in raised.value.hint
        assert repair(folder) != ()
        assert damaged in copies(folder)
        assert repair(folder) == ()
        assert all(e in EPISODES for e in read_episodes(folder))
        anyio.run(store_all, folder, form, EPISODES)
        found = list(read_episodes(folder))
        assert sorted(found, key=str) == sorted(EPISODES, key=str)
        assert episode_table(folder).num_rows == len(EPISODES)
        if not list((folder / kind).glob("part-000001-*[tl]")):
            break  # nothing of the part could be saved


def test_one_bad_line_of_a_json_part_costs_one_episode(tmp_path: Path) -> None:
    anyio.run(store_all, tmp_path, "json", EPISODES)
    (turns,) = (tmp_path / "turns").iterdir()
    change(turns, turns.stat().st_size // 2, bits=1)
    with pytest.raises(StoreCorrupt, match="checksum"):
        list(read_episodes(tmp_path))
    damaged = turns.read_bytes()
    (said,) = repair(tmp_path)
    assert "11 episodes were saved, 1 were not" in said
    assert damaged in copies(tmp_path)
    assert len(anyio.run(store_all, tmp_path, "json", EPISODES)) == 11
    assert len(list(read_episodes(tmp_path))) == 12


@pytest.mark.parametrize("kind", ["episodes", "turns"])
def test_a_part_that_lost_its_other_half(sealed: tuple[Path, StorageFormat], kind: str) -> None:
    folder, form = sealed
    lost = max((folder / kind).iterdir())
    lost.unlink()
    with pytest.raises(StoreCorrupt, match=f"the file of {kind} that belongs to it is missing"):
        anyio.run(store_all, folder, form, ())
    (said,) = repair(folder)
    assert "0 episodes were saved, 6 were not" in said
    assert len(copies(folder)) == 1
    assert len(anyio.run(store_all, folder, form, EPISODES)) == 6
    assert len(list(read_episodes(folder))) == 12


def test_a_header_is_rebuilt_from_a_journal(sealed: tuple[Path, StorageFormat]) -> None:
    folder, _ = sealed
    path = folder / "header.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    with pytest.raises(StoreCorrupt, match=r"header\.json cannot be read"):
        read_header(folder)
    (said,) = repair(folder)
    assert "header.json.1.damaged" in said
    assert path.read_bytes() == whole
    path.unlink()
    with pytest.raises(StoreCorrupt, match="holds results but no header"):
        anyio.run(store_all, folder, "json", ())
    assert repair(folder) == ("header.json: was missing, rebuilt from a journal",)
    assert read_header(folder) == HEADER


def test_where_there_is_nothing_to_build_upon(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"neither a readable header\.json"):
        repair(tmp_path)
    assert list(tmp_path.iterdir()) == [] or [p.name for p in tmp_path.iterdir()] == ["lock"]
    with pytest.raises(StoreError, match="is no folder"):
        repair(tmp_path / "none")


def test_a_run_under_way_is_left_alone(tmp_path: Path) -> None:
    async def repair_meanwhile() -> None:
        async with open_store(tmp_path, HEADER):
            repair(tmp_path)

    with pytest.raises(StoreLocked):
        anyio.run(repair_meanwhile)


def test_a_sound_folder_is_left_as_it_is(sealed: tuple[Path, StorageFormat]) -> None:
    folder, _ = sealed
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert repair(folder) == ()
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("damaged", range(6))
def test_of_a_replaced_turn_the_latest_sound_line_counts(tmp_path: Path, damaged: int) -> None:
    trial = a_trial()
    made = [a_turn(0), a_turn(1), a_turn(2), a_turn(1, query="anew"), a_turn(2)]

    async def store_and_die() -> None:
        async with open_store(tmp_path, HEADER) as store:
            for turn in made[:4]:  # the store itself tells turn 2 again behind the new turn 1
                await store.turn(trial.trial_id, turn)

    async def kept() -> tuple[Turn, ...]:
        async with open_store(tmp_path, HEADER) as store:
            return store.journalled(trial.trial_id)

    anyio.run(store_and_die)
    (journal,) = tmp_path.glob("journal-*")
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + len(made)
    if damaged < len(made):
        lines[1 + damaged] = lines[1 + damaged].replace(b"turn", b"torn", 1)
        journal.write_bytes(b"".join(lines))
        assert len(repair(tmp_path)) == 1
    wanted: list[Turn] = []
    for turn in (turn for number, turn in enumerate(made) if number != damaged):
        if turn.index <= len(wanted):
            wanted[turn.index : turn.index + 1] = [turn]
    assert anyio.run(kept) == tuple(wanted)
    assert repair(tmp_path) == ()


async def run_and_break_off(folder: Path) -> None:
    """Two trials that have ended, one that is under way: all in a journal."""
    async with open_store(folder, HEADER) as store:
        for episode in EPISODES[:2]:
            for turn in episode.turns:
                await store.turn(episode.trial.trial_id, turn)
            await store.episode(episode)
        await store.turn(EPISODES[2].trial.trial_id, a_turn(0))
        await store.turn(EPISODES[2].trial.trial_id, a_turn(1))
        raise KeyboardInterrupt


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    with pytest.raises(KeyboardInterrupt):
        anyio.run(run_and_break_off, tmp_path / "r")
    return tmp_path / "r" / "journal-000001.jsonl"


def swapped(lines: list[bytes]) -> list[bytes]:
    """Every two neighbours but the header."""
    pairs = zip(lines[2::2], lines[1::2], strict=True)
    return [lines[0], *(line for pair in pairs for line in pair)]


EDITS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "CR LF": lambda lines: [line.replace(b"\n", b"\r\n") for line in lines],
    "a byte order mark": lambda lines: [b"\xef\xbb\xbf" + lines[0], *lines[1:]],
    "both": lambda lines: [b"\xef\xbb\xbf" + b"\r\n".join(map(bytes.rstrip, lines)) + b"\r\n"],
    "swapped": swapped,
    "backwards": lambda lines: [lines[0], *lines[:0:-1]],
    "doubled": lambda lines: [line for line in lines for _ in range(2)],
    "twice over": lambda lines: lines + lines,
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("hands", ["repair", "a run"])
def test_a_journal_that_went_through_other_hands_is_read_whole(
    journal: Path, edit: str, hands: str
) -> None:
    folder = journal.parent
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(EDITS[edit](lines)))
    assert by_trial(read_episodes(folder)) == by_trial(EPISODES[:2])
    if hands == "repair":
        said = repair(folder)
        assert all(" were saved, 0 were not" in line for line in said)
        assert repair(folder) == ()
        if said:
            assert sorted(journal.read_bytes().splitlines(keepends=True)) == sorted(lines)

    async def go_on() -> tuple[str, ...]:
        async with open_store(folder, HEADER) as store:
            assert store.take_finished() == {e.trial.trial_id for e in EPISODES[:2]}
            assert store.journalled(EPISODES[2].trial.trial_id) == (a_turn(0), a_turn(1))
            await store.episode(EPISODES[2])
            return store.notices

    notices = anyio.run(go_on)
    heals_itself = edit in {"doubled", "twice over"}  # a line may always be met twice
    assert bool(notices) == (hands == "a run" and not heals_itself)
    assert by_trial(read_episodes(folder)) == by_trial(EPISODES[:3])


def test_lines_that_wait_for_a_last_one_without_its_line_break(journal: Path) -> None:
    header, *lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes((header + b"".join(lines[::-1])).removesuffix(b"\n"))
    (said,) = repair(journal.parent)
    assert f"{1 + len(lines)} lines were saved, 0 were not" in said
    assert sorted(journal.read_bytes().splitlines(keepends=True)) == sorted([header, *lines])
    assert by_trial(read_episodes(journal.parent)) == by_trial(EPISODES[:2])


def test_other_line_ends_in_the_files_beside_the_journals(
    sealed: tuple[Path, StorageFormat],
) -> None:
    folder, form = sealed
    for name in ("header.json", "runs.jsonl"):
        (folder / "runs.jsonl").write_bytes(b'\n{"planned":1}')
        text = (folder / name).read_bytes()
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    assert read_header(folder) == HEADER
    assert [*read_runs(folder)] == [{"planned": 1}]
    if form == "json":  # its checksum is in its name
        (part,) = (folder / "turns").glob("part-000001-*")
        part.write_bytes(part.read_bytes().replace(b"\n", b"\r\n"))
        with pytest.raises(StoreCorrupt, match="checksum"):
            [*read_episodes(folder)]
        (said,) = repair(folder)
        assert "6 episodes were saved, 0 were not" in said
    assert sorted(read_episodes(folder), key=str) == sorted(EPISODES, key=str)
