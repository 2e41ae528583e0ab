"""What is asked of a scheduler in its tests: endpoints, jobs that play nothing, a request."""

from stormproof.domain.calls import Request
from stormproof.domain.pool import Endpoint, LimitGroup, Limits
from stormproof.pool import Ask, Job
from stormproof.pool.jobs import PendingRequest
from stormproof.pool.scheduler import Scheduler


def endpoint(number: int, *groups: LimitGroup, model: str = "m", **limits: int) -> Endpoint:
    return Endpoint(
        f"{model}{number}", number, model, "p", "openai", "http://x", "d", "env:K",
        limits=Limits(**limits),
        groups=groups,
    )  # fmt: skip


async def play(ask: Ask) -> None:
    del ask


class Endless:
    """A supply that always has a job."""

    def take(self, model: str, shard: int | None) -> Job:
        del model, shard
        return play

    def remaining(self, model: str) -> int:
        del model
        return 1


def ask(scheduler: Scheduler, now: float = 0.0, place: int = 0) -> PendingRequest:
    """A request of a job that was begun for the lane there."""
    job = scheduler.grants.begin(scheduler.lanes[place], play)
    return scheduler.ask(job, Request("t", 1, job.model, ()), now)
