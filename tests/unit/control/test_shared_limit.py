"""Who is to blame for refusals: endpoints, or the key above them."""

from collections.abc import Callable

import pytest

from stormproof.control.shared_limit import (
    DEAR,
    LONGEST,
    MORE,
    PART,
    PROOF,
    REST_S,
    SUSPECTED,
    Member,
    SharedLimit,
)
from stormproof.control.window import Window
from stormproof.domain.pool import Limits


def four() -> tuple[SharedLimit, list[Member]]:
    limit = SharedLimit("key p/env:K")
    return limit, [Member(limit, Limits()) for _ in range(4)]


def pass_all(members: list[Member], since: float, until: float, every: float = 0.1) -> None:
    """Each sends in turn, and is answered at once."""
    for tick in range(round((until - since) / every)):
        at = since + tick * every
        for member in members:
            member.answered(member.sent(at, 1.0), at + 0.05, 1.0)


def incidents(members: list[Member], number: int, first: float) -> float:
    """Between sends that pass, each of these is refused once in 2 s, in turn; when the last was."""
    at = first
    for n in range(number):
        pass_all(members, at, at + 1.9)
        member = members[n % len(members)]
        member.refused(member.sent(at + 1.9, 1.0), at + 1.95, None)
        at += 2.0
    return at - 0.05


def tried(limit: SharedLimit) -> Member | None:
    """Who sends for all, while there is an experiment."""
    return limit.experiment.member if limit.experiment else None


def is_blamed(limit: SharedLimit) -> bool:
    """Whether it answers for refusals."""
    return limit.learned is not None


def play_experiment(limit: SharedLimit, now: float, takes: Callable[[int], bool]) -> int:
    """To its end: whether the n-th send is taken is given. How many went."""
    member, count = tried(limit), 0
    assert member
    while limit.experiment:
        now = max(now + 0.001, min(each.ready_at(now) for each in limit.members))
        for other in limit.members:
            assert other is member or other.ready_at(now) > now or tried(limit) is None
        if tried(limit) and member.ready_at(now) <= now:
            sent = member.sent(now, 1.0)
            if takes(count):
                member.answered(sent, now + 0.01, 1.0)
            else:
                member.refused(sent, now + 0.01, None)
            count += 1
    return count


def test_one_who_may_send_for_all_shows_that_the_limit_is_shared() -> None:
    limit, members = four()
    now = incidents(members, SUSPECTED, 0.0)
    assert not is_blamed(limit)
    assert members[0].view().decision == "key p/env:K: one sends for all"
    count = play_experiment(limit, now, lambda _: True)
    assert is_blamed(limit)
    assert PROOF <= count < 4 * PROOF
    assert members[0].view().decision == "key p/env:K: start"


def test_one_who_is_refused_then_has_a_limit_of_its_own() -> None:
    limit, members = four()
    now = incidents(members, SUSPECTED, 0.0)
    first = tried(limit)
    assert play_experiment(limit, now, lambda n: n % 4 == 0) <= 4
    assert not is_blamed(limit)
    now = incidents([x for x in members if x is not first], MORE * SUSPECTED - 1, now + 1)
    assert tried(limit) is None
    incidents([x for x in members if x is not first], 1, now + 0.05)
    assert tried(limit) not in {first, None}


def test_a_share_refused_by_chance_is_no_proof() -> None:
    limit, members = four()
    now = incidents(members, SUSPECTED, 0.0)
    play_experiment(limit, now, lambda n: n % 3 != 1)
    assert not is_blamed(limit)


def test_an_experiment_with_no_more_to_send_is_over_soon_and_what_it_cost_delays_the_next() -> None:
    limit, members = four()
    now = incidents(members, SUSPECTED, 0.0) + 2
    assert tried(limit)
    for each in members:
        each.ready_at(now)
    assert tried(limit) is None
    assert not is_blamed(limit)
    count = 0
    while tried(limit) is None:
        now = incidents(members[count % 2 :], 1, now + 0.05)
        count += 1
    assert 2 * DEAR < count < 3 * DEAR


def test_sends_that_fail_tell_nothing_and_end_the_experiment_in_time() -> None:
    limit, members = four()
    now, count = incidents(members, SUSPECTED, 0.0) + 0.1, 0
    member = tried(limit)
    assert member
    while tried(limit):
        member.failed(member.sent(now, 1.0), now + 0.01, "502")
        now = max(now + 0.02, member.ready_at(now))
        count += 1
    assert not is_blamed(limit)
    assert PROOF < count < 2 * LONGEST * PROOF


def test_one_that_goes_no_faster_than_its_own_limit_tells_nothing_and_another_is_next() -> None:
    limit, members = four()
    now, count = incidents(members, SUSPECTED, 0.0) + 0.1, 0
    first = tried(limit)
    assert first
    while tried(limit):
        first.answered(first.sent(now, 1.0), now + 0.01, 1.0)
        now += 0.14
        first.ready_at(now)
        count += 1
    assert not is_blamed(limit)
    assert PROOF < count < 3 * PROOF
    others = [member for member in members if member is not first]
    incidents([first], MORE * SUSPECTED - 1, now)
    assert tried(limit) is None
    incidents(others, 1, now + 20)
    assert tried(limit) is others[0]


