"""What has come of the trials so far: counted from episodes as they end, drawn as a Frame."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable

from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode
from stormproof.view.frame import EndpointRow, Frame, Tally

CellName = tuple[str, str]  # model, condition in words


class Progress:
    """Tallies of one run. `planned` and `done` hold (model, condition, number of trials)."""

    def __init__(
        self, cells: Iterable[tuple[str, Condition, int, int]], *, simulated: bool
    ) -> None:
        self.planned = Counter[CellName]()
        self.scored = Counter[CellName]()
        self.infrastructure = Counter[CellName]()
        for model, condition, planned, done in cells:
            self.planned[model, in_words(condition)] += planned
            self.scored[model, in_words(condition)] += done
        self.done_before = self.scored.total()
        self.running = self.calls = self.tokens = 0
        self.simulated = simulated
        self.draining = False

    def began(self) -> None:
        """An episode is under way."""
        self.running += 1

    def left(self) -> None:
        """An episode is no longer under way, ended or not."""
        self.running -= 1

    def ended(self, episode: Episode) -> None:
        """An episode has its record."""
        side = self.infrastructure if episode.score is None else self.scored
        side[episode.trial.model, in_words(episode.trial.condition)] += 1

    def turn(self, tokens: int, *, simulated: bool = False) -> None:
        """A model call was answered and paid for with `tokens`; maybe by an emulator."""
        self.calls += 1
        self.tokens += tokens
        self.simulated = self.simulated or simulated

    def frame(self, elapsed_s: float, endpoints: Iterable[EndpointRow]) -> Frame:
        """This moment, for a display."""
        return Frame(
            elapsed_s=elapsed_s,
            cells=tuple((cell[0], self._tally(cell)) for cell in self.planned),
            endpoints=tuple(endpoints),
            calls=self.calls,
            tokens=self.tokens,
            running=self.running,
            done_before=self.done_before,
            simulated=self.simulated,
            draining=self.draining,
        )

    def _tally(self, cell: CellName) -> Tally:
        return Tally(cell[1], self.planned[cell], self.scored[cell], self.infrastructure[cell])


class Rates:
    """Events per second of named counters, over the last `SPAN_S` seconds of samples."""

    SPAN_S = 5.0

    def __init__(self) -> None:
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


def in_words(condition: Condition) -> str:
    """A condition as a short name: what differs from the usual is told, the rest is left out."""
    parts = [condition.prompt_type, condition.difficulty, f"{condition.tool_success_rate:g}"]
    usual = Condition("", condition.difficulty, 0)
    if condition.is_flawed and condition.severity != usual.severity:
        parts.append(condition.severity)
    parts += [
        value
        for value, common in (
            (condition.protocol, usual.protocol),
            (condition.weather, usual.weather),
        )
        if value != common
    ]
    return " ".join(parts)
