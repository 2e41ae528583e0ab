"""Servers that make wait instead of refusing: more in flight, and no more comes back."""

from __future__ import annotations

from math import inf
from statistics import median

from stormproof.control.controller import Sent

BATCH = 30  # answers that are judged together
TWICE = 2  # batches in a row that say so
FEWEST = 4.0  # slots: never held below
UNPROVEN = 64.0  # in flight before anything was answered
PER_ANSWER = 8.0  # and so many more for each answer: silence alone carries no further
SLOWER = 1.5  # × the best median latency per output token: answers have waited
FULLER = 1.3  # with so many times more in flight than then
CLOCK_S = 1e-3  # an event loop's clock may stand still while a whole batch comes in
EASED = 1.2  # below this the bound is lifted step by step
ROOM = 1.25  # beside Little's law, so that no slot idles
LIFT = 1.2


class Batch:
    """What one batch of answers said."""

    __slots__ = ("in_flight", "latency", "throughput")

    def __init__(self, latency: float, in_flight: float, throughput: float) -> None:
        self.latency = latency
        self.in_flight = in_flight
        self.throughput = throughput


class Queueing:
    """`bound` is how many in flight the server works on at once, inf while it does not queue.

    By Little's law that is the throughput times the latency without waiting. A batch speaks of
    queueing only when latency rose and in flight rose, and throughput did not follow.
    """

    def __init__(self) -> None:
        self._limit = inf
        self._proven = UNPROVEN
        self._best: Batch | None = None
        self._latencies: list[float] = []
        self._numbers = 0
        self._row = 0
        self._since = inf
        self._refuses = False

    @property
    def bound(self) -> float:
        """How many may be in flight."""
        return min(self._limit, self._proven)

    def refused(self) -> None:
        """A server that refuses does not make wait: its latency is its own affair."""
        self._refuses = True
        self._limit = inf

    def answered(self, sent: Sent, now: float, output_tokens: float) -> bool:
        """Judge a batch when it is full; true when the bound has come down."""
        if self._refuses:
            self._proven += PER_ANSWER
            return False
        self._latencies.append((now - sent.at) / max(1.0, output_tokens))
        self._numbers += sent.number
        if self._since == inf:
            self._since = sent.at
        count = len(self._latencies)
        self._proven += PER_ANSWER
        if count < BATCH:
            return False
        span = max(CLOCK_S, now - self._since)
        batch = Batch(
            max(CLOCK_S, median(self._latencies)), max(1.0, self._numbers / count), count / span
        )
        self._latencies, self._numbers, self._since = [], 0, now
        return self._judge(batch)

    def _judge(self, batch: Batch) -> bool:
        best = self._best
        if best is None or batch.latency < best.latency:
            self._best = batch
            return False
        fuller = batch.in_flight / best.in_flight
        if batch.latency > SLOWER * best.latency and fuller > FULLER:
            return self._waited(batch, best, fuller)
        self._row = 0
        if batch.latency < EASED * best.latency:
            self._limit *= LIFT
        return False

    def _waited(self, batch: Batch, best: Batch, fuller: float) -> bool:
        self._row += batch.throughput < best.throughput * (1 + fuller) / 2
        if self._row < TWICE:
            return False
        self._limit = max(FEWEST, batch.in_flight * best.latency / batch.latency * ROOM)
        return True
