from __future__ import annotations

import time

import anyio
import pytest

from stormproof.loop_watch import HELD_S, watch_loop

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def hold() -> None:
    time.sleep(HELD_S + 0.6)


async def test_who_holds_the_loop_is_told_with_the_place() -> None:
    told: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_loop, told.append)
        await anyio.sleep(0.3)
        hold()
        await anyio.sleep(0.5)
        tasks.cancel_scope.cancel()
    (line,) = told
    assert line.startswith("slow: everything waited for 1.")
    assert "hold (test_loop_watch.py:" in line


async def test_a_loop_that_goes_on_is_not_told_of() -> None:
    told: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_loop, told.append)
        for _ in range(30):
            await anyio.sleep(0.05)
        tasks.cancel_scope.cancel()
    assert told == []
