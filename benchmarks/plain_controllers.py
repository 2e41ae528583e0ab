"""What we are measured against: fixed workers that never learn, and plain AIMD."""

from __future__ import annotations

from math import inf

from stormproof.control.controller import Sent, View
from stormproof.domain.calls import RateHeaders


class Workers:
    """`count` requests in flight, whatever happens; a refused worker pauses for a second."""

    def __init__(self, count: int, pause_s: float = 1.0) -> None:
        self.in_flight = 0
        self._count = count
        self._pause_s = pause_s
        self._paused: list[float] = []

    @property
    def closed(self) -> str:
        """Never."""
        return ""

    def ready_at(self, now: float) -> float:
        """A worker is free."""
        while self._paused and self._paused[0] <= now:
            self._paused.pop(0)
        if self.in_flight + len(self._paused) < self._count:
            return now
        return self._paused[0] if self._paused else inf

    def sent(self, now: float, tokens: float) -> Sent:
        """Count it."""
        self.in_flight += 1
        return Sent(now, self.in_flight, 0, 0, tokens)

    def answered(self, sent: Sent, now: float, tokens: float, output_tokens: float = 0.0) -> None:  # noqa: ARG002  the seam
        """The worker is free."""
        self.in_flight -= 1

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:  # noqa: ARG002  likewise
        """The worker pauses."""
        self.in_flight -= 1
        self._paused.append(now + self._pause_s)

    def failed(self, sent: Sent, now: float, why: str) -> None:  # noqa: ARG002  likewise
        """The worker pauses."""
        self.refused(sent, now, None)

    def abandoned(self, sent: Sent, now: float) -> None:  # noqa: ARG002  likewise
        """The worker is free."""
        self.in_flight -= 1

    def advertised(self, rates: RateHeaders) -> None:
        """Deaf."""

    def view(self) -> View:
        """The count."""
        return View(self._count, 0.0, "open", "fixed")


class Aimd(Workers):
    """One more per window's worth of answers, half after a refusal (once per second)."""

    def __init__(self) -> None:
        super().__init__(4, pause_s=0.5)
        self._window = 4.0
        self._cut_at = -inf

    def answered(self, sent: Sent, now: float, tokens: float, output_tokens: float = 0.0) -> None:
        """Additive increase."""
        super().answered(sent, now, tokens, output_tokens)
        self._window += 1 / self._window
        self._count = int(self._window)

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:
        """Multiplicative decrease."""
        super().refused(sent, now, told_s)
        if now - self._cut_at > 1:
            self._cut_at = now
            self._window = max(1.0, self._window / 2)
            self._count = int(self._window)
