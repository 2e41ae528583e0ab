import pytest

from stormproof.domain.calls import Request
from stormproof.domain.pool import Endpoint
from stormproof.pool import Ask
from stormproof.pool.endpoint import Lane
from stormproof.pool.jobs import MOVES, RETRY, ActiveJob, PendingRequest, Status
from stormproof.pool.model_queue import ModelQueue, RequestQueue


async def play(ask: Ask) -> None:
    del ask


def lane() -> Lane:
    return Lane(Endpoint("e", 0, "m", "p", "openai", "http://x", "d", "env:K"), "fixed")


def waiting(name: str, *, answered: int = 0, retry: bool = False) -> PendingRequest:
    job = ActiveJob(play, lane(), pinned=False)
    job.answered = answered
    pending = PendingRequest(job, Request(name, answered, "m", ()), 0.0, 1.0)
    if retry:
        pending.urgency = RETRY
    return pending


def order(queue: RequestQueue) -> list[str]:
    return [each.request.trial_id for _ in range(len(queue)) if (each := queue.pop())]


def test_retries_then_longest_remaining_then_new_ones() -> None:
    queue = RequestQueue()
    queue.push(waiting("new"), 10)
    queue.push(waiting("short", answered=5), 2)
    queue.push(waiting("long", answered=1), 8)
    queue.push(waiting("retry", answered=9, retry=True), 1)
    assert order(queue) == ["retry", "long", "short", "new"]
    assert queue.pop() is None


def test_equals_keep_their_order() -> None:
    queue = RequestQueue()
    for number in range(50):
        queue.push(waiting(str(number)), 1)
    assert order(queue) == [str(n) for n in range(50)]


def test_a_withdrawn_request_is_passed_over() -> None:
    queue = RequestQueue()
    requests = [waiting(name) for name in "abc"]
    for pending in requests:
        queue.push(pending, 1)
    requests[0].withdrawn = requests[1].withdrawn = True
    assert queue.pop() is requests[2]
    assert queue.pop() is None


def test_jobs_are_counted_by_status_wherever_they_go() -> None:
    model, home = ModelQueue("m"), lane()
    job = ActiveJob(play, home, pinned=False)
    model.admit(job)
    assert (model.under_way, model.busy, home.beginning) == (1, 1, 1)
    went = [Status.WAITING, Status.FLYING, Status.PAUSING, Status.WAITING, Status.WORKING]
    for status in went:
        model.move(job, status)
        assert job.status is status
        assert (model.counts[status], sum(model.counts)) == (1, 1)
    assert (model.busy, home.beginning) == (1, 0)
    model.move(job, Status.ENDED)
    assert (model.under_way, model.busy) == (0, 0)


@pytest.mark.parametrize("old", Status)
def test_a_job_goes_only_where_its_status_allows(old: Status) -> None:
    for new in set(Status) - MOVES[old]:
        model, job = ModelQueue("m"), ActiveJob(play, lane(), pinned=False)
        job.status = old
        with pytest.raises(RuntimeError, match=f"from {old.name} to {new.name}"):
            model.move(job, new)
        assert job.status is old
        assert model.counts == [0] * len(Status)


def test_a_shut_lane_is_not_given_what_failed_there_while_another_lives() -> None:
    model, shut, other = ModelQueue("m"), lane(), lane()
    model.add(shut)
    model.add(other)
    failed, fresh = waiting("failed", retry=True), waiting("fresh")
    failed.try_again(shut, failed=True)
    model.push(failed)
    model.push(fresh)
    shut.closed = "silence"
    assert [model.pop(shut), model.pop(shut)] == [fresh, None]
    model.stop(other, "denied", "401")
    assert model.pop(shut) is failed
