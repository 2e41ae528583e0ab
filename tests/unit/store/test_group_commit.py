"""Many wait for one write; whoever goes away takes nobody along."""

import threading
from collections.abc import Sequence

import anyio
import pytest

from stormproof.errors import StoreError
from stormproof.store.group_commit import GroupCommit
from stormproof.store.journal import PendingLine
from stormproof.store.record_lines import Note

pytestmark = pytest.mark.anyio


def item(number: int) -> PendingLine:
    return PendingLine(b"%d\n" % number, Note("t", number, ""))


class Disk:
    """Notes what was written together, and by which visits of the thread."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.is_open = threading.Event()
        self.is_open.set()
        self.is_full = False

    def write(self, items: Sequence[PendingLine]) -> None:
        self.is_open.wait(5)
        if self.is_full:
            raise StoreError("the disk is full", hint="make room")
        self.groups.append([item.note.at for item in items])

    @property
    def written(self) -> list[int]:
        return [number for group in self.groups for number in group]


async def test_those_who_come_together_are_written_together() -> None:
    disk = Disk()
    commit = GroupCommit(disk.write)
    async with anyio.create_task_group() as tasks:
        for number in range(150):
            tasks.start_soon(commit.add, [item(number)])
    assert sorted(disk.written) == list(range(150))
    assert len(disk.groups) == 1


async def test_a_record_is_on_the_disk_when_its_waiter_goes_on() -> None:
    disk = Disk()
    commit = GroupCommit(disk.write)

    async def add(number: int) -> None:
        await commit.add([item(number)])
        assert number in disk.written

    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(add, number)
            if number % 7 == 0:
                await anyio.sleep(0.001)


async def test_a_cancelled_leader_still_writes_for_the_others() -> None:
    disk = Disk()
    disk.is_open.clear()
    commit = GroupCommit(disk.write)
    scopes: list[anyio.CancelScope] = []
    done: list[int] = []

    async def add(number: int) -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await commit.add([item(number)])
            done.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(add, number)
            await anyio.sleep(0.001)  # one after the other, on trio too
        await anyio.sleep(0.02)
        scopes[0].cancel()  # the leader, in the middle of its write
        scopes[2].cancel()
        disk.is_open.set()
    assert disk.written == [0, 1, 2]
    assert 1 in done


async def test_after_a_failure_all_who_wait_hear_of_it_and_nothing_is_taken() -> None:
    disk = Disk()
    disk.is_open.clear()
    commit = GroupCommit(disk.write)
    heard: list[int] = []

    async def add(number: int) -> None:
        with pytest.raises(StoreError, match="the disk is full"):
            await commit.add([item(number)])
        heard.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(55):
            tasks.start_soon(add, number)
        await anyio.sleep(0.02)
        tasks.start_soon(add, 999)  # waits behind those being written
        disk.is_full = True
        disk.is_open.set()
    assert sorted(heard) == [*range(55), 999]
    with pytest.raises(StoreError, match="the disk is full"):
        await commit.add([item(0)])
    assert disk.groups == []
