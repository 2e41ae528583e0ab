from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import anyio
import pytest

from stormproof.errors import StoreCorrupt, StoreError
from stormproof.store import Header, open_store, read_episodes, repair
from stormproof.store.record_lines import to_line
from stormproof.store.recovery import FolderLock, Holder, _may_live, _this_process
from stormproof.testing.records import a_trial, a_turn, an_episode

HEADER = Header(suite="1", seed=0)


def test_who_may_still_live(tmp_path: Path) -> None:
    us = _this_process()
    assert _may_live(us)
    assert not _may_live(Holder(us.pid, us.host, "1"))  # the pid was given to somebody else
    assert not _may_live(Holder(2**22 + 1, us.host, us.started))
    assert _may_live(Holder(1, "another-machine", "1"))
    lock = FolderLock(tmp_path)
    assert (tmp_path / "lock").read_text().startswith(f'{{"pid":{us.pid}')
    lock.release()
    assert (tmp_path / "lock").read_text() == ""


def test_a_lock_that_cannot_be_written_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_fd: int, _size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    lock = FolderLock(tmp_path)
    monkeypatch.setattr(os, "ftruncate", fails)
    lock.release()
    with pytest.raises(StoreError, match=r"cannot write .*lock: Input/output error") as raised:
        FolderLock(tmp_path)
    assert "the disk fails" in raised.value.hint
    monkeypatch.undo()
    FolderLock(tmp_path).release()  # nobody holds it


def ended(folder: Path, *numbers: int, turns: int = 1) -> Path:
    """A folder with a part of these trials."""

    async def run() -> None:
        async with open_store(folder, HEADER) as store:
            for trial in map(a_trial, numbers):
                await store.episode(an_episode(trial, [*map(a_turn, range(turns))]))

    anyio.run(run)
    return folder


def killed(folder: Path, *numbers: int) -> Path:
    """A folder with a journal of these trials, of which the last goes on."""

    async def run() -> None:
        async with open_store(folder, HEADER) as store:
            for trial in map(a_trial, numbers[:-1]):
                await store.episode(an_episode(trial, [a_turn(0)]))
            await store.turn(a_trial(numbers[-1]).trial_id, a_turn(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        anyio.run(run)
    return folder


def test_a_journal_of_another_folder_beside_a_part_of_its_number(tmp_path: Path) -> None:
    folder = ended(tmp_path / "a", 0, 1)
    journal = killed(tmp_path / "b", 2, 3) / "journal-000001.jsonl"
    shutil.copy(journal, folder)
    assert {e.trial for e in read_episodes(folder)} == {*map(a_trial, range(3))}

    async def look() -> tuple[set[str], int, tuple[str, ...]]:
        async with open_store(folder, HEADER) as store:
            begun = len(store.journalled(a_trial(3).trial_id))
            return store.take_finished(), begun, store.notices

    finished, begun, notices = anyio.run(look)
    assert finished == {a_trial(n).trial_id for n in range(3)}
    assert begun == 1
    assert notices == (
        "journal-000001.jsonl holds what no part does (of another folder?): taken in",
    )
    assert anyio.run(look) == (finished, begun, ())
    shutil.copy(journal, folder)  # now a part has its trial that ended, and a journal the other
    assert anyio.run(look) == (finished, begun, ())
    assert not (folder / journal.name).exists()


def test_a_trial_that_a_part_and_a_journal_tell_in_two_ways(tmp_path: Path) -> None:
    folder = ended(tmp_path / "a", 0, turns=2)
    shutil.copy(killed(tmp_path / "b", 0, 1) / "journal-000001.jsonl", folder)
    for look in (lambda: ended(folder), lambda: [*read_episodes(folder)]):
        with pytest.raises(StoreCorrupt, match=r"journal-000001.jsonl and .* in two ways") as told:
            look()
        assert "a folder of its own, with a copy of header.json" in told.value.hint


def test_a_trial_that_two_journals_tell_in_two_ways(tmp_path: Path) -> None:
    folder = killed(tmp_path / "a", 0, 1)
    journal = folder / "journal-000001.jsonl"
    other = journal.read_bytes().replace(b"turn 0", b"turn one")
    lines = [to_line(line[27:-2]) for line in other.splitlines(keepends=True)]
    (folder / "journal-000002.jsonl").write_bytes(b"".join(lines))
    with pytest.raises(StoreCorrupt, match=r"000002.* journal-000001.jsonl tells trial .* another"):
        ended(folder)
    (said,) = repair(folder)
    assert "2 lines were saved, 2 were not" in said
    assert {e.trial for e in read_episodes(ended(folder, 2))} == {a_trial(0), a_trial(2)}


class FailingDisk:
    """From the given fsync of a journal on: error, and what was under way never arrives."""

    def __init__(self, sound: int) -> None:
        self._left = sound
        self._fsync = os.fsync
        self._arrived: dict[str, int] = {}

    def fsync(self, fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if path.suffix != ".jsonl":
            self._fsync(fd)
        elif self._left:
            self._left -= 1
            self._fsync(fd)
            self._arrived[str(path)] = path.stat().st_size
        else:
            with path.open("rb+") as file:
                lost = path.stat().st_size - file.seek(self._arrived.get(str(path), 0))
                file.write(bytes(lost))
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks /proc for a file's name")
@pytest.mark.parametrize("sound", [1, 2, 5, 9])
def test_after_a_failed_fsync_nothing_rests_on_the_page_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: int
) -> None:
    turns = [a_turn(0), a_turn(1)]
    acknowledged: list[str] = []

    async def go_on() -> None:
        async with open_store(tmp_path, HEADER) as store:
            monkeypatch.setattr(os, "fsync", FailingDisk(sound).fsync)
            for trial in map(a_trial, range(10)):
                await store.turn(trial.trial_id, turns[0])
                await store.turn(trial.trial_id, turns[1])
                await store.episode(an_episode(trial, turns))
                acknowledged.append(trial.trial_id)

    with pytest.raises(StoreError, match="Input/output error"):
        anyio.run(go_on)
    monkeypatch.undo()

    async def look() -> tuple[set[str], int, tuple[str, ...]]:
        async with open_store(tmp_path, HEADER) as store:
            begun = len(store.journalled(a_trial(len(acknowledged)).trial_id))
            return store.take_finished(), begun, store.notices

    finished, begun, notices = anyio.run(look)
    assert finished == set(acknowledged)
    assert 3 * len(acknowledged) + begun == sound
    assert "the last run could not go on: cannot write" in notices[0]
    assert f"read from the disk again: {1 + sound} lines check out" in notices[1]
    assert "unfinished last line" in notices[2]
    assert {e.trial.trial_id for e in read_episodes(tmp_path)} == finished
    assert anyio.run(look)[2] == ()
