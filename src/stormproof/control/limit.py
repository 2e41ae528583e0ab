"""What binds an endpoint: each kind of limit finds itself, and grants what it believes in."""

from __future__ import annotations

from typing import Protocol

from stormproof.control.controller import Sent


class Limit(Protocol):
    """One kind of limit. It hears of every send, and once more of each when its fate is known."""

    def ready_at(self, now: float, in_flight: int) -> float:
        """The earliest instant for a send beside `in_flight`; inf: something must be heard."""
        ...

    def sent(self, sent: Sent, now: float) -> None:
        """A send goes."""
        ...

    def evidence(self, sent: Sent, now: float) -> None:
        """`sent.fate` is known; of a refusal, `speaks_to` names whom the blame rules found."""
        ...
