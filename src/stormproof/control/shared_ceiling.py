"""What was declared for a provider, key or deployment above several endpoints: held exactly."""

from __future__ import annotations

from stormproof.control.controller import Sent
from stormproof.control.pace import Ceiling
from stormproof.domain.pool import Limits


class SharedCeiling:
    """Grants to all endpoints below it. Hears of each send by `sent` and of its end by `ended`."""

    def __init__(self, name: str, limits: Limits) -> None:
        # What it is of, as shown: `key p/env:K`. Never changes.
        self.name = name
        # Names of the models that meet here, each once, in the endpoints' order. Set by
        # `limits_above` before the first send; never changes afterwards.
        self.models: list[str] = []
        # Sends that have not ended: each counts from `sent` to `ended`.
        self.in_flight = 0
        self._ceiling = Ceiling(limits)

    def ready_at(self, now: float) -> float:
        """The earliest instant for a send; inf when one must end first."""
        return self._ceiling.ready_at(now, self.in_flight)

    def has_room(self, beside: int) -> bool:
        """Whether one more may be in flight if `beside` others were sent now."""
        return beside + self.in_flight < self._ceiling.workers

    def sent(self, sent: Sent, now: float) -> None:
        """A send goes."""
        self.in_flight += 1
        self._ceiling.sent(sent, now)

    def ended(self, now: float, missed_tokens: float) -> None:
        """A send has ended; it cost so many more tokens than was estimated."""
        self.in_flight -= 1
        self._ceiling.correct(now, missed_tokens)
