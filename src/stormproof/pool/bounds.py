"""Every bound on a wait or a repetition, in one place. Seconds unless the name says otherwise."""

from __future__ import annotations

from random import Random

from msgspec import Struct


class Bounds(Struct, frozen=True):
    """How long the dispatcher waits for anything, and how often it tries again.

    A request's life is bounded: `tries` sends may fail by no fault of the request, and refusals,
    which are free and expected, may go on for `unserved_s` since the request was first queued
    or last sent without being refused. A model of which no endpoint has answered anything for
    `unserved_s` + `stuck_s` is given up for this run, and one of which nothing has ever been
    reached after `unreached_s`.

    What an endpoint says of itself (its quota is spent, our key is not known, every request is
    wrong) may pass: it is asked again and again, and believed when it has said nothing else for
    `believed_s`. An endpoint that has never answered is believed about keys and deployments at
    once; a model's endpoints are about requests when none has answered, and each rejected its
    `first_rejections`; any is about a quota of a day when it says when that is refilled. That is
    waited for within `max_wait_s`, and no other bound then holds.
    """

    request_timeout_s: float = 600.0  # one send, from grant to the whole body
    tries: int = 6  # sends that end in an error that another try may mend; a canary's errors
    # are the endpoint's, but for an answer under 200, which may have to be paid
    backoff_s: float = 0.5  # first pause between them, doubled each time, with full jitter
    backoff_max_s: float = 30.0
    unserved_s: float = 900.0  # no endpoint of the model has accepted this request for so long
    drain_grace_s: float = 20.0  # requests in flight when the run is told to stop
    lost_floor_s: float = 30.0  # nothing that is silent for less counts as lost
    stuck_s: float = 60.0  # the watchdog speaks when requests wait and none is sent for so long
    unreached_s: float = 60.0  # nothing has ever answered as a model's service does
    believed_s: float = 300.0  # longer than any limit per minute lasts
    first_rejections: int = 3
    max_wait_s: float = 0.0  # for quotas of a day to be refilled


def backoff(bounds: Bounds, failures: int, told_s: float | None, rng: Random) -> float:
    """Pause before the next try after `failures` ≥ 1 errors: full jitter, never below `told_s`."""
    longest = min(bounds.backoff_max_s, bounds.backoff_s * 2 ** (failures - 1))
    return max(rng.uniform(0, longest), min(told_s or 0.0, bounds.backoff_max_s))
