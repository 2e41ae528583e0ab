"""What counts as lost, silent, stuck and unserved."""

from math import inf

import pytest

from stormproof.domain.calls import Denied, Ok, Refused, Rejected, Reply, Transient, Verdict
from stormproof.domain.pool import Endpoint
from stormproof.errors import AuthFailed, RateLimited, RequestRejected, TransientFailure
from stormproof.pool import Hedge, lost
from stormproof.pool.bounds import Bounds
from stormproof.pool.endpoint import Lane, StopCause
from stormproof.pool.model_queue import ModelQueue
from stormproof.pool.tail import ENOUGH

BOUNDS = Bounds()


def two() -> ModelQueue:
    model = ModelQueue("m")
    for n in range(2):
        endpoint = Endpoint(f"e{n}", n, "m", "p", "openai", "http://x", "d", "env:K")
        model.add(Lane(endpoint, "fixed", place=n))
    return model


@pytest.mark.parametrize(
    ("hedge", "failures", "longest_s", "patience_s"),
    [
        ("lost", 0, 20.0, 60.0),
        ("lost", 0, 2.0, 30.0),  # the floor
        ("all", 0, 500.0, 600.0),  # never beyond what a request may take
        ("lost", 5, 2.0, 600.0),  # the last try
        ("none", 0, 2.0, 600.0),
    ],
)
def test_a_send_is_given_up_far_beyond_what_answers_take(
    hedge: Hedge, failures: int, longest_s: float, patience_s: float
) -> None:
    model = two()
    lane = model.lanes[0]
    for n in range(2 * ENOUGH):
        lane.tail.answered(10.0 * n, 10.0 * n + longest_s, 1)
    assert lost.patience_s(BOUNDS, hedge, lane, model, failures) == patience_s


def test_nothing_is_given_up_early_where_few_answers_are_known() -> None:
    model = two()
    lane, other = model.lanes
    lane.tail.answered(0.0, 1.0, 1)
    assert lost.patience_s(BOUNDS, "lost", lane, model, 0) == BOUNDS.request_timeout_s
    for n in range(2 * ENOUGH):
        other.tail.answered(10.0 * n, 10.0 * n + 8.0, 1)
    assert lost.patience_s(BOUNDS, "lost", lane, model, 0) == 3 * lost.UNLIKE * 8.0


def test_only_a_send_that_was_given_up_early_is_lost() -> None:
    assert lost.is_lost(30.0, 30.0, BOUNDS)
    assert not lost.is_lost(5.0, 30.0, BOUNDS)
    assert not lost.is_lost(600.0, 600.0, BOUNDS)


def test_a_model_is_silent_when_every_living_endpoint_has_been_in_trouble_for_too_long() -> None:
    model = two()
    first, second = model.lanes
    for lane in model.lanes:
        lane.hear(lane.take(0.0, 1.0), Transient("reset"), 1.0)
    longest_s = BOUNDS.unserved_s + BOUNDS.stuck_s
    assert lost.silent_lanes(model, BOUNDS, 1.0 + longest_s) == []
    assert lost.silent_lanes(model, BOUNDS, 2.0 + longest_s) == [first, second]
    assert lost.why_silent(first, 1.0 + 960.0) == "no answer for 16 min: reset"
    second.hear(second.take(5.0, 1.0), Ok(Reply("hello")), 6.0)
    assert lost.silent_lanes(model, BOUNDS, 2.0 + longest_s) == []
    model.stop(second, "denied", "401")
    assert lost.silent_lanes(model, BOUNDS, 2.0 + longest_s) == [first]


def test_what_is_stuck_names_every_endpoint_and_how_it_is() -> None:
    model = two()
    model.sent_at = 10.0
    model.lanes[1].stopped = "401: bad key"
    assert not lost.why_stuck(model, BOUNDS, 70.0)
    assert lost.why_stuck(model, BOUNDS, 71.0) == (
        "0 requests wait, none sent for 61 s; e0: open, e1: stopped: 401: bad key"
    )


