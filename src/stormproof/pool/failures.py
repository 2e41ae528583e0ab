"""What the dispatcher says when a request cannot be served, and what a request weighs."""

from __future__ import annotations

from stormproof.domain.calls import Reply, Request
from stormproof.errors import AuthFailed, CallError, RateLimited, TransientFailure
from stormproof.pool.lane import ModelQueue

CHARS_PER_TOKEN = 4


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


def unserved(model: ModelQueue, silent_s: float) -> RateLimited:
    """No endpoint of the model has accepted anything for too long."""
    return RateLimited(
        f"no endpoint of {model.name} has accepted a request for {silent_s / 60:.0f} min",
        hint="look at the provider's status and quota, then run the same command again",
    )


def estimated_tokens(request: Request) -> float:
    """A first estimate of a request's tokens: its text, and what it may write."""
    chars = sum([len(message.content) for message in request.messages])
    return chars / CHARS_PER_TOKEN + (request.max_tokens or 256)


def used_tokens(reply: Reply, estimate: float) -> float:
    """What the provider counted, or the estimate where it counted nothing."""
    usage = reply.usage
    return float(usage.prompt_tokens + usage.completion_tokens) or estimate