def test_an_experiment_has_no_more_in_flight_than_all_had() -> None:
    limit, members = four()
    now = incidents(members, SUSPECTED - 1, 0.0)
    for member in members:
        for n in range(20):
            member.sent(now + 0.5 + n / 1000, 1.0)
    last = members[SUSPECTED % 4]
    last.refused(last.sent(now + 2, 1.0), now + 2.05, None)
    assert tried(limit) is last
    assert last.ready_at(now + 2.2) == now + 2.2 + REST_S


def test_refusals_of_one_alone_are_its_own() -> None:
    limit, members = four()
    pass_all(members, 0.0, 2.0)
    incidents(members[:1], 10 * SUSPECTED, 2.0)
    assert tried(limit) is None


def test_one_who_had_most_of_it_proves_nothing() -> None:
    limit, members = four()
    incidents(members[:2], SUSPECTED - 1, 0.0)
    pass_all(members[1:2], 10.0, 20.0, every=0.01)
    members[1].refused(members[1].sent(20.0, 1.0), 20.05, None)
    assert tried(limit) is members[1]
    assert limit.experiment
    pace = limit.experiment.pace
    play_experiment(limit, 20.05, lambda _: pace.rate < 100)
    assert not is_blamed(limit)


def test_refusals_where_a_share_is_refused_by_chance_do_not_count() -> None:
    limit, members = four()
    for member in members:
        member.chance.share = 0.2
    incidents(members, 4 * SUSPECTED, 0.0)
    assert tried(limit) is None


def test_one_endpoint_that_is_refused_alone_answers_for_itself_and_half_of_them_acquit() -> None:
    limit, members = four()
    limit.blame(0.0)
    for n in range(20):
        for member in members:
            sent = member.sent(float(n), 1.0)
            if member is members[0]:
                member.refused(sent, n + 0.1, None)
            else:
                member.answered(sent, n + 0.1, 1.0)
    assert [member.own for member in members] == [True, False, False, False]
    assert is_blamed(limit)
    for n in range(20, 40):
        for member in members:
            sent = member.sent(float(n), 1.0)
            if member in members[:2]:
                member.refused(sent, n + 0.1, None)
            else:
                member.answered(sent, n + 0.1, 1.0)
    assert not is_blamed(limit)


@pytest.mark.parametrize("passes", [False, True])
def test_a_limit_that_lets_through_far_less_once_it_is_known_was_none(*, passes: bool) -> None:
    limit, members = four()
    now = incidents(members, SUSPECTED, 0.0)
    play_experiment(limit, now, lambda _: True)
    pass_all(members, now + 20, now + 95, every=0.1 if passes else 1.0)
    members[0].refused(members[0].sent(now + 95, 1.0), now + 95.1, None)
    assert is_blamed(limit) == passes


def test_endpoints_that_differ_in_latency_are_no_queue_at_the_key() -> None:
    limit, members = four()
    limit.blame(0.0)
    now = 0.0
    for number, latency_s in ((4, 1.0), (64, 60.0)):  # the slow ones come when more are in flight
        for _ in range(20):
            sends = [members[n % 4].sent(now, 1.0) for n in range(number)]
            now += latency_s
            for n, sent in enumerate(sends):
                members[n % 4].answered(sent, now, 1.0)
    assert limit.learned
    assert limit.learned.queue.bound > 64


def test_one_whose_limit_has_risen_proves_nothing() -> None:
    limit, members = four()
    now = incidents(members[:2], SUSPECTED - 1, 0.0)
    pass_all(members, now, now + 100, every=2.0)
    pass_all(members[:1], now + 100, now + 103, every=0.025)
    now += 103
    members[0].refused(members[0].sent(now, 1.0), now + 0.05, None)
    assert limit.experiment
    pace = limit.experiment.pace
    play_experiment(limit, now, lambda _: pace.rate < 40)
    assert not is_blamed(limit)


def test_a_window_of_its_own_may_begin_anew_and_let_through_as_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit, members = four()
    for member in members:
        member.window.units = 40.0
    with monkeypatch.context() as patch:
        patch.setattr(Window, "known", property(lambda _: True))
        now = incidents(members, SUSPECTED, 0.0)
    assert play_experiment(limit, now, lambda _: True) > 40


def test_an_experiment_that_nothing_is_refused_in_goes_ever_faster_until_something_is() -> None:
    limit, members = four()
    now = incidents(members, SUSPECTED - 1, 0.0)
    pass_all(members, now, now + 100, every=10.0)
    members[3].refused(members[3].sent(now + 100, 1.0), now + 100.1, None)
    assert limit.experiment
    now, slow = now + 110, limit.experiment.pace.rate
    for sends in range(3):
        sent = members[3].sent(now, 1.0)
        assert limit.experiment.pace.rate == pytest.approx(slow / PART ** (2 * sends))
        members[3].answered(sent, now + 0.1, 1.0)
        now += 1
    members[3].refused(members[3].sent(now, 1.0), now + 0.1, None)
    slower = slow / PART**2
    assert limit.experiment.pace.rate == pytest.approx(slower)
    members[3].answered(members[3].sent(now + 1, 1.0), now + 1.1, 1.0)
    assert limit.experiment.pace.rate == pytest.approx(slower)


def test_refusals_of_others_in_between_prove_no_limit_of_its_own() -> None:
    limit, members = four()
    limit.blame(0.0)
    for n in range(40):
        sent = members[n % 2].sent(float(n), 1.0)
        members[n % 2].refused(sent, n + 0.1, None)
    assert not any(member.own for member in members)
