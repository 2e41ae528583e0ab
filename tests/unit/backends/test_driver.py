"""A driver and workers on a mock clock: nothing lost, nothing doubled, nothing sent too late.

Links can be cut and workers can die; one transport sees all sends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import anyio
import msgspec
import pytest
import trio
import trio.testing
from anyio.abc import TaskGroup, TaskStatus

from stormproof.backends.driver import Driver, LinkBroken, LinkCut
from stormproof.backends.worker import Worker
from stormproof.backends.worker_protocol import Beginning, decode_pull, encode
from stormproof.domain.calls import Denied, Request, Verdict
from stormproof.domain.episodes import Episode
from stormproof.domain.pool import Endpoint, Limits
from stormproof.errors import BackendError
from stormproof.plan import RunOptions, make_plan
from stormproof.progress import WorkerProgress
from stormproof.session import Session, Stop
from stormproof.store.comparing import comparable
from stormproof.testing import MemoryStore, ScriptedModel, SimulatedTransport
from stormproof.testing.records import an_endpoint

LEASE_S, PATIENCE_S = 12.0, 15.0
TURNS = 4


class CuttableLink:
    """A worker in this process, as if it were elsewhere."""

    def __init__(self, name: str, worker: Worker, tasks: TaskGroup) -> None:
        self.name = name
        self._worker, self._tasks = worker, tasks
        self._asking = anyio.CancelScope()
        self._mended = anyio.Event()
        self._mended.set()
        self._let_through = self._mended
        self.place = name
        self._is_lost = False

    async def ask(self, question: bytes) -> bytes:
        with anyio.CancelScope() as self._asking:
            await self._let_through.wait()
            answer = encode(await self._worker.answer(decode_pull(question)))
            await self._mended.wait()
            return answer
        raise LinkCut("its node is silent") if self._is_lost else LinkBroken("it was killed")

    def lose(self) -> None:
        """Whoever carries the questions gives up; the worker goes on."""
        self._is_lost = True
        self._asking.cancel()

    def kill(self) -> None:
        self._tasks.cancel_scope.cancel()
        self._asking.cancel()

    def cut(self) -> None:
        """No answer comes through any more; the worker goes on."""
        self._mended = anyio.Event()

    def hold(self) -> None:
        """No question comes through any more; the worker goes on."""
        self._let_through = anyio.Event()

    def mend(self) -> None:
        self._mended.set()
        self._let_through.set()


class Signed:
    """A transport that knows whose it is."""

    def __init__(self, transport: SimulatedTransport) -> None:
        self._transport = transport
        self.sent_at: list[float] = []

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        self.sent_at.append(anyio.current_time())
        return await self._transport.send(endpoint, request, timeout_s=timeout_s, attempt=attempt)


class Cluster:
    """A plan, two or more workers, one transport that sees all sends."""

    def __init__(
        self, *, workers: int = 2, models: int = 3, instances: int = 4, **options: Any
    ) -> None:
        self.workers = workers
        self.endpoints = [
            msgspec.structs.replace(an_endpoint(f"m{n}-{e}"), model=f"m{n}", number=2 * n + e)
            for n in range(models)
            for e in range(2)
        ]
        self.options = RunOptions(
            prompt_types=("optimal",), task_types=("simple_task",), num_instances=instances,
            **options,
        )  # fmt: skip
        script = ["let me think"] * (TURNS - 1) + ["done"]
        self.transport = SimulatedTransport(ScriptedModel(script), median_s=2.0)
        self.store = MemoryStore()
        self.links: list[CuttableLink] = []
        self.signed: dict[str, Signed] = {}
        self.driver: Driver
        self.session: Session
        self.stop = Stop()
        self._tasks: TaskGroup

    def run(
        self, meddle: Callable[[Cluster], Coroutine[Any, Any, None]] | None = None
    ) -> list[Episode]:
        """Run to the end, on a mock clock, while `meddle` does what it does."""

        async def main() -> None:
            async with anyio.create_task_group() as self._tasks:
                if meddle:
                    self._tasks.start_soon(meddle, self)
                await self._drive()
                self._tasks.cancel_scope.cancel()

        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
        return self.store.episodes()

    async def _live(self, name: str, *, task_status: TaskStatus[CuttableLink]) -> None:
        said = msgspec.json.encode(self.options)
        beginning = Beginning(name, said, {}, simulated=True, lease_s=LEASE_S)
        async with anyio.create_task_group() as tasks:
            self.signed[name] = Signed(self.transport)
            worker = Worker(beginning, self.signed[name], tasks)
            self.links.append(CuttableLink(name, worker, tasks))
            task_status.started(self.links[-1])
            await anyio.sleep(inf)

    async def _drive(self) -> None:
        plan = make_plan(self.options, self.endpoints, self.store.take_finished())
        self.session = Session(plan, self.store, simulated=True, stop=self.stop)
        self.driver = Driver(
            plan.endpoints, self.workers, self._hire, patience_s=PATIENCE_S,
            on_event=self.session.hear, say=self.session.say,
        )  # fmt: skip
        await self.session.run(self.driver)

    async def _hire(self, worker: str) -> CuttableLink:
        return await self._tasks.start(self._live, worker)  # type: ignore[no-any-return]

    def sends(self, model: str) -> list[float]:
        """When the model was sent to."""
        return [s.at for s in self.transport.sends if s.endpoint_id.startswith(model)]

    def holder(self, model: str) -> CuttableLink:
        """Who has the model's endpoints."""
        unit = next(u for u in self.driver.ledger.units if model in u.models)
        return next(link for link in self.links if link.name == unit.worker)


