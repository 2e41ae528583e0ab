from __future__ import annotations

from msgspec.structs import replace

from stormproof.backends.driver import units_of
from stormproof.backends.leasing import Ledger
from stormproof.backends.worker_protocol import Delivery, Grant, Haul, Want
from stormproof.domain.pool import Endpoint, LimitGroup, Limits, Start
from stormproof.pool import EndpointState
from stormproof.testing.records import a_trial, an_endpoint

LEFT = {"a": 50, "b": 30, "c": 10}


def a_ledger(*workers: str) -> Ledger:
    ledger = Ledger([[an_endpoint(name)] for name in "abc"], patience_s=15.0)
    for worker in workers:
        ledger.join(worker, 0.0)
    ledger.lease(LEFT)
    return ledger


def models(ledger: Ledger, worker: str) -> list[str]:
    return [model for unit in ledger.held(worker) for model in unit.models]


def granted(ledger: Ledger, worker: str, number: int = 0) -> Grant:
    unit = ledger.held(worker)[0]
    grant = Grant(unit.epoch, a_trial(number, model=unit.models[0]))
    ledger.grant(worker, grant)
    return grant


def turn(grant: Grant, serial: int, index: int = 0) -> Delivery:
    return Delivery(serial, grant.epoch, grant.trial.trial_id, "turn", index)


def test_the_most_work_goes_first_to_the_idlest() -> None:
    ledger = a_ledger("one", "two")
    assert models(ledger, "one") == ["a"]
    assert models(ledger, "two") == ["b", "c"]
    assert len({unit.epoch for unit in ledger.units}) == 3


def test_leases_and_trials_are_said_until_they_are_known_and_trials_once_counted() -> None:
    ledger = a_ledger("one", "two")
    grant = granted(ledger, "one")
    first = ledger.pull("one", LEFT)
    assert [lease.epoch for lease in first.leases] == list(first.held)
    assert first.trials == (grant,)
    assert ledger.hear("one", Haul(1), first, 1.0) == []
    second = ledger.pull("one", LEFT)
    assert (second.round, second.leases, second.trials) == (2, (), ())
    assert second.held == first.held


def test_what_is_heard_twice_counts_once_and_only_what_is_kept_is_acknowledged() -> None:
    ledger = a_ledger("one", "two")
    grant = granted(ledger, "one")
    pull = ledger.pull("one", LEFT)
    assert ledger.hear("one", Haul(1, (turn(grant, 1),)), pull, 1.0) == [turn(grant, 1)]
    assert ledger.pull("one", LEFT).acked == 0
    ledger.acknowledge("one")
    pull = ledger.pull("one", LEFT)
    assert pull.acked == 1
    again = Haul(3, (turn(grant, 1), turn(grant, 2, 1)))
    assert ledger.hear("one", again, pull, 2.0) == [turn(grant, 2, 1)]
    assert ledger.rejected == 0


def test_a_turn_out_of_order_or_under_an_old_epoch_does_not_count() -> None:
    ledger = a_ledger("one", "two")
    grant = granted(ledger, "one")
    pull = ledger.pull("one", LEFT)
    assert ledger.hear("one", Haul(1, (turn(grant, 1, index=1),)), pull, 1.0) == []
    assert ledger.lose("one") == [grant.trial]
    ledger.lease(LEFT)
    assert models(ledger, "one") == []
    assert ledger.hear("one", Haul(2, (turn(grant, 2),)), pull, 20.0) == []
    assert ledger.rejected == 2
    assert ledger.pull("one", LEFT).held == ()


def test_another_worker_is_given_the_trial_under_a_new_epoch() -> None:
    ledger = a_ledger("one", "two")
    grant = granted(ledger, "one")
    ledger.lose("one")
    ledger.lease(LEFT)
    unit = next(u for u in ledger.units if "a" in u.models)
    assert (unit.worker, unit.epoch) == ("two", 4)
    new = Grant(unit.epoch, grant.trial, (b"{}",))
    ledger.grant("two", new)
    pull = ledger.pull("two", LEFT)
    assert ledger.hear("two", Haul(1, (turn(new, 1, index=1),)), pull, 1.0)
    assert not ledger.hear("two", Haul(1, (turn(grant, 2, index=2),)), pull, 1.0)


