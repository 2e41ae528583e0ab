"""A run in any thread and any loop, over doubles: what it leaves behind, and what it raises."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import anyio
import pytest
import trio
from msgspec.structs import replace

import stormproof
from stormproof import Pool, Progress, RunOptions, RunSummary, Stop, learned_limits
from stormproof.domain.calls import Denied, Request, Verdict
from stormproof.domain.pool import Endpoint
from stormproof.run_desk import RunStore
from stormproof.store import read_header, read_learned
from stormproof.store.learned import LEARNED_FILE
from stormproof.testing import MemoryStore, ScriptedModel, SimulatedTransport

DONE = "I have finished. <finish>done</finish>"
POOL = Pool(
    providers={"house": {"base_url": "https://house.example", "keys": {"a": "env:UNSET"}}},
    models={"m": {"provider": "house", "endpoint_limits": {"max_workers": 4}}},
)
SMALL = RunOptions(
    models=("m",), prompt_types=("optimal",), task_types=("simple_task",), num_instances=3
)


def transport(median_s: float = 0.01, **said: Any) -> SimulatedTransport:
    return SimulatedTransport(ScriptedModel([DONE]), median_s=median_s, **said)


def go(
    options: RunOptions = SMALL,
    on_progress: Callable[[Progress], object] | None = None,
    **more: Any,
) -> RunSummary:
    given: dict[str, Any] = {"pool": POOL, "transport": transport(), "store": MemoryStore()} | more
    return stormproof.run(options, on_progress=on_progress, **given)


def in_a_thread(work: Callable[[], Any]) -> Any:
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(work()))
    thread.start()
    thread.join()
    return got[0]


def test_a_run_over_doubles_needs_no_key_no_network_and_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = MemoryStore()
    summary = go(store=store)
    assert (summary.planned, summary.scored, summary.ran, summary.results) == (3, 3, 3, "")
    assert summary.simulated
    assert not summary.interrupted
    assert len(store.episodes()) == 3
    assert [*tmp_path.iterdir()] == []


def test_it_leaves_the_process_as_it_was() -> None:
    def state() -> object:
        handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        return handlers, gc.get_threshold(), gc.get_freeze_count(), sys.getswitchinterval()

    before, during = state(), []
    go(on_progress=lambda _: during.append(state()))
    assert state() == before
    assert all(s[1:] == before[1:] for s in during)  # type: ignore[index]


def test_it_runs_in_a_thread_that_is_not_the_main_one() -> None:
    assert in_a_thread(go).scored == 3


def test_it_runs_inside_a_loop_that_is_running() -> None:
    async def cell() -> tuple[RunSummary, RunSummary]:
        awaited = await stormproof.run_async(
            SMALL, pool=POOL, transport=transport(), store=MemoryStore()
        )
        return awaited, go()

    assert [s.scored for s in asyncio.run(cell())] == [3, 3]


def test_it_runs_on_trio_where_no_http_is_wanted() -> None:
    async def main(transport: SimulatedTransport | None) -> RunSummary:
        return await stormproof.run_async(
            SMALL, pool=POOL, transport=transport, store=MemoryStore()
        )

    assert trio.run(main, transport()).scored == 3
    with pytest.raises(stormproof.ConfigError, match="needs asyncio"):
        trio.run(main, None)


def test_progress_is_told_from_the_start_to_the_end() -> None:
    seen: list[Progress] = []
    summary = go(on_progress=seen.append)
    first, last = seen[0], seen[-1]
    assert (first.scored, first.planned) == (0, 3)
    assert (last.scored, last.under_way, last.calls) == (3, 0, summary.calls)
    assert last.tokens == summary.tokens
    assert [e.name for e in last.endpoints] == ["m"]
    assert last.simulated


def test_what_the_callback_raises_drains_the_run_and_is_raised() -> None:
    calls = 0

    def broken(progress: Progress) -> None:
        nonlocal calls
        if progress.under_way:
            calls += 1
            raise ZeroDivisionError

    store, slow = MemoryStore(), transport(median_s=0.5)
    many = RunOptions(models=("m",), prompt_types=("optimal",), num_instances=20)
    with pytest.raises(ZeroDivisionError):
        go(many, broken, store=store, transport=slow)
    assert calls == 1
    assert 0 < len(store.take_finished()) < 100
    assert slow.in_flight.total() == 0
    turns = sum(len(e.turns) for e in store.episodes())
    assert turns == len(slow.sends)  # what had been sent was waited for, and kept
    assert go(many, store=store).remaining == 0


def test_an_async_callback_is_refused() -> None:
    async def silent(_: Progress) -> None:
        raise AssertionError

    with pytest.raises(stormproof.ConfigError, match="on_progress"):
        go(on_progress=silent)


def test_a_second_run_does_only_what_is_missing() -> None:
    store, stop = MemoryStore(), Stop()
    many = RunOptions(models=("m",), prompt_types=("optimal",), num_instances=20)

    def half(progress: Progress) -> None:
        if progress.scored > 5:
            stop.drain()

    first = go(many, half, store=store, stop=stop, transport=transport(median_s=0.1))
    assert first.interrupted
    assert 5 < first.scored < 100
    second = go(many, store=store)
    assert (second.scored, second.ran) == (100, 100 - first.scored)


def test_a_run_asked_to_stop_beforehand_sends_nothing() -> None:
    stop, wire = Stop(), transport()
    stop.drain()
    assert go(stop=stop, transport=wire).interrupted
    assert wire.sends == []


def test_cancelling_does_not_wait_for_what_is_in_flight() -> None:
    stop = Stop()
    slow = transport(median_s=600)

    def impatient(progress: Progress) -> None:
        if any(endpoint.in_flight for endpoint in progress.endpoints):
            stop.cancel()

    summary = go(on_progress=impatient, transport=slow, stop=stop)
    assert summary.interrupted
    assert summary.scored == 0
    assert summary.elapsed_s < 10


def test_a_task_that_is_cancelled_from_outside_takes_the_run_with_it() -> None:
    async def main() -> int:
        store = MemoryStore()
        slow = transport(median_s=600)
        with anyio.move_on_after(0.5):
            await stormproof.run_async(SMALL, pool=POOL, transport=slow, store=store)
        return slow.in_flight.total()

    assert asyncio.run(main()) == 0


def test_an_endpoint_that_is_given_up_is_in_the_notices_and_the_summary() -> None:
    async def denied(_: Endpoint, __: Request) -> Verdict:
        return Denied("401: bad key")

    seen: list[Progress] = []
    summary = go(on_progress=seen.append, transport=transport(fault=denied))
    assert summary.remaining == 3
    assert summary.stopped[0].startswith("m: 401: bad key (no answer since ")
    assert "stopped: m: 401: bad key" in seen[-1].notices


def test_a_folder_of_results_resumes_and_is_planned_around(tmp_path: Path) -> None:
    options = replace(SMALL, num_instances=2, results=str(tmp_path / "r"))
    assert stormproof.plan(options, pool=POOL).remaining == 2
    summary = go(options, store=None)
    assert (summary.scored, summary.results) == (2, options.results)
    assert stormproof.plan(options, pool=POOL).remaining == 0
    assert {e.simulated for e in stormproof.read_episodes(options.results)} == {True}
    assert go(options, store=None).ran == 0
    assert len(stormproof.query(options.results, "select * from turns")) == 2


def test_a_run_begins_at_what_the_last_one_learned_unless_it_is_to_forget(tmp_path: Path) -> None:
    options = replace(SMALL, num_instances=25, results=str(tmp_path))
    assert not any("begin at" in line for line in go(options, store=None).notices)
    more = replace(options, num_instances=26)
    assert any("1 endpoints begin at" in line for line in go(more, store=None).notices)
    afresh = replace(options, num_instances=27, forget=True)
    assert not any("begin at" in line for line in go(afresh, store=None).notices)


def test_what_is_learned_is_kept_while_the_run_goes_on_and_not_in_fixed_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_limits, "KEEP_EVERY_S", 0.1)
    many = replace(SMALL, num_instances=60, results=str(tmp_path / "r"))
    seen = list[bool]()

    def look(progress: Progress) -> None:
        seen.append(progress.under_way > 0 and bool(read_learned(tmp_path / "r")))

    go(many, store=None, transport=transport(median_s=0.1), on_progress=look)
    assert any(seen)
    fixed = replace(many, rate_mode="fixed", results=str(tmp_path / "fixed"))
    go(fixed, store=None)
    assert not (tmp_path / "fixed" / LEARNED_FILE).exists()


def test_a_folder_says_when_it_was_made_whatever_runs_come_later(tmp_path: Path) -> None:
    options = replace(SMALL, num_instances=1, results=str(tmp_path / "r"))
    before = time()
    go(options, store=None)
    made_at = read_header(tmp_path / "r").created_at
    assert before <= made_at <= time()
    assert go(replace(options, num_instances=2), store=None).ran == 1
    assert read_header(tmp_path / "r").created_at == made_at


def test_a_debug_log_lies_in_the_results_folder_wherever_the_records_go(tmp_path: Path) -> None:
    go(replace(SMALL, debug_log=True, results=str(tmp_path / "r")))
    assert len((tmp_path / "r" / "debug.log").read_text().splitlines()) == 3


def test_all_mistakes_are_told_before_anything_is_made(tmp_path: Path) -> None:
    wrong = RunOptions(
        prompt_types=("optimial",), num_instances=0, results=str(tmp_path / "r"), pool="x.toml"
    )
    with pytest.raises(stormproof.ConfigError) as caught:
        go(wrong, store=None)
    lines = caught.value.message.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "RunOptions.prompt_types",
        "RunOptions.num_instances",
        "RunOptions.pool",
    ]
    with pytest.raises(stormproof.ConfigError, match="UNSET"):
        go(transport=None)
    assert [*tmp_path.iterdir()] == []


def test_what_one_process_alone_can_do_is_refused_beside_workers(tmp_path: Path) -> None:
    here = replace(SMALL, results=str(tmp_path / "r"))
    for wrong, why in (
        ({"workers": 2}, "beside transport="),
        ({"backend": "ray"}, "beside transport="),
        ({"ray_address": "auto"}, "--ray-address: found without --backend ray"),
    ):
        with pytest.raises(stormproof.ConfigError, match=why):
            go(replace(here, **wrong), store=None)
    with pytest.raises(stormproof.ConfigError, match="--debug-log: found beside"):
        go(replace(here, workers=2, debug_log=True), store=None, transport=None)
    assert [*tmp_path.iterdir()] == []


def test_a_waiting_thread_that_is_interrupted_ends_the_run() -> None:
    slow, stop = transport(median_s=600), Stop()

    def interrupted(progress: Progress) -> None:
        if any(endpoint.in_flight for endpoint in progress.endpoints) and not stop.is_draining:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def as_ctrl_c(*_: object) -> None:
        if not stop.is_draining:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, as_ctrl_c)

    async def cell() -> None:
        go(on_progress=interrupted, transport=slow, stop=stop)

    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(cell())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert slow.in_flight.total() == 0


def test_the_doubles_are_what_a_run_asks_for() -> None:
    store: RunStore = MemoryStore()
    assert store.take_finished() == set()
