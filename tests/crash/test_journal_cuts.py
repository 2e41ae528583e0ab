"""A results folder as a crash, a cut or a changed byte leaves it: recovered, or one clear error."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import anyio
import pytest

from stormproof.domain.episodes import Episode
from stormproof.errors import StoreCorrupt
from stormproof.store import Header, StorageFormat, open_store, read_episodes, repair
from stormproof.store.folder import Store
from stormproof.store.recovery import Opened, open_folder
from stormproof.testing.records import a_trial, a_turn, an_episode

HEADER = Header(suite="1", seed=0)
TAIL = 4096
EVERY = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])


def planned(count: int = 4) -> list[Episode]:
    """Episodes of 1, 2, 3 … turns; the last but one died of infrastructure."""
    made = [an_episode(a_trial(n), [a_turn(i) for i in range(n + 1)]) for n in range(count)]
    last = made[-2]
    return [*made[:-2], an_episode(last.trial, last.turns, "infrastructure"), made[-1]]


def by_id(episodes: Sequence[Episode]) -> dict[str, Episode]:
    found = {e.trial.trial_id: e for e in episodes}
    assert len(found) == len(episodes), "a trial is doubled"
    return found


async def finish(folder: Path, episodes: Sequence[Episode], form: StorageFormat = "json") -> int:
    """Run what is missing as the runner does; gives the number of model calls it took."""
    calls = 0
    async with open_store(folder, HEADER, storage_format=form, in_batches=True) as store:
        for episode in remaining(store, episodes):
            calls += await run(store, episode)
    return calls


def remaining(store: Store, episodes: Sequence[Episode]) -> list[Episode]:
    finished = store.take_finished()
    return [episode for episode in episodes if episode.trial.trial_id not in finished]


async def run(store: Store, episode: Episode) -> int:
    trial_id = episode.trial.trial_id
    known = store.journalled(trial_id)
    assert known == episode.turns[: len(known)]
    for turn in episode.turns[len(known) :]:
        await store.turn(trial_id, turn)
    await store.episode(episode)
    return len(episode.turns) - len(known)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _fd: None)  # thousands of openings


@pytest.fixture
def journal(tmp_path: Path, quick: None) -> Path:
    """A journal of some kilobytes in a folder that nobody closed in peace."""
    del quick

    async def run_and_die() -> None:
        async with open_store(tmp_path / "r", HEADER) as store:
            for episode in planned():
                await run(store, episode)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        anyio.run(run_and_die)
    return tmp_path / "r" / "journal-000001.jsonl"


def opened(folder: Path) -> Opened:
    """Open as a run does, look, and give the folder free."""
    found = open_folder(folder, HEADER)
    found.writer.close()
    os.close(found.samples)
    found.lock.release()
    return found


def saved(found: Opened) -> int:
    """How many turns and episodes the log stands on."""
    return sum(
        len(entry.turns) + (entry.episode is not None)
        for entry in found.writer.log.entries.values()
    )


@EVERY
def test_cut_at_every_byte_of_the_tail(journal: Path, step: int) -> None:
    data = journal.read_bytes()
    ends = [i + 1 for i, byte in enumerate(data) if byte == ord("\n")][1:]  # after the header
    assert len(data) > TAIL
    for cut in range(len(data), len(data) - TAIL, -step):
        journal.write_bytes(data[:cut])
        found = opened(journal.parent)
        whole = sum(end - 1 <= cut for end in ends)  # the line break alone is no loss
        assert saved(found) == whole
        kept = journal.read_bytes()
        aside = b"".join(p.read_bytes() for p in journal.parent.glob("*.damaged"))
        assert (kept + aside).startswith(data[:cut])
        assert bool(found.notices) == (cut not in ends and cut > ends[0])
        for path in journal.parent.glob("*.damaged"):
            path.unlink()


@EVERY
def test_every_byte_of_the_tail_changed(journal: Path, step: int) -> None:
    data = journal.read_bytes()
    wanted = by_id(planned())
    rng = random.Random(5)
    sound = saved(opened(journal.parent))
    for at in range(len(data) - 1, len(data) - TAIL, -step):
        other = rng.choice([c for c in (0, 10, 34, 48, rng.randrange(256)) if c != data[at]])
        journal.write_bytes(data[:at] + bytes([other]) + data[at + 1 :])
        if at == len(data) - 1:
            assert saved(opened(journal.parent)) == sound
            continue
        with pytest.raises(StoreCorrupt, match=r"line \d+") as raised:
            opened(journal.parent)
        assert f"stormproof repair {journal.parent}" in raised.value.hint
        (said,) = repair(journal.parent)
        assert "journal-000001.jsonl.1.damaged" in said
        aside = journal.with_name("journal-000001.jsonl.1.damaged")
        assert aside.read_bytes()[at] == other
        aside.unlink()
        assert saved(opened(journal.parent)) < sound
        assert all(wanted[e.trial.trial_id] == e for e in read_episodes(journal.parent))


@pytest.mark.parametrize("at", [-200, -1500, 700])
def test_a_repaired_folder_is_finished_as_if_nothing_had_been(journal: Path, at: int) -> None:
    data = bytearray(journal.read_bytes())
    data[at] ^= 8
    journal.write_bytes(data)
    repair(journal.parent)
    assert repair(journal.parent) == ()
    calls = anyio.run(finish, journal.parent, planned())
    assert calls < sum(len(e.turns) for e in planned())
    assert by_id(list(read_episodes(journal.parent))) == by_id(planned())


class Killed:
    """Keeps a copy of the folder before and after every step that touches the disk."""

    def __init__(self, folder: Path, copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._copies = folder, copies
        self.count = 0
        for owner, name in (
            (os, "fsync"),
            (os, "write"),
            (os, "ftruncate"),
            (Path, "rename"),
            (Path, "unlink"),
        ):
            monkeypatch.setattr(owner, name, self._watched(getattr(owner, name)))

    def _watched(self, step: Callable[..., object]) -> Callable[..., object]:
        def watched(*arguments: object, **named: object) -> object:
            self._copy()
            result = step(*arguments, **named)
            self._copy()
            return result

        return watched

    def _copy(self) -> None:
        if self._folder.exists():
            shutil.copytree(self._folder, self._copies / f"{self.count:05d}")
            self.count += 1

    def folders(self) -> Iterator[Path]:
        yield from sorted(self._copies.iterdir())


class PowerLost:
    """Keeps the folder as a merciless disk would: what no fsync covered is gone.

    A file's bytes are those of its own last fsync; a name is there, or gone, as of its folder's.
    """

    def __init__(self, folder: Path, copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._copies = folder, copies
        self._bytes: dict[int, bytes] = {}
        self._names: dict[Path, dict[str, int | None]] = {}  # None: a folder
        self._held: list[int] = []  # so that no inode number is given out twice
        self._fsync = os.fsync
        self.count = 0
        monkeypatch.setattr(os, "fsync", self._watched)

    def _watched(self, fd: int) -> None:
        self._fsync(fd)
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if path.is_dir():
            found = [*path.iterdir()]
            self._names[path] = {p.name: None if p.is_dir() else self._inode(p) for p in found}
        else:
            self._bytes[self._inode(Path(f"/proc/self/fd/{fd}"))] = path.read_bytes()
        self._copy(self._folder, self._copies / f"{self.count:05d}")
        self.count += 1

    def _inode(self, path: Path) -> int:
        self._held.append(os.open(path, os.O_RDONLY))
        return os.fstat(self._held[-1]).st_ino

    def _copy(self, folder: Path, to: Path) -> None:
        to.mkdir()
        if self._folder.name not in self._names.get(self._folder.parent, {}):
            return
        for name, inode in self._names.get(folder, {}).items():
            if inode is None:
                self._copy(folder / name, to / name)
            else:
                (to / name).write_bytes(self._bytes.get(inode, b""))

    def folders(self) -> Iterator[Path]:
        for fd in self._held:
            os.close(fd)
        yield from sorted(self._copies.iterdir())


@pytest.mark.parametrize("end", [Killed, PowerLost])
@pytest.mark.parametrize("form", ["json", "parquet"])
def test_ended_at_every_step_of_a_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: StorageFormat,
    end: type[Killed | PowerLost],
) -> None:
    """Two runs with seals on the way: whatever step is the last, nothing is lost or paid twice."""
    acknowledged: list[tuple[int, int, int]] = []  # copies made, turns, episodes acknowledged
    copies = tmp_path / "copies"
    copies.mkdir()

    async def run_all() -> None:
        turns = episodes = 0
        for _ in range(2):
            async with open_store(tmp_path / "r", HEADER, storage_format=form, seal_at=2) as store:
                for episode in remaining(store, planned(5))[:3]:
                    turns += await run(store, episode)
                    episodes += 1
                    acknowledged.append((killed.count, turns, episodes))

    with monkeypatch.context() as patch:
        killed = end(tmp_path / "r", copies, patch)
        anyio.run(run_all)
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    wanted = by_id(planned(5))
    total = sum(len(e.turns) for e in wanted.values())
    for number, folder in enumerate(killed.folders()):
        calls = anyio.run(finish, folder, planned(5), form)
        paid = max((turns for made, turns, _ in acknowledged if made <= number), default=0)
        assert calls <= total - paid, f"paid twice after step {number}"
        assert by_id(list(read_episodes(folder))) == wanted
    assert killed.count > 40
