"""`fixed` rate mode: declared workers and qps, held exactly; a gate for trouble."""

from __future__ import annotations

from stormproof.control.breaker import Breaker, State
from stormproof.control.controller import Fate, Sent, View
from stormproof.control.pace import Ceiling
from stormproof.control.word import Word
from stormproof.domain.calls import RateHeaders
from stormproof.domain.pool import FEW_SLOTS, Limits


class Fixed:
    """The declared numbers and nothing else, until five failures in a row shut the gate.

    Where no worker count is declared, `workers` are used (see `Endpoint.fixed_slots`).
    """

    def __init__(self, limits: Limits, *, workers: float = FEW_SLOTS) -> None:
        self._ceiling = Ceiling(limits)
        if limits.max_workers is None:
            self._ceiling.workers = workers
        self._qps = limits.qps
        self._breaker = Breaker()
        self._word = Word()
        self._index = 0
        self.in_flight = 0  # sends that have not ended

    @property
    def closed(self) -> str:
        """See `Controller`."""
        return self._breaker.why

    def ready_at(self, now: float) -> float:
        """See `Controller`."""
        return max(self._ceiling.ready_at(now, self.in_flight), self._breaker.ready_at)

    def sent(self, now: float, tokens: float) -> Sent:
        """See `Controller`."""
        self.in_flight += 1
        self._index += 1
        sent = Sent(now, self.in_flight, self._index, 0, tokens)
        self._ceiling.sent(sent, now)
        self._breaker.sent(sent, now)
        return sent

    def answered(
        self,
        sent: Sent,
        now: float,
        tokens: float,
        output_tokens: float = 0.0,  # noqa: ARG002  the seam's signature
    ) -> None:
        """See `Controller`."""
        self._end(sent, Fate.ACCEPTED)
        self._word.accepted(sent.at)
        self._ceiling.correct(now, tokens - sent.tokens)
        self._breaker.answered(sent)
        if self._breaker.heeds(sent):
            self._breaker.canary_passed()

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:
        """See `Controller`."""
        self._end(sent, Fate.REFUSED)
        self._word.told(sent.at, now, told_s)
        self._breaker.failed(sent, now, "refusals", State.REFUSALS)
        self._breaker.wait_until(self._word.until(now))

    def failed(self, sent: Sent, now: float, why: str) -> None:
        """See `Controller`."""
        self._end(sent, Fate.FAILED)
        self._breaker.failed(sent, now, why)

    def abandoned(self, sent: Sent, now: float) -> None:
        """See `Controller`."""
        self._end(sent, Fate.ABANDONED)
        self._breaker.canary_failed(sent, now)

    def advertised(self, rates: RateHeaders) -> None:
        """Headers change nothing: the declared numbers are the user's word."""

    def view(self) -> View:
        """See `Controller`."""
        return View(self._ceiling.workers, self._qps or 0.0, self._breaker.shown, "fixed")

    def _end(self, sent: Sent, fate: Fate) -> None:
        sent.fate = fate
        self.in_flight -= 1
