from stormproof.domain.calls import Request
from stormproof.domain.pool import Endpoint
from stormproof.pool.lane import Lane
from stormproof.pool.queue import RETRY, Running, Waiting, WaitingLine


def waiting(name: str, *, answered: int = 0, retry: bool = False) -> Waiting:
    endpoint = Endpoint("e", 0, "m", "p", "openai", "http://x", "d", "env:K")
    running = Running("m", Lane(endpoint, "fixed", ()), pinned=False)
    running.answered = answered
    entry = Waiting(running, Request(name, answered, "m", ()), 1.0)
    if retry:
        entry.urgency = RETRY
    return entry


def test_retries_then_longest_remaining_then_new_ones() -> None:
    line = WaitingLine()
    line.push(waiting("new"), 10)
    line.push(waiting("short", answered=5), 2)
    line.push(waiting("long", answered=1), 8)
    line.push(waiting("retry", answered=9, retry=True), 1)
    order = [entry.request.trial_id for _ in range(4) if (entry := line.pop())]
    assert order == ["retry", "long", "short", "new"]
    assert line.pop() is None


def test_equals_keep_their_order() -> None:
    line = WaitingLine()
    for number in range(50):
        line.push(waiting(str(number)), 1)
    assert [entry.request.trial_id for _ in range(50) if (entry := line.pop())] == [
        str(n) for n in range(50)
    ]
