"""Who is to blame for refusals: endpoints, or the key above them."""

from random import Random

import pytest

from stormproof.control.adaptive import Adaptive
from stormproof.control.shared_limit import BLAMED, LATEST, Member, SharedLimit
from stormproof.domain.pool import Limits


def four() -> tuple[SharedLimit, list[Member]]:
    limit = SharedLimit("key p/env:K")
    return limit, [Member(Adaptive(Limits()), limit) for _ in range(4)]


def incident(members: list[Member], at: float, sends: tuple[int, ...]) -> None:
    """Each sends so many at once; the last of each that sent is refused."""
    last = []
    for member, count in zip(members, sends, strict=True):
        sent = [member.sent(at, 1.0) for _ in range(count)]
        last += [(member, sent[-1])] if sent else []
        for each in sent[:-1]:
            member.answered(each, at + 0.05, 1.0)
    for member, each in last:
        member.refused(each, at + 0.1, None)


def test_refusals_that_coincide_at_different_numbers_move_the_blame_up() -> None:
    limit, members = four()
    for n in range(int(BLAMED)):
        assert limit.learned is None
        incident(members, 10.0 + 5 * n, (3, 8, 0, 0))
    assert limit.learned is not None
    assert members[0].view().decision == "key p/env:K: start"


def test_refusals_where_a_share_is_refused_by_chance_leave_the_blame_where_it_is() -> None:
    limit, members = four()
    for member in members:
        member.control.chance.share = 0.2
    for n in range(2 * int(BLAMED)):
        incident(members, 10.0 + 5 * n, (3, 8, 0, 0))
    assert limit.learned is None


def test_refusals_at_one_number_are_each_endpoints_own() -> None:
    limit, members = four()
    for n in range(40):
        incident(members, 10.0 + 5 * n, (6, 6, 6, 6))
    assert limit.learned is None


def test_refusals_beside_many_that_are_accepted_are_each_endpoints_own() -> None:
    limit = SharedLimit("key")
    members = [Member(Adaptive(Limits()), limit) for _ in range(12)]
    for n in range(40):
        at = 10.0 + 5 * n
        for member in members[4:]:
            member.answered(member.sent(at, 1.0), at + 0.05, 1.0)
        incident(members[:4], at, (3, 8, 0, 0))
    assert limit.learned is None


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
    assert limit.learned is not None
    for n in range(20, 40):
        for member in members:
            sent = member.sent(float(n), 1.0)
            if member in members[:2]:
                member.refused(sent, n + 0.1, None)
            else:
                member.answered(sent, n + 0.1, 1.0)
    assert limit.learned is None


def test_refusals_that_follow_anothers_send_too_closely_move_the_blame_up() -> None:
    limit = SharedLimit("key p/env:K")
    first, second = (Member(Adaptive(Limits()), limit) for _ in range(2))
    now = 0.0
    while limit.learned is None and now < 400:
        for gap_s in (2.0, 2.0, 2.0, 0.2):  # a bucket of one for both refuses the last
            second.answered(second.sent(now, 1.0), now + 0.1, 1.0)
            sent = first.sent(now + gap_s, 1.0)
            if gap_s < 1:
                first.refused(sent, now + gap_s + 0.1, None)
            else:
                first.answered(sent, now + gap_s + 0.1, 1.0)
            now += 5
    assert limit.learned is not None


def test_refusals_that_follow_it_by_chance_do_not() -> None:
    limit, rng = SharedLimit("key p/env:K"), Random(1)
    first, second = (Member(Adaptive(Limits()), limit) for _ in range(2))
    for n in range(2000):
        second.answered(second.sent(5.0 * n, 1.0), 5.0 * n + 0.1, 1.0)
        at = 5.0 * n + rng.uniform(0.2, 3.0)
        sent = first.sent(at, 1.0)
        if n % 10 == 9:  # its own limit, whatever the other does
            first.refused(sent, at + 0.1, None)
        else:
            first.answered(sent, at + 0.1, 1.0)
    assert limit.learned is None


def test_a_rush_that_is_refused_speaks_once_however_many_it_was() -> None:
    limit, (one, other, *_) = four()
    for n in range(3):  # accepted, long after another's
        other.answered(other.sent(n, 1.0), n + 0.9, 1.0)
        one.answered(one.sent(n + 0.5, 1.0), n + 0.9, 1.0)
    other.answered(other.sent(4.0, 1.0), 4.9, 1.0)
    for sent in [one.sent(4.01 + number / 1000, 1.0) for number in range(20)]:
        one.refused(sent, 4.2, None)
    assert limit.learned is None


def test_a_refusal_that_is_heard_of_too_late_says_nothing() -> None:
    limit, (one, other, *_) = four()
    late = []
    for n in range(20):
        for number in range(3):
            one.answered(one.sent(10 * n + number, 1.0), 10 * n + number + 0.9, 1.0)
        late.append(one.sent(10 * n + 5, 1.0))
    for number in range(LATEST):
        member = (one, other)[number % 2]
        member.answered(member.sent(201 + number / 1000, 1.0), 202, 1.0)
    for sent in late:
        one.refused(sent, 203, None)
    assert limit.learned is None


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_limit_that_lets_through_far_less_once_it_is_known_was_none(*, goes_on: bool) -> None:
    limit, members = four()
    incident(members, 0.0, (3, 8, 0, 0))

    def pass_all(ticks: range) -> None:
        for tick in ticks:
            for member in members:
                member.answered(member.sent(tick / 10, 1.0), tick / 10 + 0.05, 1.0)

    pass_all(range(5, 200))
    limit.blame(20.0)
    if goes_on:
        pass_all(range(200, 410))
    members[0].refused(members[0].sent(41.0, 1.0), 41.1, None)
    assert (limit.learned is not None) == goes_on