def test_the_silent_are_given_up_after_the_patience_and_not_before() -> None:
    ledger = a_ledger("one", "two")
    assert ledger.overdue(70.0) == []  # they may still be starting
    ledger.hear("one", Haul(1), ledger.pull("one", LEFT), 0.0)
    ledger.hear("two", Haul(1), ledger.pull("two", LEFT), 10.0)
    assert ledger.overdue(15.0) == []
    assert ledger.overdue(15.1) == ["one"]
    ledger.lose("one")
    assert ledger.overdue(20.0) == []
    assert ledger.overdue(25.1) == ["two"]
    ledger.forgive(25.1)
    assert ledger.overdue(40.1) == []
    assert ledger.overdue(40.2) == ["two"]


def test_a_worker_with_nothing_left_takes_a_unit_over_once_it_has_come_to_rest() -> None:
    ledger = a_ledger("one", "two")
    left = {"a": 0, "b": 30, "c": 40}
    grant = granted(ledger, "two")
    ledger.rebalance(left)
    pull = ledger.pull("two", left)
    moving = next(u for u in ledger.units if u.is_draining)
    assert moving.models == ("b",)
    assert pull.draining == (moving.epoch,)
    answer = Haul(1, wants=(Want(moving.epoch, "b", None, 3),))
    ledger.hear("two", answer, pull, 1.0)
    assert ledger.wants("two") == []
    assert ledger.drained("two", answer) == []
    assert ledger.drained("two", replace(answer, drained=pull.draining)) == [grant.trial]
    ledger.lease(left)
    assert models(ledger, "one") == ["a", "b"]


def test_the_next_owner_begins_at_what_the_last_one_learned() -> None:
    ledger = a_ledger("one", "two")
    pull = ledger.pull("one", LEFT)
    learned = EndpointState("a", "a", 3, 7.0, 2.5, 100, 0, 0, "open", "grow", above=Start(9, 4.0))
    ledger.hear("one", Haul(1, states=((pull.held[0], learned),)), pull, 1.0)
    ledger.lose("one")
    ledger.lease(LEFT)
    begun = {e.endpoint_id: e.start for x in ledger.pull("two", LEFT).leases for e in x.endpoints}
    assert begun == {"a": Start(7, 2.5, Start(9, 4.0)), "b": Start(), "c": Start()}


def test_of_the_last_trials_each_unit_is_given_as_many_as_its_pace_says() -> None:
    fast, slow = (replace(an_endpoint(name), model="a") for name in ("fast", "slow"))
    ledger = Ledger([[fast], [slow]], patience_s=15.0)
    for worker in ("one", "two"):
        ledger.join(worker, 0.0)
    ledger.lease({"a": 50})
    for worker, numbers in (("one", range(9)), ("two", [9])):
        pull, given = ledger.pull(worker, {}), [granted(ledger, worker, n) for n in numbers]
        items = tuple(turn(grant, serial) for serial, grant in enumerate(given, start=1))
        ledger.hear(worker, Haul(1, items), pull, 1.0)
    quick, lame = (Want(epoch, "a", None, 30) for epoch in (1, 2))
    assert [ledger.room(want, 50) for want in (quick, lame)] == [30, 30]
    assert [ledger.room(want, 10) for want in (quick, lame)] == [9, 1]
    assert [ledger.room(want, 0) for want in (quick, lame)] == [0, 0]


def test_little_that_is_left_does_not_move() -> None:
    ledger = a_ledger("one", "two")
    ledger.rebalance({"a": 0, "b": 3, "c": 2})
    assert not any(unit.is_draining for unit in ledger.units)


def test_whole_models_are_units_until_there_are_too_few() -> None:
    def an(model: str, number: int, limit: str = "") -> Endpoint:
        groups = (LimitGroup(limit, Limits(rpm=60)),) if limit else ()
        plain = an_endpoint(f"{model}-{number}")
        return replace(plain, model=model, number=number, groups=groups)

    pool = [an("a", 0), an("a", 1), an("b", 2, "shared"), an("c", 3, "shared")]
    names = [[e.endpoint_id for e in unit] for unit in units_of(pool, 2)]
    assert names == [["a-0", "a-1"], ["b-2", "c-3"]]
    names = [[e.endpoint_id for e in unit] for unit in units_of(pool, 3)]
    assert names == [["a-0"], ["a-1"], ["b-2", "c-3"]]
    assert len(units_of(pool, 9)) == 3
