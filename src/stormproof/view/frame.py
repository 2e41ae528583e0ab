"""One moment of a run, as plain records: what every display draws from."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class Tally(Struct, frozen=True):
    """How far a group of trials is. scored + infrastructure ≤ planned."""

    name: str
    planned: int
    scored: int
    infrastructure: int

    @property
    def ended(self) -> int:
        """Trials with a record of either outcome."""
        return self.scored + self.infrastructure


class EndpointRow(Struct, frozen=True):
    """An endpoint now. `window` is inf where nothing bounds it; `rps` is over the last seconds.

    `state` says whether it is open, `decision` what its controller did last, and why.
    """

    name: str
    in_flight: int
    window: float
    rps: float
    refused: int
    errors: int
    state: str
    decision: str = ""


class Frame(Struct, frozen=True):
    """The whole run now. `cells` are model × condition. `done_before` were there at the start."""

    elapsed_s: float
    cells: tuple[tuple[str, Tally], ...]
    endpoints: tuple[EndpointRow, ...]
    calls: int
    tokens: int
    running: int
    done_before: int = 0
    simulated: bool = False
    draining: bool = False

    @property
    def total(self) -> Tally:
        """All cells as one."""
        return add("all", (tally for _, tally in self.cells))

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the pace so far; None before anything has ended."""
        total = self.total
        ended = total.ended - self.done_before
        return self.elapsed_s * (total.planned - total.ended) / ended if ended > 0 else None


def add(name: str, tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies under a new name."""
    rows = list(tallies)
    return Tally(
        name,
        sum(row.planned for row in rows),
        sum(row.scored for row in rows),
        sum(row.infrastructure for row in rows),
    )


def rows_that_fit(frame: Frame, limit: int) -> list[Tally]:
    """A row per model and condition where `limit` rows hold them, else one per model."""
    if len(frame.cells) <= limit:
        return [
            Tally(f"{model} · {t.name}", t.planned, t.scored, t.infrastructure)
            for model, t in frame.cells
        ]
    models: dict[str, list[Tally]] = {}
    for model, tally in frame.cells:
        models.setdefault(model, []).append(tally)
    return [add(model, tallies) for model, tallies in models.items()][:limit]


def clock(seconds: float | None) -> str:
    """1:02:03, 4:05, or a dash for None."""
    if seconds is None:
        return "–"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def short(number: float) -> str:
    """1234567 → 1.2M; small whole numbers stay as they are."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return f"{number / (1e3 if unit == 'k' else size):.1f}{unit}"
    return f"{number:.0f}"
