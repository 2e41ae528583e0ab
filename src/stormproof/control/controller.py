"""The seam between `control` and `pool`: what a controller of an endpoint is, and a limit of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from stormproof.domain.calls import RateHeaders


class Fate(Enum):
    """What became of a send. Silence long enough is an acceptance, however long the answer."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"
    ABANDONED = "abandoned"


@dataclass(slots=True, eq=False)
class Sent:
    """One send, tagged with what was known when it went: evidence speaks about this moment.

    `number` is how many were in flight with it; a send before it that proves refused never was,
    and counts back.
    """

    at: float
    number: int
    index: int  # counts sends
    epoch: int  # counts cuts
    tokens: float  # as reckoned
    least: int = field(init=False)  # `number`, less what may have been answered before it came
    canary: bool = False
    ended: bool = False
    doubtful: bool = False  # it went in a rush or an experiment: nothing grows by it
    within: bool = False  # all limits that are believed in had room for it
    paced: bool = False  # it had waited for a pace at or above the measured limit
    speaks_to: str = ""  # the limit that its refusal cut, by name
    fate: Fate = Fate.PENDING

    def __post_init__(self) -> None:
        self.least = self.number


class View(NamedTuple):
    """What a controller shows of itself, read once a second."""

    window: float
    pace_rps: float
    state: str
    decision: str
    rule: str = ""  # by which the last cut was made; empty before the first


class Limit(Protocol):
    """One kind of limit: it finds itself, and grants what it believes in.

    It hears of every send, and once more of each when its fate is known.
    """

    def ready_at(self, now: float, in_flight: int) -> float:
        """The earliest instant for a send beside `in_flight`; inf: something must be heard."""
        ...

    def sent(self, sent: Sent, now: float) -> None:
        """A send goes."""
        ...

    def evidence(self, sent: Sent, now: float) -> None:
        """`sent.fate` is known; of a refusal, `speaks_to` names whom the blame rules found."""
        ...


class Controller(Protocol):
    """Decides when one endpoint may be sent to. Each send ends in exactly one of the fates."""

    @property
    def in_flight(self) -> int:
        """Sends that have not ended."""
        ...

    @property
    def closed(self) -> str:
        """Why only a canary may pass, or empty."""
        ...

    def ready_at(self, now: float) -> float:
        """The earliest instant for the next send: ≤ now, later, or inf (an answer must come)."""
        ...

    def sent(self, now: float, tokens: float) -> Sent:
        """Account for a send; allowed only when `ready_at(now) <= now`."""
        ...

    def answered(self, sent: Sent, now: float, tokens: float, output_tokens: float = 0.0) -> None:
        """A whole answer (or a rejection of the request itself); `tokens` as counted, in all."""
        ...

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:
        """Refused for a limit; `told_s` is Retry-After."""
        ...

    def failed(self, sent: Sent, now: float, why: str) -> None:
        """An error that is no refusal: 5xx, reset, timeout."""
        ...

    def abandoned(self, sent: Sent, now: float) -> None:
        """Cancelled by us: its slot is free, and it says nothing."""
        ...

    def advertised(self, rates: RateHeaders) -> None:
        """Limits that headers name."""
        ...

    def view(self) -> View:
        """State and last decision, in words."""
        ...
