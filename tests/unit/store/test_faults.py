"""The disk as it fails in life, in real processes: each time one clear error, and a way on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import anyio
import pytest

from stormproof.store import Header, open_store, read_episodes
from stormproof.testing.records import a_trial, a_turn, an_episode

HEADER = Header(suite="1", seed=0)
PREAMBLE = """
import os, resource, signal, sys, time
from pathlib import Path
import anyio
from stormproof.errors import StormproofError
from stormproof.store import Header, open_store
from stormproof.testing.records import a_trial, a_turn, an_episode
folder = Path(sys.argv[1])
HEADER = Header(suite="1", seed=0)

async def run_one(store, number):
    trial = a_trial(number)
    turns = [a_turn(i, text="x" * 200) for i in range(3)]
    for turn in turns[len(store.journalled(trial.trial_id)):]:
        await store.turn(trial.trial_id, turn)
    await store.episode(an_episode(trial, turns))
    print("acknowledged", trial.trial_id, flush=True)

def main(work):
    try:
        anyio.run(work)
    except StormproofError as error:
        print("error", type(error).__name__, error.message, "hint:", error.hint, flush=True)
        sys.exit(error.exit_code)
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    code = PREAMBLE + textwrap.dedent(script)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acknowledged(said: str) -> set[str]:
    return {line.split()[1] for line in said.splitlines() if line.startswith("acknowledged")}


async def reopen(folder: Path) -> set[str]:
    async with open_store(folder, HEADER) as store:
        return store.take_finished()


@pytest.mark.parametrize(("waiters", "room"), [(1, 100_000), (80, 400_000)])
def test_a_full_disk(tmp_path: Path, waiters: int, room: int) -> None:
    script = """
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
    async def work():
        async with open_store(folder, HEADER) as store:
            errors = []
            async def keep_on(first):
                for number in range(first, 10_000, int(sys.argv[2])):
                    try:
                        await run_one(store, number)
                    except StormproofError as error:
                        errors.append(error)
                        return
            async with anyio.create_task_group() as tasks:
                for first in range(int(sys.argv[2])):
                    tasks.start_soon(keep_on, first)
            assert len(errors) == int(sys.argv[2])
            raise errors[0]
    main(work)
    """
    process = python(script, tmp_path, waiters, room)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "error StoreError cannot write" in said
    assert "File too large hint: raise the limit" in said
    done = acknowledged(said)
    assert len(done) > 10
    assert done <= anyio.run(reopen, tmp_path)
    assert done <= {e.trial.trial_id for e in read_episodes(tmp_path)}


def test_a_full_disk_while_sealing_loses_nothing(tmp_path: Path) -> None:
    script = """
    async def work():
        async with open_store(folder, HEADER) as store:
            for number in range(20):
                await run_one(store, number)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
            await store.seal()
    main(work)
    """
    process = python(script, tmp_path)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert len(acknowledged(said)) == 20
    assert acknowledged(said) == anyio.run(reopen, tmp_path)
    assert not list(tmp_path.rglob("*.tmp"))
    assert not list(tmp_path.rglob("*.damaged"))


AS_SOMEBODY_ELSE = """
    async def work():
        os.setgid(65534), os.setuid(65534)
        async with open_store(folder, HEADER):
            pass
    main(work)
    """
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@needs_root
def test_a_read_only_folder(tmp_path: Path) -> None:
    for path in (tmp_path, *tmp_path.parents[:3]):  # as deep as pytest's own folders go
        if path.stat().st_uid == os.getuid() and path != Path(tempfile.gettempdir()):
            path.chmod(0o755)
    for place in (tmp_path, tmp_path / "below"):
        process = python(AS_SOMEBODY_ELSE, place)
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 3
        assert "Permission denied hint: choose a folder that can be written" in said


@needs_root
def test_a_folder_behind_a_closed_door(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    process = python(AS_SOMEBODY_ELSE, tmp_path / "below")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert "Permission denied" in said


def test_a_second_process_is_refused_and_a_killed_one_forgotten(tmp_path: Path) -> None:
    script = """
    async def work():
        async with open_store(folder, HEADER) as store:
            await run_one(store, int(sys.argv[2]))
            if sys.argv[3] == "stay":
                await anyio.sleep(60)
    main(work)
    """
    first = python(script, tmp_path, 1, "stay")
    assert first.stdout is not None
    done = acknowledged(first.stdout.readline())
    second = python(script, tmp_path, 2, "leave")
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 3
    assert f"StoreLocked {tmp_path} is in use by process {first.pid} on " in said
    first.send_signal(signal.SIGKILL)
    first.communicate()
    third = python(script, tmp_path, 3, "leave")
    said, _ = third.communicate(timeout=30)
    assert third.returncode == 0
    assert anyio.run(reopen, tmp_path) == done | acknowledged(said)


def test_killed_in_the_middle_of_everything(tmp_path: Path) -> None:
    script = """
    async def work():
        async with open_store(folder, HEADER, seal_at=7) as store:
            finished = store.take_finished()
            async with anyio.create_task_group() as tasks:
                async def keep_on(first):
                    for number in range(first, 100_000, 20):
                        if a_trial(number).trial_id not in finished:
                            await run_one(store, number)
                for first in range(20):
                    tasks.start_soon(keep_on, first)
    main(work)
    """
    done: set[str] = set()
    for number in range(4):
        process = python(script, tmp_path)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(0.1 + 0.07 * number)
        process.kill()
        done |= acknowledged(first + process.communicate()[0])
        found = [e.trial.trial_id for e in read_episodes(tmp_path)]
        assert len(found) == len(set(found))
        assert done <= set(found)
    assert done <= anyio.run(reopen, tmp_path)
    assert len(done) > 50


def test_readers_see_whole_episodes_while_a_run_writes_and_seals(tmp_path: Path) -> None:
    async def write_and_read() -> int:
        looks = 0
        acknowledged: set[str] = set()
        async with open_store(tmp_path, HEADER, seal_at=5) as store:

            async def write() -> None:
                for number in range(60):
                    await store.episode(an_episode(a_trial(number), [a_turn(0), a_turn(1)]))
                    acknowledged.add(a_trial(number).trial_id)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write)
                while len(acknowledged) < 60:
                    before = acknowledged.copy()
                    found = await anyio.to_thread.run_sync(lambda: list(read_episodes(tmp_path)))
                    ids = [e.trial.trial_id for e in found]
                    assert len(ids) == len(set(ids))
                    assert before <= set(ids)
                    assert all(len(e.turns) == 2 for e in found)
                    looks += 1
        return looks

    assert anyio.run(write_and_read) > 3


def test_a_slow_disk_does_not_hold_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = 0

    def slow(_fd: int) -> None:
        nonlocal groups
        groups += 1
        time.sleep(0.1)

    async def measure() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await anyio.sleep(0.005)
                ticks += 1

        async with open_store(tmp_path, HEADER) as store, anyio.create_task_group() as clock:
            monkeypatch.setattr(os, "fsync", slow)
            clock.start_soon(tick)
            async with anyio.create_task_group() as tasks:
                for number in range(60):
                    tasks.start_soon(store.turn, a_trial(number).trial_id, a_turn(0))
            clock.cancel_scope.cancel()
        return ticks

    assert anyio.run(measure) > 10  # the loop went on while the disk was waited for
    assert groups <= 4  # and 60 records took a few groups, not 60