def test_what_flies_may_still_be_served() -> None:
    model = two()
    assert lost.is_unserved(model, BOUNDS, 901.0)
    model.lanes[0].take(0.0, 1.0)
    assert not lost.is_unserved(model, BOUNDS, 901.0)


def heard(lane: Lane, *verdicts: Verdict, at: float = 1.0) -> tuple[str, str]:
    """What is made of the last verdict, when the lane has heard all of them."""
    for verdict in verdicts:
        lane.hear(lane.take(at, 1.0), verdict, at)
    model = ModelQueue("m")
    model.add(lane)
    return lost.unusable(lane, model, verdicts[-1], BOUNDS, at)


QUOTA = Refused("429 insufficient_quota", quota=True)
ANSWER = Ok(Reply("hello"))


@pytest.mark.parametrize(
    ("verdicts", "cause"),
    [
        ([Refused("402", exhausted=True)], "quota"),
        ([ANSWER, Refused("402", exhausted=True)], "quota"),
        ([Denied("401")], "denied"),
        ([ANSWER, Denied("401")], ""),
        ([QUOTA], ""),
        ([Rejected("400")] * 2, ""),
        ([Rejected("400")] * 3, "rejecting"),
        ([ANSWER, *[Rejected("400")] * 9], ""),
        ([Transient("500")] * 9, ""),
        ([Refused("429")] * 9, ""),
    ],
)
def test_what_is_believed_at_once(verdicts: list[Verdict], cause: str) -> None:
    assert heard(two().lanes[0], *verdicts)[0] == cause


def test_first_requests_are_rejected_by_all_endpoints_or_it_is_no_word_on_the_request() -> None:
    model, no = two(), Rejected("400: tools?")
    first, second = model.lanes

    def says(lane: Lane) -> str:
        lane.hear(lane.take(1.0, 1.0), no, 1.0)
        return lost.unusable(lane, model, no, BOUNDS, 1.0)[0]

    assert [says(first) for _ in range(4)] == [""] * 4  # the other has not been asked
    assert [says(second) for _ in range(3)] == ["", "", "rejecting"]
    assert says(first) == "rejecting"
    second.hear(second.take(1.0, 1.0), ANSWER, 1.0)
    assert says(first) == ""


@pytest.mark.parametrize("verdict", [QUOTA, Denied("401"), Rejected("422")])
def test_what_may_pass_is_believed_when_nothing_else_was_said(verdict: Verdict) -> None:
    lane = two().lanes[0]
    assert heard(lane, ANSWER, *[verdict] * 5, at=0.0) == ("", "")
    assert heard(lane, verdict, at=BOUNDS.believed_s - 1) == ("", "")
    cause, why = heard(lane, verdict, at=BOUNDS.believed_s)
    assert cause
    assert why.startswith("nothing else in 5 min: 4")
    heard(lane, ANSWER, at=400.0)
    assert heard(lane, *[verdict] * 5, at=600.0) == ("", "")  # it is doubted anew from here


DAY = Refused("429 per day; goes on at noon", of_a_day=True, resumes_in_s=7200.0)
SOME_DAY = Refused("429 per day", of_a_day=True)
LATER = Refused("429", resumes_in_s=7200.0)


def test_a_days_quota_is_believed_at_once_where_its_end_is_named() -> None:
    assert heard(two().lanes[0], ANSWER, DAY) == (
        "day",
        "429 per day; goes on at noon (--max-wait)",
    )


@pytest.mark.parametrize("verdict", [SOME_DAY, LATER])
def test_it_is_believed_in_time_where_half_of_that_is_said(verdict: Refused) -> None:
    lane = two().lanes[0]
    assert heard(lane, verdict, at=0.0) == ("", "")
    assert heard(lane, ANSWER, verdict, at=200.0) == ("", "")  # it is refilled all day long
    assert heard(lane, verdict, at=499.0) == ("", "")
    assert heard(lane, verdict, at=500.0)[0] == "day"


