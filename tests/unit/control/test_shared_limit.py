"""Who is to blame for refusals: endpoints, or the key above them."""

from stormproof.control.adaptive import Adaptive
from stormproof.control.shared_limit import BLAMED, Member, SharedLimit
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