def comparables(episodes: list[Episode]) -> dict[str, object]:
    found = {e.trial.trial_id: comparable(e) for e in episodes}
    assert len(found) == len(episodes)
    return dict(found)


def test_as_many_workers_as_you_like_give_the_same_records() -> None:
    alone = comparables(Cluster(workers=1).run())
    assert len(alone) == 12
    for workers in (2, 3, 5):
        crew = Cluster(workers=workers)
        assert comparables(crew.run()) == alone
        assert len(crew.transport.sends) == 12 * TURNS
        assert crew.driver.ledger.rejected == 0


def test_every_worker_works() -> None:
    crew = Cluster(workers=3)
    crew.run()
    holders = Counter(unit.worker for unit in crew.driver.ledger.units)
    assert holders == {"worker 1": 1, "worker 2": 1, "worker 3": 1}


def test_one_model_is_worked_by_several_workers_where_its_endpoints_share_nothing() -> None:
    crew = Cluster(workers=2, models=1, instances=20)
    assert len(crew.run()) == 20
    used = Counter(send.endpoint_id for send in crew.transport.sends)
    assert set(used) == {"m0-0", "m0-1"}


def test_a_killed_workers_trials_go_on_elsewhere_from_their_kept_turns() -> None:
    calm = comparables(Cluster().run())
    crew = Cluster()
    kept_before: list[int] = []

    async def kill(crew: Cluster) -> None:
        await anyio.sleep(5)
        kept_before.append(sum(len(turns) for turns in crew.store._turns.values()))
        crew.links[0].kill()

    assert comparables(crew.run(kill)) == calm
    assert kept_before[0] > 0
    sends = Counter((send.trial_id, send.turn) for send in crew.transport.sends)
    again = sum(sends.values()) - len(sends)
    assert len(sends) == 12 * TURNS
    assert 0 < again <= 12  # each trial that was in flight asks once more; no kept turn does
    name = crew.links[0].name
    assert f"{name}: it was killed" in crew.session.progress().notices[0]
    assert {link.name for link in crew.links} == {"worker 1", "worker 2", "worker 3"}


