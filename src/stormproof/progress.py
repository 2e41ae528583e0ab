"""One moment of a run as a frozen record: what is done, what is left, and how every endpoint does.

The terminal's display and a program's `on_progress` get the same record.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from math import exp, inf, sqrt
from typing import NamedTuple

from msgspec import Struct

from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.reasons import Reasons

NINE_OF_TEN = 1.645  # standard deviations to either side


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

    `rps` is answers per second over the last five seconds; `sends`, `refused`, `errors`,
    `discarded`, `hedges` and `false_alarms` count since the start, as in `pool.EndpointState`.
    `state` says whether it is open, `decision` what its controller did last, `rule` by which rule
    it made its last cut. `trouble` is what its last send ended in where that was no answer,
    `troubled_at` the wall-clock instant since when (epoch seconds).
    """

    name: str
    in_flight: int
    window: float
    rps: float
    refused: int
    errors: int
    state: str
    decision: str = ""
    rule: str = ""
    discarded: int = 0
    discarded_tokens: int = 0
    hedges: int = 0
    sends: int = 0
    false_alarms: int = 0
    model: str = ""
    trouble: str = ""
    troubled_at: float = 0.0

    @property
    def decided(self) -> str:
        """The decision and, of a cut, its rule."""
        cut = "cut: " in self.decision and self.rule
        return f"{self.decision} ({self.rule})" if cut else self.decision

    @property
    def is_shut(self) -> bool:
        """Whether nothing but a canary may be sent to it."""
        return self.state != "open"

    @property
    def is_given_up(self) -> bool:
        """Whether this run will not send to it again."""
        return self.state.startswith("stopped")


class WorkerProgress(Struct, frozen=True):
    """One worker of a run that has several. `place` is its process, and where that is.

    `endpoints` are the ids of those that it alone may send to; `turns` counts its turns that are
    kept; `state` says whether it is at work, spare, or gone and why.
    """

    name: str
    place: str
    endpoints: tuple[str, ...]
    turns: int
    state: str

    @property
    def is_gone(self) -> bool:
        """Whether it was given up."""
        return self.state.startswith("gone")


class TimeLeft(Struct, frozen=True):
    """Seconds until the slowest model is done: nine times of ten from `low_s` to `high_s`.

    All three are inf where nothing of the model has ended in this run: then nobody knows.
    """

    model: str
    likely_s: float
    low_s: float
    high_s: float


class Progress(Struct, frozen=True):
    """The whole run now. Counts of trials are of the whole plan, `calls` and `tokens` of this run.

    `cells` are model × condition. `under_way` counts episodes that have begun and not ended.
    `done_before` trials were final when the run began. `simulated` is true once any answer was.
    `draining` says that the run was asked to end; `drain_left_s` is how long it will wait at most
    for what is in flight. `time_left` is None where nothing is left to do, and while draining.
    `notices` are lines that a person should read, the oldest first; they only become more.
    `workers` are empty where this process does all the work.
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
    drain_left_s: float | None = None
    time_left: TimeLeft | None = None
    workers: tuple[WorkerProgress, ...] = ()

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
    def in_flight(self) -> int:
        """Model calls that have been sent and not ended."""
        return sum(endpoint.in_flight for endpoint in self.endpoints)

    @property
    def false_alarms(self) -> int:
        """Sends declared lost too early, as far as is known."""
        return sum(endpoint.false_alarms for endpoint in self.endpoints)

    @property
    def sends(self) -> int:
        """Sends that have ended."""
        return sum(endpoint.sends for endpoint in self.endpoints)

    @property
    def time_left_s(self) -> float | None:
        """The likely seconds left, as in `time_left`; None where that is None or not known."""
        left = self.time_left
        return left.likely_s if left and left.likely_s < inf else None


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
        # By model: final when the run began. Never changed.
        self._before = _by_model(self._scored + self._blocked)
        # By model: the longest episode that ended in this run, in seconds of the wall clock. One
        # that an earlier run began counts from there.
        self._longest_s: dict[str, float] = defaultdict(float)
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
        if episode.started_at:
            took_s = episode.ended_at - episode.started_at
            self._longest_s[trial.model] = max(self._longest_s[trial.model], took_s)
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

    def by_model(self) -> dict[str, ModelCounts]:
        """Every model now, in the plan's order."""
        planned = _by_model(self._planned)
        all_ended = _by_model(self._scored + self._blocked + self._infrastructure)
        return {
            model: ModelCounts(
                all_ended[model] - self._before[model],
                planned[model] - all_ended[model],
                self._longest_s[model],
            )
            for model in planned
        }

    def cells(self) -> tuple[CellProgress, ...]:
        """Every cell now, in the plan's order."""
        return tuple(
            CellProgress(
                *cell, planned, self._scored[cell], self._infrastructure[cell], self._blocked[cell]
            )
            for cell, planned in self._planned.items()
        )


class ModelCounts(NamedTuple):
    """A model's trials: ended in this run, and those that it has still to end."""

    ended: int
    remaining: int
    longest_s: float


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


class Paces:
    """How fast each model's episodes end: since the run began, and over the later half of it.

    What has begun well may go on badly, and the other way round: the slower of the two paces is
    likely, the faster one bounds the range.
    """

    SAMPLES = 200  # kept of a model, about

    def __init__(self) -> None:
        # By model (instant in seconds of the run, episodes ended), oldest first: one at or before
        # half the time that the newest says, and all after it.
        self._seen: dict[str, deque[tuple[float, int]]] = defaultdict(lambda: deque([(0.0, 0)]))

    def observe(self, at_s: float, model: str, ended: int) -> None:
        """How many of the model's episodes have ended in this run, at an instant."""
        seen = self._seen[model]
        if at_s - seen[-1][0] >= at_s / self.SAMPLES:
            seen.append((at_s, ended))
        while len(seen) > 1 and seen[1][0] <= at_s / 2:
            seen.popleft()

    def left(self, at_s: float, model: str, counts: ModelCounts) -> TimeLeft:
        """When the model will be done, at its own pace.

        Both what has ended and what is to come are taken as Poisson: the logarithm of the time has
        a variance of about 1/ended + 1/remaining. The last episodes may take as long as the longest
        one took, however fast others come in.
        """
        start_s, before = self._seen[model][0]
        lately, lately_s = max(1, counts.ended - before), at_s - start_s
        if not counts.ended or lately_s <= 0:
            return TimeLeft(model, inf, inf, inf)
        fast_s, slow_s = sorted(
            counts.remaining * per_s for per_s in (at_s / counts.ended, lately_s / lately)
        )
        spread = exp(NINE_OF_TEN * sqrt(1 / lately + 1 / counts.remaining))
        longest_s = min(counts.longest_s, at_s)
        return TimeLeft(model, slow_s, fast_s / spread, max(slow_s * spread, longest_s))


def _by_model(cells: Counter[_Cell]) -> Counter[str]:
    models = Counter[str]()
    for cell, count in cells.items():
        models[cell.model] += count
    return models


def condition_in_words(condition: Condition) -> str:
    """A condition as a short name: what differs from the usual is said, the rest is left out."""
    parts = [condition.prompt_type, condition.difficulty, f"{condition.tool_success_rate:g}"]
    usual = Condition("", condition.difficulty, 0)
    if condition.is_flawed and condition.severity != usual.severity:
        parts.append(condition.severity)
    pairs = ((condition.protocol, usual.protocol), (condition.weather, usual.weather))
    return " ".join([*parts, *(value for value, common in pairs if value != common)])
