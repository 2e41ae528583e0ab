"""One endpoint: what it makes of its sends, and whom it shares limits with."""

from math import inf

import pytest
from msgspec.structs import replace

from stormproof.domain.calls import (
    Blocked,
    Denied,
    Ok,
    Overlong,
    Refused,
    Rejected,
    Reply,
    Transient,
    Usage,
    Verdict,
)
from stormproof.domain.pool import Endpoint, LimitGroup, Limits, Start
from stormproof.pool.endpoint import FEW, FIRST_P99_S, Lane, limits_above


def endpoint(number: int, *groups: LimitGroup, model: str = "m", key: str = "env:K") -> Endpoint:
    name = f"{model}{number}"
    return Endpoint(name, number, model, "p", "openai", "http://x", "d", key, groups=groups)


def test_an_endpoint_counts_how_its_sends_ended() -> None:
    lane = Lane(endpoint(0), "fixed")
    for verdict in (Ok(Reply("x")), Refused("429"), Transient("502"), Denied("401"), None):
        lane.hear(lane.take(1.0, 1.0), verdict, 2.0)
    state = lane.state(1000.0)
    assert (state.accepted, state.refused, state.errors, state.in_flight) == (1, 1, 2, 0)
    assert (state.trouble, state.troubled_at) == ("401", 1002.0)


def test_what_was_paid_and_thrown_away_is_counted() -> None:
    lane = Lane(endpoint(0), "fixed")
    for verdict in (Transient("HTML", paid=True), Transient("cut", paid=True, usage=Usage(9, 2))):
        lane.hear(lane.take(1.0, 1.0), verdict, 2.0)
    lane.hear(lane.take(1.0, 1.0), Transient("502"), 2.0)
    state = lane.state(0.0)
    assert (state.errors, state.discarded, state.discarded_tokens) == (3, 2, 11)


@pytest.mark.parametrize("sign", [Ok(Reply("x")), Overlong("400"), Blocked("400")])
def test_whatever_speaks_of_the_conversation_is_a_sign_of_life(sign: Verdict) -> None:
    lane = Lane(endpoint(0), "fixed")
    lane.hear(lane.take(1.0, 1.0), Refused("429 insufficient_quota", quota=True), 2.0)
    assert (lane.trouble, lane.doubted_since) == ("429 insufficient_quota", 2.0)
    lane.hear(lane.take(3.0, 1.0), sign, 4.0)
    assert (lane.trouble, lane.doubted_since, lane.reached) == ("", inf, True)


def test_an_endpoint_that_has_answered_is_shut_by_rejections_of_everything() -> None:
    lane = Lane(endpoint(0), "fixed")
    lane.hear(lane.take(0.0, 1.0), Ok(Reply("x")), 1.0)
    for n in range(4):
        lane.hear(lane.take(1.0 + n, 1.0), Rejected("422"), 2.0 + n)
    assert lane.state(0.0).state == "open"
    for n in range(6):
        lane.hear(lane.take(9.0 + n, 1.0), Rejected("422"), 10.0 + n)
    assert lane.state(0.0).state == "closed: 422"
    assert lane.doubted_since == 10.0


def test_few_answers_say_how_long_the_slowest_take() -> None:
    lane = Lane(endpoint(0), "adaptive")
    for n in range(FEW):
        assert lane.latency_p99_s > 0.8 * FIRST_P99_S
        lane.hear(lane.take(float(n), 1.0), Ok(Reply("x")), n + 0.5)
    assert 0.9 < lane.latency_p99_s < 1.0


def test_a_stopped_endpoint_is_never_ready_and_says_why() -> None:
    lane = Lane(endpoint(0), "fixed")
    lane.stopped = "401: bad key"
    assert lane.ready_at(0.0) == inf
    assert lane.state(0.0).state == "stopped: 401: bad key"


def test_a_key_of_several_endpoints_is_suspected_only_where_nothing_was_declared() -> None:
    provider, key = LimitGroup("provider p", Limits(qps=9)), LimitGroup("key p/env:D", Limits())
    endpoints = [
        endpoint(0, provider),
        endpoint(1, provider, model="n"),
        endpoint(2, key="env:ALONE"),
        endpoint(3, key, key="env:D"),
        endpoint(4, key, key="env:D"),
    ]
    above = limits_above(endpoints, learn=True)
    assert [[x.name for x in each.declared] for each in above] == [
        ["provider p"], ["provider p"], [], ["key p/env:D"], ["key p/env:D"],
    ]  # fmt: skip
    suspect = above[0].suspect
    assert suspect
    assert suspect.name == "key p/env:K"
    assert [each.suspect for each in above] == [suspect, suspect, None, None, None]
    assert suspect.models == above[0].declared[0].models == ["m", "n"]
    assert not any(each.suspect for each in limits_above(endpoints, learn=False))


def test_a_suspect_is_shared_as_long_as_it_is_to_blame() -> None:
    endpoints = [endpoint(n) for n in range(2)]
    above = limits_above(endpoints, learn=True)
    lanes = [Lane(e, "adaptive", x) for e, x in zip(endpoints, above, strict=True)]
    suspect = above[0].suspect
    assert suspect
    assert [lane.shared for lane in lanes] == [(), ()]
    assert not lanes[0].share()
    suspect.blame(0.0)
    assert [lane.share() for lane in lanes] == [True, True]
    assert [lane.shared for lane in lanes] == [(suspect,), (suspect,)]
    assert not lanes[0].share()


def test_what_was_learned_of_a_suspect_is_where_it_begins_the_next_time() -> None:
    above = limits_above([endpoint(0), endpoint(1)], learn=True)[0]
    limit, lane = above.suspect, Lane(endpoint(0), "adaptive", above)
    assert limit
    assert lane.state(0.0).learned == Start()
    limit.blame(0.0)
    assert limit.learned
    limit.learned.rate.begin(4.0)
    found = lane.state(0.0).learned
    assert found.above
    assert found.above.qps == pytest.approx(4.0, rel=0.2)
    begun = [replace(endpoint(n), start=found) for n in range(2)]
    again = limits_above(begun, learn=True)
    first, second = (Lane(e, "adaptive", x) for e, x in zip(begun, again, strict=True))
    assert first.shared == second.shared == (again[0].suspect,)
    first.take(0.0, 1.0)
    assert second.ready_at(0.0) == pytest.approx(1 / 4, rel=0.3)