@pytest.mark.parametrize("cut_off", [CuttableLink.cut, CuttableLink.hold])
def test_a_worker_that_is_cut_off_sends_nothing_once_its_lease_is_over(
    cut_off: Callable[[CuttableLink], None],
) -> None:
    """It goes on meanwhile. The driver leases its endpoints to another after its patience.

    When it is heard again its turns do not count, and no episode of its goes on from them.
    """
    crew = Cluster(models=2, instances=30)
    crew.transport = SimulatedTransport(crew.transport._model, median_s=0.5)
    cut_at, leased_at, old = [], [], []

    async def cut(crew: Cluster) -> None:
        await anyio.sleep(3)
        link = crew.holder("m0")
        old.append(crew.signed[link.name])
        cut_off(link)
        cut_at.append(anyio.current_time())
        while crew.holder("m0") is link:  # noqa: ASYNC110  nobody tells it
            await anyio.sleep(0.01)
        leased_at.append(anyio.current_time())
        await anyio.sleep(0.5)
        link.mend()

    calm = comparables(Cluster(models=2, instances=30).run())
    assert comparables(crew.run(cut)) == calm
    (cut_s,), (leased_s,) = cut_at, leased_at
    assert PATIENCE_S - 1 <= leased_s - cut_s <= PATIENCE_S + 1
    assert [at for at in old[0].sent_at if at > cut_s + LEASE_S] == []
    assert [at for at in crew.sends("m0") if at > leased_s]
    assert crew.driver.ledger.rejected > 0
    notices = crew.session.progress().notices
    assert any("does not answer" in line for line in notices)
    assert any("back, without what it had" in line for line in notices)


def test_of_a_node_that_fell_silent_nobody_takes_the_endpoints_before_the_leases_end() -> None:
    """Whoever carries the questions calls the worker dead, and it goes on all the same."""
    crew = Cluster(models=2, instances=30)
    crew.transport = SimulatedTransport(crew.transport._model, median_s=0.5)
    lost_at, leased_at = [], []

    async def lose(crew: Cluster) -> None:
        await anyio.sleep(3)
        link = crew.holder("m0")
        link.lose()
        lost_at.append(anyio.current_time())
        while crew.driver.ledger.units[0].worker in {None, link.name}:  # noqa: ASYNC110  nobody tells it
            await anyio.sleep(0.01)
        leased_at.append(anyio.current_time())

    assert len(comparables(crew.run(lose))) == 60
    (lost_s,), (leased_s,) = lost_at, leased_at
    assert PATIENCE_S - 1 <= leased_s - lost_s <= PATIENCE_S + 1
    assert [at for at in crew.sends("m0") if lost_s + LEASE_S + 0.3 < at < leased_s] == []
    said = crew.session.progress().notices
    assert any("its node is silent; its endpoints wait" in line for line in said)


def test_a_new_owner_begins_where_the_old_ones_controllers_were() -> None:
    crew = Cluster(models=2, instances=300)
    limits = Limits(max_workers=40)
    crew.transport = SimulatedTransport(crew.transport._model, median_s=0.5, limits=limits)

    async def kill(crew: Cluster) -> None:
        await anyio.sleep(6)
        crew.holder("m0").kill()
        await anyio.sleep(1.2)
        crew.stop.drain()

    crew.run(kill)
    first, second = (len([at for at in crew.sends("m0") if 0 < at - s < 1.2]) for s in (0, 6))
    assert first < 80 < second  # two endpoints of 40 slots, full at once


def test_workers_are_shown_with_what_they_have_and_did() -> None:
    crew = Cluster(instances=40)
    seen: list[tuple[WorkerProgress, ...]] = []

    async def kill(crew: Cluster) -> None:
        await anyio.sleep(5)
        crew.holder("m0").kill()
        await anyio.sleep(3)
        seen.append(crew.session.progress().workers)

    crew.run(kill)
    killed, second, third = sorted(
        seen[0], key=lambda worker: worker.state != "gone: it was killed"
    )
    assert (killed.endpoints, killed.is_gone) == ((), True)
    assert {second.state, third.state} == {"at work"}
    assert len(second.endpoints) + len(third.endpoints) == 6
    assert sum(worker.turns for worker in crew.session.progress().workers) == 120 * TURNS
    assert killed.turns > 0


