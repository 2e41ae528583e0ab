"""What counts as lost, unusable, silent, stuck or unserved, and the errors that say so.

Judges, acts not.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Literal

from stormproof.domain.calls import (
    Blocked,
    Denied,
    Overlong,
    Refused,
    Rejected,
    Transient,
    Verdict,
)
from stormproof.errors import (
    AuthFailed,
    CallError,
    ContextOverflow,
    PromptBlocked,
    RateLimited,
    RequestRejected,
    TransientFailure,
)
from stormproof.pool.bounds import Bounds
from stormproof.pool.endpoint import Lane, StopCause
from stormproof.pool.jobs import PendingRequest
from stormproof.pool.model_queue import ModelQueue

Hedge = Literal["lost", "all", "none"]

EARLY = 0.999  # of a time limit: timers round, and so do clocks
BLIP_S = 2.0  # trouble of an endpoint that has never answered, before a person is told
AFTER_S = 1.0  # a day's quota is asked for so long after it is refilled
DOUBT_S = 5.0  # the same of one that has answered, and says of itself that it cannot be used
_CAUSES: dict[type, StopCause] = {Refused: "quota", Denied: "denied", Rejected: "rejecting"}


# --- one send ------------------------------------------------------------------------------


UNLIKE = 3.0  # × what another endpoint of the model takes, where one's own answers say nothing yet


def patience_s(bounds: Bounds, hedge: Hedge, lane: Lane, model: ModelQueue, failures: int) -> float:
    """How long to wait for an answer before the request counts as lost and goes elsewhere.

    Far beyond what answers take, so that no answer is preferred for being short. Whoever wants
    no hedging at all waits as long as a request may take, and so does the last try.
    """
    if hedge == "none" or failures + 1 >= bounds.tries:
        return bounds.request_timeout_s
    number = lane.controller.in_flight
    answers_s = lane.tail.patience_s(number)
    if answers_s == inf:
        others_s = (x.tail.patience_s(number) for x in model.lanes)
        answers_s = UNLIKE * max((s for s in others_s if s < inf), default=inf)
    return min(bounds.request_timeout_s, max(bounds.lost_floor_s, answers_s))


def is_lost(silent_s: float, patience: float, bounds: Bounds) -> bool:
    """Whether the transport was told to give up sooner than a request may take, and did."""
    return silent_s >= EARLY * patience < EARLY * bounds.request_timeout_s


def give_up(pending: PendingRequest, lane: Lane, silent_s: float, *, begun: bool) -> None:
    """A send is declared lost. Where its answer had begun, that was a false alarm."""
    pending.hedged = True
    lane.lost()
    if begun:
        lane.false_alarms += 1
    else:
        pending.given_up.append((lane, silent_s))


def own_up(pending: PendingRequest, took_s: float) -> None:
    """The request was answered, after so long: silence that was no longer was a false alarm."""
    for lane, silent_s in pending.given_up:
        lane.false_alarms += took_s >= silent_s


# --- one request ---------------------------------------------------------------------------


def unserved_s(pending: PendingRequest, model: ModelQueue, now: float) -> float:
    """For how long no endpoint of the model has accepted this request, or any other."""
    return now - max(pending.asked_at, model.served_at, model.rests_until)


def ending() -> TransientFailure:
    """The run has been told to stop."""
    return TransientFailure(
        "the run is ending", hint="run the same command again; it goes on from there"
    )


def rejected(lane: Lane, verdict: Rejected) -> RequestRejected:
    """The request itself is at fault, at every endpoint that was asked."""
    return RequestRejected(
        f"{lane.endpoint.endpoint_id}: {verdict.reason}",
        hint="the provider refuses this very request; the trial is not scored",
    )


def opening_rejected(verdict: Overlong) -> Rejected:
    """Where not even the first prompt of an episode fits, the model has filled nothing."""
    return Rejected(
        f"the first prompt does not fit: {verdict.reason}; serve it with a larger context, or ask "
        "for fewer max_tokens"
    )


def ended(lane: Lane, verdict: Overlong | Blocked) -> CallError:
    """The conversation cannot go on, at this endpoint or any other."""
    kind = ContextOverflow if isinstance(verdict, Overlong) else PromptBlocked
    return kind(f"{lane.endpoint.endpoint_id}: {verdict.reason}")


def out_of_tries(lane: Lane, verdict: Transient, failures: int) -> TransientFailure:
    """The request has failed as often as it may."""
    return TransientFailure(
        f"{lane.endpoint.endpoint_id}: {verdict.reason} (the last of {failures} tries)",
        hint="run the same command again later; finished trials are not repeated",
    )


def may_collide(pending: PendingRequest, verdict: Verdict) -> bool:
    """Whether a server seems to take the text protocol's calls for its own, again and again."""
    again = pending.attempts > 1 and pending.request.protocol == "text"
    return again and isinstance(verdict, Transient) and "HTTP 500" in verdict.reason


