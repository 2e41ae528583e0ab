"""What counts as lost, silent, stuck or unserved, and the errors that say so. Judges, acts not."""

from __future__ import annotations

from math import inf
from typing import Literal

from stormproof.control.bounds import Bounds
from stormproof.domain.calls import Rejected, Transient
from stormproof.errors import (
    AuthFailed,
    CallError,
    RateLimited,
    RequestRejected,
    TransientFailure,
)
from stormproof.pool.endpoint import Lane
from stormproof.pool.jobs import PendingRequest
from stormproof.pool.model_queue import ModelQueue

Hedge = Literal["lost", "all", "none"]

EARLY = 0.999  # of a time limit: timers round, and so do clocks


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


# --- one request ---------------------------------------------------------------------------


def unserved_s(pending: PendingRequest, model: ModelQueue, now: float) -> float:
    """For how long no endpoint of the model has accepted this request, or any other."""
    return now - max(pending.asked_at, model.served_at)


def ending() -> TransientFailure:
    """The run has been told to stop."""
    return TransientFailure(
        "the run is ending", hint="run the same command again; it goes on from there"
    )


def rejected(lane: Lane, verdict: Rejected) -> RequestRejected:
    """The request itself is at fault."""
    return RequestRejected(
        f"{lane.endpoint.endpoint_id}: {verdict.reason}",
        hint="the provider refuses this very request; the trial is not scored",
    )


def out_of_tries(lane: Lane, verdict: Transient, failures: int) -> TransientFailure:
    """The request has failed as often as it may."""
    return TransientFailure(
        f"{lane.endpoint.endpoint_id}: {verdict.reason} (the last of {failures} tries)",
        hint="run the same command again later; finished trials are not repeated",
    )


# --- one model -----------------------------------------------------------------------------


def silent_lanes(model: ModelQueue, bounds: Bounds, now: float) -> list[Lane]:
    """All living lanes of the model, where none has answered for too long; else none.

    Without this, a model that nobody serves would cost each of its trials all its tries. A
    request's own bound comes first.
    """
    live = model.live
    since = max((lane.troubled_since for lane in live if lane.trouble), default=inf)
    longest = bounds.unserved_s + bounds.stuck_s
    return live if now - since > longest and all(lane.trouble for lane in live) else []


def why_silent(lane: Lane, now: float) -> str:
    """Why a silent lane is given up."""
    return f"no answer for {(now - lane.troubled_since) / 60:.0f} min: {lane.trouble}"


def why_stuck(model: ModelQueue, bounds: Bounds, now: float) -> str:
    """What is known where requests wait and none has been sent for too long; else empty."""
    silent_s = now - max(model.served_at, model.sent_at)
    if silent_s <= bounds.stuck_s:
        return ""
    states = ", ".join(f"{x.endpoint.endpoint_id}: {x.condition}" for x in model.lanes)
    return f"{model.waiting} requests wait, none sent for {silent_s:.0f} s; {states}"


def is_unserved(model: ModelQueue, bounds: Bounds, now: float) -> bool:
    """Whether nothing was accepted for too long, and nothing is in flight that may be."""
    return now - model.served_at > bounds.unserved_s and not model.in_flight


def unserved(model: ModelQueue, silent_s: float) -> RateLimited:
    """No endpoint of the model has accepted anything for too long."""
    return RateLimited(
        f"no endpoint of {model.name} has accepted a request for {silent_s / 60:.0f} min",
        hint="look at the provider's status and quota, then run the same command again",
    )


def no_endpoint(model: ModelQueue) -> CallError:
    """Every endpoint of the model has stopped, and why."""
    reasons = "; ".join(f"{x.endpoint.endpoint_id}: {x.stopped}" for x in model.lanes)
    if any(x.silent for x in model.lanes):
        return TransientFailure(
            f"no endpoint of {model.name} answers: {reasons}",
            hint="run the same command again later; finished trials are not repeated",
        )
    kind = RateLimited if any(x.quota for x in model.lanes) else AuthFailed
    return kind(
        f"no endpoint of {model.name} is usable: {reasons}",
        hint="mend its keys, deployments or quota in the pool file, then run again",
    )
