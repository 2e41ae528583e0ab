"""A run's progress on stderr: a live display in a terminal, plain lines where there is none."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stormproof.progress import CellProgress, EndpointProgress, Progress

PLAIN_EVERY_S = 5.0
NARROW = 76  # columns below which only what must be seen is kept


class ProgressDisplay:
    """Says notices, a line each, and nothing else. Takes a run's progress while it is entered.

    A terminal that is gone does not end the run: what cannot be written is left out.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        # Notices said so far; a run's notices only become more.
        self._said = 0

    def __enter__(self) -> Self:
        """Nothing is shown before there is something to show."""
        return self

    def __call__(self, progress: Progress) -> None:
        """Show this moment."""
        with suppress(OSError):
            for line in progress.notices[self._said :]:
                self._said += 1
                self.console.print(line, markup=False, highlight=False, soft_wrap=True)
            if progress.under_way or progress.calls:
                self.draw(progress)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last moment standing."""
        with suppress(OSError):
            self.end()

    def draw(self, progress: Progress) -> None:
        """Draw a run that is under way."""

    def end(self) -> None:
        """Nothing more comes."""


class LiveDisplay(ProgressDisplay):
    """The whole run on one screen, drawn over and over."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        # Started with the first drawing, stopped at the end.
        self._live = Live(console=console, auto_refresh=False)

    def draw(self, progress: Progress) -> None:
        """Leave room for the ^C that a terminal writes behind the last line."""
        width, height = self.console.size
        self._live.start()
        drawn = Constrain(render(progress, width - 2, height), width - 2)
        self._live.update(drawn, refresh=True)

    def end(self) -> None:
        """Give the terminal back."""
        self._live.stop()


class PlainDisplay(ProgressDisplay):
    """A line every `PLAIN_EVERY_S`, and one for the end."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        # In seconds of the run; the first line comes late, that a short run has but its last.
        self._next_s = PLAIN_EVERY_S
        # The newest moment, None once it is printed.
        self._unprinted: Progress | None = None

    def draw(self, progress: Progress) -> None:
        """Print it when it is time."""
        self._unprinted = progress
        if progress.elapsed_s >= self._next_s:
            self._next_s = progress.elapsed_s + PLAIN_EVERY_S
            self.end()

    def end(self) -> None:
        """Print the newest moment, unless it stands there."""
        if self._unprinted is not None:
            self.console.print(headline(self._unprinted), soft_wrap=True, highlight=False)
            self._unprinted = None


def display(console: Console, *, quiet: bool) -> ProgressDisplay:
    """The display that fits where `console` writes to."""
    if quiet:
        return ProgressDisplay(console)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def headline(progress: Progress) -> str:
    """The run in one line, for logs and for the top of the live display."""
    parts = [
        f"{progress.ended}/{progress.planned} episodes",
        f"{progress.under_way} under way",
        f"{short(progress.calls)} calls",
        f"{short(progress.tokens)} tokens",
        f"{clock(progress.elapsed_s)} gone, {clock(progress.time_left_s)} left",
    ]
    if progress.infrastructure:
        parts.insert(1, f"{progress.infrastructure} infrastructure")
    if progress.blocked:
        parts.insert(1, f"{progress.blocked} blocked")
    if progress.simulated:
        parts.append("SIMULATED models")
    if progress.draining:
        parts.append("draining: Ctrl-C again stops at once")
    return " · ".join(parts)


def render(progress: Progress, width: int, height: int) -> RenderableType:
    """The live display, fitted to `width` × `height` character cells."""
    head = Text(headline(progress), style="bold", overflow="fold")
    frames = 2 + 2 + 1  # two table heads and the line that says what is hidden
    room = height - len(head.wrap(Console(width=width), width)) - frames
    rows = rows_that_fit(progress.cells, max(1, room // 2))
    endpoints = progress.endpoints[: max(1, room - len(rows))]
    hidden = len(progress.endpoints) - len(endpoints)
    parts: list[RenderableType] = [head, _cells(rows, width), _endpoints(endpoints, width)]
    if hidden:
        parts.append(Text(f"and {hidden} more endpoints", style="dim"))
    return Group(*parts)


def rows_that_fit(cells: tuple[CellProgress, ...], limit: int) -> list[CellProgress]:
    """The cells where `limit` rows hold them, else one for each model, without a condition."""
    if len(cells) <= limit:
        return [*cells]
    models: dict[str, list[CellProgress]] = {}
    for cell in cells:
        models.setdefault(cell.model, []).append(cell)
    return [_together(model, own) for model, own in models.items()][:limit]


def _together(model: str, cells: list[CellProgress]) -> CellProgress:
    return CellProgress(
        model,
        "",
        planned=sum(cell.planned for cell in cells),
        scored=sum(cell.scored for cell in cells),
        infrastructure=sum(cell.infrastructure for cell in cells),
    )


def _cells(rows: list[CellProgress], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    table.add_column("model · condition", overflow="ellipsis", no_wrap=True, ratio=3)
    if width >= NARROW:
        table.add_column("", ratio=2)
    for title in ("done", "planned", "infra"):
        table.add_column(title, justify="right")
    for row in rows:
        bar = [ProgressBar(row.planned, row.ended)] if width >= NARROW else []
        infra = Text(str(row.infrastructure), style="red" if row.infrastructure else "dim")
        name = f"{row.model} · {row.condition}" if row.condition else row.model
        table.add_row(name, *bar, str(row.scored), str(row.planned), infra)
    return table


def _endpoints(rows: tuple[EndpointProgress, ...], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    table.add_column("endpoint", overflow="ellipsis", no_wrap=True, ratio=3)
    for title in ("in flight", "req/s", "429s"):
        table.add_column(title, justify="right", no_wrap=True)
    if width >= NARROW:
        table.add_column("errors", justify="right")
        table.add_column("state", overflow="ellipsis", no_wrap=True, ratio=2)
    for row in rows:
        window = "∞" if row.window == float("inf") else f"{row.window:.0f}"
        state = row.decision or row.state if row.state == "open" else row.state
        wide = [str(row.errors), state] if width >= NARROW else []
        cells = [f"{row.in_flight}/{window}", f"{row.rps:.1f}", str(row.refused)]
        table.add_row(row.name.partition("/")[2] or row.name, *cells, *wide)
    return table


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