def test_a_cut_shorter_than_the_patience_changes_nothing() -> None:
    crew = Cluster(models=2, instances=20)

    async def cut(crew: Cluster) -> None:
        await anyio.sleep(3)
        crew.links[0].cut()
        await anyio.sleep(PATIENCE_S - 1.5)
        crew.links[0].mend()

    assert len(comparables(crew.run(cut))) == 40
    assert crew.driver.ledger.rejected == 0
    assert len(crew.transport.sends) == 40 * TURNS


def test_workers_die_again_and_again_and_others_take_their_places() -> None:
    crew = Cluster(instances=40)

    async def kill(crew: Cluster) -> None:
        for number in range(6):
            await anyio.sleep(1.5)
            crew.holder(f"m{number % 3}").kill()

    assert comparables(crew.run(kill)) == comparables(Cluster(instances=40).run())
    assert len(crew.links) >= 6
    sends = Counter((send.trial_id, send.turn) for send in crew.transport.sends)
    assert len(sends) == 120 * TURNS


def test_without_any_worker_the_run_ends_with_one_error() -> None:
    crew = Cluster()

    async def kill_all(crew: Cluster) -> None:
        await anyio.sleep(5)
        while True:
            for link in crew.links:
                link.kill()
            await anyio.sleep(0.01)

    with pytest.RaisesGroup(BackendError, allow_unwrapped=True, flatten_subgroups=True):
        crew.run(kill_all)
    before = len(crew.store.take_finished())
    again = Cluster()
    again.store = crew.store
    assert len(again.run()) == 12
    assert before <= 12


def test_a_drain_lets_what_flies_land() -> None:
    crew = Cluster(instances=40)

    async def drain(crew: Cluster) -> None:
        await anyio.sleep(4)
        crew.stop.drain()

    crew.run(drain)
    turns = sum(len(turns) for turns in crew.store._turns.values())
    assert turns == len(crew.transport.sends) > 0
    assert len(crew.store.take_finished()) < 120
    again = Cluster(instances=40)
    again.store = crew.store
    assert len(again.run()) == 120
    assert len(again.transport.sends) == 120 * TURNS - turns


def test_a_model_that_nobody_can_serve_ends_unserved_and_the_others_end_well() -> None:
    crew = Cluster()

    async def fault(endpoint: Endpoint, request: Request) -> Verdict | None:
        del request
        return Denied("401") if endpoint.model == "m1" else None

    crew.transport = SimulatedTransport(crew.transport._model, fault=fault)
    episodes = crew.run()
    outcomes = Counter((e.trial.model, e.outcome) for e in episodes)
    assert outcomes["m0", "completed"] == outcomes["m2", "completed"] == 4
    assert outcomes["m1", "completed"] == 0


def test_where_one_owner_of_a_model_has_no_usable_endpoint_another_takes_its_trials() -> None:
    crew = Cluster(workers=2, models=1, instances=12)

    async def fault(endpoint: Endpoint, request: Request) -> Verdict | None:
        return Denied("401") if endpoint.endpoint_id == "m0-1" and request.turn == 1 else None

    crew.transport = SimulatedTransport(crew.transport._model, fault=fault)
    assert Counter(e.outcome for e in crew.run()) == {"completed": 12}


@pytest.mark.parametrize("sharding", ["dynamic", "even"])
def test_shares_of_endpoints_are_kept(sharding: str) -> None:
    crew = Cluster(instances=9, sharding=sharding)
    assert len(crew.run()) == 27
    if sharding == "even":
        used = Counter(send.endpoint_id for send in crew.transport.sends)
        assert set(used.values()) == {5 * TURNS, 4 * TURNS}