# --- one endpoint --------------------------------------------------------------------------


def unusable(
    lane: Lane, model: ModelQueue, verdict: Verdict, bounds: Bounds, now: float
) -> tuple[StopCause, str]:
    """As what, and why, an endpoint is given up for what it has just said; ("", "") if not.

    An empty account is believed at once. Keys and deployments are too where the endpoint has never
    answered; requests where no endpoint of the model has, and each rejected several. What may pass
    is believed when the endpoint has said nothing else for `believed_s`: see `Bounds`.
    """
    match verdict:
        case Refused(reason=reason, exhausted=True):
            return "quota", reason
        case Refused(reason=reason) if _of_a_day(verdict):
            too_long = rest_s(lane, verdict, bounds, now) == inf
            return ("day", f"{reason} (--max-wait)") if too_long else ("", "")
        case Denied(reason=reason) if not lane.accepted:
            return "denied", reason
        case Rejected(reason=reason) if _all_reject(model, bounds):
            return "rejecting", f"it rejects every request: {reason}"
        case Refused() | Denied() | Rejected() if now - lane.doubted_since >= bounds.believed_s:
            why = f"nothing else in {bounds.believed_s / 60:.0f} min: {verdict.reason}"
            return _CAUSES[type(verdict)], why
    return "", ""


def _all_reject(model: ModelQueue, bounds: Bounds) -> bool:
    """Whether every living endpoint has rejected its first requests: it is what we ask for."""
    return all(not x.accepted and x.rejections >= bounds.first_rejections for x in model.live)


def _of_a_day(verdict: Verdict) -> bool:
    """Whether it speaks of a quota that is refilled in hours, or when a day is over."""
    long = isinstance(verdict, Refused) and verdict.resumes_in_s is not None
    return isinstance(verdict, Refused) and not verdict.exhausted and (verdict.of_a_day or long)


def rest_s(lane: Lane, verdict: Verdict, bounds: Bounds, now: float) -> float:
    """How long a lane whose day's quota is used up rests: inf for too long, 0 where it is not.

    Where it is not said when it is refilled, it is asked again every `believed_s`.
    """
    if not isinstance(verdict, Refused) or not _of_a_day(verdict):
        return 0.0
    doubted_s, resumes_in_s = now - lane.doubted_since, verdict.resumes_in_s
    sure = verdict.of_a_day and resumes_in_s is not None
    if not sure and doubted_s < bounds.believed_s:
        return 0.0
    too_long = doubted_s + (resumes_in_s or 0.0) > bounds.max_wait_s
    return inf if too_long else (resumes_in_s or bounds.believed_s) + AFTER_S


def is_noteworthy(lane: Lane, now: float) -> bool:
    """Whether a person should hear of the lane's trouble: before anything was answered, soon."""
    if not lane.trouble:
        return False
    fresh = not lane.accepted and now - lane.troubled_since >= BLIP_S
    return fresh or now - lane.doubted_since >= DOUBT_S


def trouble_in_words(lane: Lane, bounds: Bounds) -> str:
    """What is wrong, and for how long that will be borne."""
    bound_s = bounds.unserved_s + bounds.stuck_s
    if lane.doubted_since < inf:
        bound_s = bounds.believed_s
    elif not lane.reached:
        bound_s = bounds.unreached_s
    return f"{lane.trouble}; asked again for {bound_s / 60:.0f} min"


