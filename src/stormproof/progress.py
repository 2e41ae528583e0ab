"""One moment of a run as a frozen record: what is done, what is left, and how every endpoint does.

The terminal's display and a program's `on_progress` get the same record.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.reasons import Reasons


class CellProgress(Struct, frozen=True):
    """How far the trials of a model under a condition are. All that ended are ≤ planned."""

    model: str
    condition: str
    planned: int
    scored: int
    infrastructure: int
    blocked: int = 0

    @property
    def ended(self) -> int:
        """Trials with a record of any outcome."""
        return self.scored + self.infrastructure + self.blocked


class EndpointProgress(Struct, frozen=True):
    """An endpoint now. `window` is how many requests it may have in flight, inf where nothing says.

    `rps` is answers per second over the last five seconds; `refused`, `errors`, `discarded` and
    `hedges` count sends since the start, as in `pool.EndpointState`. `state` says whether it is
    open, `decision` what its controller did last.
    """

    name: str
    in_flight: int
    window: float
    rps: float
    refused: int
    errors: int
    state: str
    decision: str = ""
    discarded: int = 0
    discarded_tokens: int = 0
    hedges: int = 0


class Progress(Struct, frozen=True):
    """The whole run now. Counts of trials are of the whole plan, `calls` and `tokens` of this run.

    `cells` are model × condition. `under_way` counts episodes that have begun and not ended.
    `done_before` trials were final when the run began. `simulated` is true once any answer was.
    `draining` says that the run was asked to end. `notices` are lines that a person should read,
    the oldest first; they only become more.
    """

    elapsed_s: float
    cells: tuple[CellProgress, ...]
    endpoints: tuple[EndpointProgress, ...]
    calls: int
    tokens: int
    under_way: int
    done_before: int = 0
    simulated: bool = False
    draining: bool = False
    notices: tuple[str, ...] = ()

    @property
    def planned(self) -> int:
        """Trials of the plan."""
        return sum(cell.planned for cell in self.cells)

    @property
    def scored(self) -> int:
        """Trials with a score."""
        return sum(cell.scored for cell in self.cells)

    @property
    def infrastructure(self) -> int:
        """Trials that ended in this run without a score: no fault of the model."""
        return sum(cell.infrastructure for cell in self.cells)

    @property
    def blocked(self) -> int:
        """Trials that a provider's filter ended: without a score, and not run again."""
        return sum(cell.blocked for cell in self.cells)

    @property
    def ended(self) -> int:
        """Trials with a record of any outcome."""
        return self.scored + self.infrastructure + self.blocked

    @property
    def time_left_s(self) -> float | None:
        """Seconds left at the pace so far; None before anything has ended."""
        ended = self.ended - self.done_before
        return self.elapsed_s * (self.planned - self.ended) / ended if ended > 0 else None


class _Cell(NamedTuple):
    model: str
    condition: str


class Counts:
    """Counts of one run, kept turn by turn and episode by episode."""

    def __init__(
        self, cells: Iterable[tuple[str, Condition, int, int, int]], *, simulated: bool
    ) -> None:
        """`cells` are (model, condition, trials planned, scored earlier, blocked earlier)."""
        # Set here and never changed; every cell that is counted below is planned here.
        self._planned = Counter[_Cell]()
        # Trials with a score, earlier runs' included; a trial is counted once, when it is stored.
        self._scored = Counter[_Cell]()
        # The same for trials that a filter ended; no trial is in two counters.
        self._blocked = Counter[_Cell]()
        # Trials that this run stored and the next will run again.
        self._infrastructure = Counter[_Cell]()
        # Their reasons; the sum is that of `_infrastructure`.
        self.reasons = Reasons()
        for model, condition, planned, scored, blocked in cells:
            cell = _Cell(model, condition_in_words(condition))
            self._planned[cell] += planned
            self._scored[cell] += scored
            self._blocked[cell] += blocked
        # Final when the run began; never changed.
        self.done_before = self._scored.total() + self._blocked.total()
        # Episodes between `began` and `left`; 0 again when the run is over.
        self.under_way = 0
        # Turns journalled by this run, and their tokens as the providers counted them.
        self.calls = self.tokens = 0
        # Turns true with the first simulated answer, and stays so.
        self.simulated = simulated

    @property
    def scored(self) -> int:
        """Trials with a score, of this run and earlier ones."""
        return self._scored.total()

    @property
    def blocked(self) -> int:
        """Trials that a provider's filter ended, in this run and earlier ones."""
        return self._blocked.total()

    @property
    def infrastructure(self) -> int:
        """Trials that this run ended and the next will run again."""
        return self._infrastructure.total()

    def began(self) -> None:
        """An episode is under way."""
        self.under_way += 1

    def left(self) -> None:
        """An episode is no longer under way, ended or not."""
        self.under_way -= 1

    def ended(self, episode: Episode) -> None:
        """An episode has its record."""
        trial = episode.trial
        cell = _Cell(trial.model, condition_in_words(trial.condition))
        if episode.outcome == "infrastructure":
            self._infrastructure[cell] += 1
            self.reasons.add(episode.error, is_suites=episode.ending == "suite")
        else:
            (self._blocked if episode.outcome == "blocked" else self._scored)[cell] += 1

    def turn(self, turn: Turn) -> None:
        """A model call was answered, and the turn is kept."""
        reply = turn.answer.reply
        self.calls += 1
        self.tokens += reply.usage.prompt_tokens + reply.usage.completion_tokens
        self.simulated = self.simulated or reply.simulated

    def cells(self) -> tuple[CellProgress, ...]:
        """Every cell now, in the plan's order."""
        return tuple(
            CellProgress(
                *cell, planned, self._scored[cell], self._infrastructure[cell], self._blocked[cell]
            )
            for cell, planned in self._planned.items()
        )


class Rates:
    """Events per second of named counters, over the last `SPAN_S` seconds of samples."""

    SPAN_S = 5.0

    def __init__(self) -> None:
        # (instant in seconds, count), oldest first, none older than SPAN_S before the newest.
        self._seen: dict[str, deque[tuple[float, int]]] = defaultdict(deque)

    def observe(self, at_s: float, name: str, count: int) -> None:
        """The counter's value at an instant."""
        seen = self._seen[name]
        seen.append((at_s, count))
        while seen[0][0] < at_s - self.SPAN_S:
            seen.popleft()

    def of(self, name: str) -> float:
        """Events per second; 0 before there are two samples."""
        seen = self._seen[name]
        if len(seen) < 2:  # noqa: PLR2004  a rate lies between two
            return 0.0
        (start, first), (end, last) = seen[0], seen[-1]
        return (last - first) / (end - start)


def condition_in_words(condition: Condition) -> str:
    """A condition as a short name: what differs from the usual is said, the rest is left out."""
    parts = [condition.prompt_type, condition.difficulty, f"{condition.tool_success_rate:g}"]
    usual = Condition("", condition.difficulty, 0)
    if condition.is_flawed and condition.severity != usual.severity:
        parts.append(condition.severity)
    pairs = ((condition.protocol, usual.protocol), (condition.weather, usual.weather))
    return " ".join([*parts, *(value for value, common in pairs if value != common)])