@pytest.mark.parametrize(
    ("verdict", "at", "rest_s"),
    [(DAY, 0.0, 7201.0), (SOME_DAY, 0.0, 0.0), (SOME_DAY, 300.0, 301.0), (LATER, 300.0, 7201.0),
     (DAY, 2000.0, inf), (SOME_DAY, 8001.0, inf), (QUOTA, 400.0, 0.0), (ANSWER, 0.0, 0.0)],
)  # fmt: skip
def test_a_days_quota_is_waited_for_as_long_as_the_user_wants(
    verdict: Verdict, at: float, rest_s: float
) -> None:
    lane, patient = two().lanes[0], Bounds(max_wait_s=8000.0)
    heard(lane, verdict, at=0.0)
    assert lost.rest_s(lane, verdict, patient, at) == rest_s
    assert (lost.unusable(lane, two(), verdict, patient, at)[0] == "day") == (rest_s == inf)


def test_while_a_day_is_waited_for_nothing_is_stuck_silent_or_unserved() -> None:
    model = two()
    first, second = model.lanes
    for lane in model.lanes:
        heard(lane, DAY)
    assert lost.why_stuck(model, BOUNDS, 5000.0)
    assert lost.is_unserved(model, BOUNDS, 5000.0)
    assert lost.silent_lanes(model, BOUNDS, 5000.0) == [first, second]
    first.rests_until = 7202.0
    assert first.condition.startswith("closed: a day's quota is waited for: 429 per day")
    assert not lost.why_stuck(model, BOUNDS, 7202.0)
    assert not lost.is_unserved(model, BOUNDS, 7202.0)
    assert lost.silent_lanes(model, BOUNDS, 7202.0) == []
    heard(first, ANSWER, at=7203.0)
    assert first.condition == "open"


def test_a_model_is_unreached_when_nothing_there_has_ever_spoken_as_a_service_does() -> None:
    model = two()
    first, second = model.lanes
    gone = Transient("cannot connect to x: Connection refused", unreached=True)
    heard(first, gone, at=1.0)
    assert lost.unreached_lanes(model, BOUNDS, 100.0) == []  # the other has not been asked
    heard(second, gone, at=30.0)
    assert lost.unreached_lanes(model, BOUNDS, 89.0) == []
    assert lost.unreached_lanes(model, BOUNDS, 90.0) == [first, second]
    why = f"never answered in 89 s (is base_url right?): {gone.reason}"
    assert lost.why_unreached(first, 90.0) == why
    heard(second, Transient("HTTP 503"), at=91.0)
    assert lost.unreached_lanes(model, BOUNDS, 200.0) == []


def test_trouble_is_worth_a_word_soon_and_says_for_how_long_it_is_borne() -> None:
    first, second = two().lanes
    heard(first, Transient("no name", unreached=True), at=1.0)
    assert not lost.is_noteworthy(first, 2.0)
    assert lost.is_noteworthy(first, 3.0)
    assert lost.trouble_in_words(first, BOUNDS) == "no name; asked again for 1 min"
    heard(second, ANSWER, Transient("HTTP 503"), at=1.0)
    assert not lost.is_noteworthy(second, 100.0)  # an outage: it shows in the endpoint's state
    heard(second, QUOTA, at=101.0)
    assert lost.is_noteworthy(second, 106.0)
    assert lost.trouble_in_words(second, BOUNDS).endswith("asked again for 5 min")


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("silent", TransientFailure),
        ("quota", RateLimited),
        ("day", RateLimited),
        ("rejecting", RequestRejected),
        ("denied", AuthFailed),
    ],
)
def test_a_model_without_endpoints_says_whose_turn_it_is(cause: StopCause, kind: type) -> None:
    model = two()
    for lane in model.lanes:
        lane.stopped, lane.stop_cause = "why", "denied"
    model.lanes[1].stop_cause = cause
    error = lost.no_endpoint(model)
    assert type(error) is kind
    assert "e0: why; e1: why" in str(error)