# --- one model -----------------------------------------------------------------------------


def unreached_lanes(model: ModelQueue, bounds: Bounds, now: float) -> list[Lane]:
    """All living lanes of the model, where nothing has ever answered at any; else none.

    An address that is wrong will not be right in an hour. What has spoken once is waited for.
    """
    live = model.live
    since = max((lane.troubled_since for lane in live), default=inf)
    reached = any(lane.reached or not lane.trouble for lane in live)
    return live if now - since >= bounds.unreached_s and not reached else []


def why_unreached(lane: Lane, now: float) -> str:
    """Why a lane that has never answered is given up."""
    silent_s = now - lane.troubled_since
    return f"never answered in {silent_s:.0f} s (is base_url right?): {lane.trouble}"


def silent_lanes(model: ModelQueue, bounds: Bounds, now: float) -> list[Lane]:
    """All living lanes of the model, where none has answered for too long; else none.

    Without this, a model that nobody serves would cost each of its trials all its tries. A
    request's own bound comes first.
    """
    live = model.live
    since = max((lane.troubled_since for lane in live if lane.trouble), default=inf)
    since = max(since, model.rests_until)
    longest = bounds.unserved_s + bounds.stuck_s
    return live if now - since > longest and all(lane.trouble for lane in live) else []


def why_silent(lane: Lane, now: float) -> str:
    """Why a silent lane is given up."""
    return f"no answer for {(now - lane.troubled_since) / 60:.0f} min: {lane.trouble}"


def given_up(model: ModelQueue, bounds: Bounds, now: float) -> Iterator[tuple[Lane, str]]:
    """The lanes that nothing more is hoped of, and why; whoever asks stops each at once."""
    for lane in unreached_lanes(model, bounds, now):
        yield lane, why_unreached(lane, now)
    for lane in silent_lanes(model, bounds, now):
        yield lane, why_silent(lane, now)


def why_stuck(model: ModelQueue, bounds: Bounds, now: float) -> str:
    """What is known where requests wait and none has been sent for too long; else empty."""
    silent_s = now - max(model.served_at, model.sent_at, model.rests_until)
    if silent_s <= bounds.stuck_s:
        return ""
    states = ", ".join(f"{x.endpoint.endpoint_id}: {x.condition}" for x in model.lanes)
    return f"{model.waiting} requests wait, none sent for {silent_s:.0f} s; {states}"


def is_unserved(model: ModelQueue, bounds: Bounds, now: float) -> bool:
    """Whether nothing was accepted for too long, and nothing is in flight that may be."""
    silent_s = now - max(model.served_at, model.rests_until)
    return silent_s > bounds.unserved_s and not model.in_flight


def unserved(model: ModelQueue, silent_s: float) -> RateLimited:
    """No endpoint of the model has accepted anything for too long."""
    return RateLimited(
        f"no endpoint of {model.name} has accepted a request for {silent_s / 60:.0f} min",
        hint="look at the provider's status and quota, then run the same command again",
    )


def no_endpoint(model: ModelQueue) -> CallError:
    """Every endpoint of the model has stopped, and why."""
    reasons = "; ".join(f"{x.endpoint.endpoint_id}: {x.stopped}" for x in model.lanes)
    causes = {x.stop_cause for x in model.lanes}
    if "silent" in causes:
        return TransientFailure(
            f"no endpoint of {model.name} answers: {reasons}",
            hint="check base_url in the pool file, or run again later; what is done stays done",
        )
    if "day" in causes:
        return RateLimited(
            f"no endpoint of {model.name} has any quota left: {reasons}",
            hint="run the same command again then, or wait for it with --max-wait 12h, say",
        )
    kind: type[CallError] = AuthFailed
    if causes != {"denied"}:
        kind = RateLimited if "quota" in causes else RequestRejected
    return kind(
        f"no endpoint of {model.name} is usable: {reasons}",
        hint="mend its keys, deployments or quota in the pool file, then run again",
    )
