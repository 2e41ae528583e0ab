"""The first seconds at endpoints whose limits nobody declared, on trio's mock clock."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
import trio
import trio.testing

from stormproof.domain.calls import Ok, Refused, Reply, Request, Usage, Verdict
from stormproof.domain.pool import Endpoint
from stormproof.pool import Ask, Dispatcher, Job

SECONDS = 12.0


class Capped:
    """One endpoint that takes `cap` at once for `latency_s` each, and refuses the rest at once."""

    def __init__(self, cap: int, latency_s: float) -> None:
        self.cap, self.latency_s = cap, latency_s
        self.in_flight = self.refused = 0
        self.busy: list[tuple[float, float]] = []

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del endpoint, request, timeout_s, attempt
        if self.in_flight >= self.cap:
            self.refused += 1
            await anyio.sleep(0.02)
            return Refused("429")
        self.in_flight += 1
        began = trio.current_time()
        await anyio.sleep(self.latency_s)
        self.busy.append((began, trio.current_time()))
        self.in_flight -= 1
        return Ok(Reply("hello", usage=Usage(100, 50)))

    def share(self, start: float, end: float) -> float:
        """Share of the capacity that was used between two instants."""
        used = sum(self._overlaps(start, end))
        return used / (self.cap * (end - start))

    def _overlaps(self, start: float, end: float) -> Iterator[float]:
        return (max(0.0, min(end, b) - max(start, a)) for a, b in self.busy)


class Endless:
    """Single calls without end."""

    def take(self, model: str, shard: int | None) -> Job:
        del shard

        async def job(ask: Ask) -> None:
            await ask(Request("t", 0, model, ()))

        return job

    def remaining(self, model: str) -> int:
        return 10_000 * len(model)


@pytest.mark.parametrize(("cap", "latency_s"), [(12, 0.3), (12, 0.6), (40, 1.0), (100, 2.0)])
def test_nine_tenths_of_an_unknown_cap_are_used_within_five_seconds(
    cap: int, latency_s: float
) -> None:
    wire = Capped(cap, latency_s)
    endpoint = Endpoint("e", 0, "m", "p", "openai", "http://x", "d", "env:K")

    async def main() -> float:
        began = trio.current_time()
        with anyio.move_on_after(SECONDS):
            await Dispatcher([endpoint], wire).run(Endless())
        return began

    began = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert wire.share(began + 5, began + SECONDS - latency_s) >= 0.9
    assert wire.refused <= 0.05 * len(wire.busy) + 5
