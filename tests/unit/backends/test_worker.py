from __future__ import annotations

import anyio
import pytest

from stormproof.backends.worker import MOST_WANTED, LeaseDesk, Outbox, TrialStock
from stormproof.backends.worker_protocol import Grant
from stormproof.store.record_lines import encode
from stormproof.testing.records import a_trial, a_turn

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_more_is_wanted_each_time_that_trials_ran_out_up_to_a_bound() -> None:
    stock, wanted = TrialStock(), []
    for _ in range(10):
        stock.ran_dry = True
        wanted.append(stock.want())
    assert wanted == [2, 4, 8, 16, 32, 64, 128, 256, MOST_WANTED, MOST_WANTED]
    assert [stock.want() for _ in range(3)] == [251, 246, 241]
    assert [stock.want() for _ in range(300)][-1] == 1


def test_what_is_there_already_is_not_wanted() -> None:
    stock = TrialStock()
    stock.taken = 5
    stock.trials.extend(a_trial(number) for number in range(4))
    assert stock.want() == 6
    stock.trials.extend(a_trial(number) for number in range(6))
    assert stock.want() == 0


async def test_who_brings_a_turn_waits_until_it_is_acknowledged() -> None:
    outbox, kept = Outbox(), []
    desk = LeaseDesk(7, outbox, {})

    async def bring(index: int) -> None:
        await desk.turn(a_trial(index), a_turn(0))
        kept.append(index)

    async with anyio.create_task_group() as tasks:
        for index in range(3):
            tasks.start_soon(bring, index)
        await anyio.wait_all_tasks_blocked()
        assert [(item.serial, item.epoch) for item in outbox.items] == [(1, 7), (2, 7), (3, 7)]
        assert kept == []
        outbox.acknowledge(2)
        await anyio.wait_all_tasks_blocked()
        assert len(kept) == 2
        assert len(outbox.items) == 1
        outbox.acknowledge(3)
    assert sorted(kept) == [0, 1, 2]


def test_a_trial_that_is_granted_twice_is_run_once_with_its_turns() -> None:
    desk = LeaseDesk(1, Outbox(), {"some-model": 5})
    grant = Grant(1, a_trial(), (encode(a_turn(0)),))
    desk.give(grant)
    desk.give(grant)
    assert desk.remaining("some-model") == 6
    trial = desk.take("some-model", None)
    assert trial == a_trial()
    assert desk.take("some-model", None) is None
    assert desk.journalled(a_trial().trial_id) == (a_turn(0),)
    assert desk.remaining("other") == 1  # the driver may have one again at any time


def test_what_nobody_here_can_begin_goes_back() -> None:
    outbox = Outbox()
    desk = LeaseDesk(1, outbox, {})
    desk.give(Grant(1, a_trial()))
    desk.give_back("some-model")
    assert [(item.kind, item.trial_id) for item in outbox.items] == [
        ("returned", a_trial().trial_id)
    ]
    assert desk.take("some-model", None) is None


def test_what_anybody_may_begin_goes_back_when_it_is_more_than_is_wanted() -> None:
    outbox = Outbox()
    desk = LeaseDesk(1, outbox, {})
    for number in range(9):
        desk.give(Grant(1, a_trial(number), shard=None))
        desk.give(Grant(1, a_trial(100 + number), shard=2))
    desk.take("some-model", None)
    assert desk.wants() == []
    returned = [item.trial_id for item in outbox.items]
    assert returned == [a_trial(number).trial_id for number in range(8, 2, -1)]  # the youngest
    assert len(desk.stocks["some-model", 2].trials) == 9  # a share is one endpoint's
