"""A run's progress on stderr: a live display in a terminal, plain lines where there is none."""

from __future__ import annotations

from contextlib import suppress
from heapq import nsmallest
from math import inf
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stormproof.cli.trouble_lines import TroubleLines
from stormproof.progress import CellProgress, EndpointProgress, Progress, WorkerProgress

PLAIN_EVERY_S = 5.0
MOST_WORKERS = 6  # that have a line of their own
ROOMY = 14  # lines, below which there is no table of workers
WIDE, NARROW = 76, 56  # columns below which decoration goes, and below which counts do


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
                self._print(line)
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

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


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
    """A line every `PLAIN_EVERY_S`, one when a run is asked to end and one for the end.

    Endpoints' troubles are said as they come and go.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        # In seconds of the run; the first line comes late, that a short run has but its last.
        self._next_s = PLAIN_EVERY_S
        # Whether the drain has been seen, which never ends; set by `draw`.
        self._is_draining = False
        # Hears of every moment, in order.
        self._troubles = TroubleLines()
        # The newest moment, None once it is printed.
        self._unprinted: Progress | None = None

    def draw(self, progress: Progress) -> None:
        """Print it when it is time."""
        self._unprinted = progress
        for line in self._troubles.lines(progress):
            self._print(line)
        if progress.elapsed_s >= self._next_s or progress.draining > self._is_draining:
            self._is_draining = progress.draining
            self._next_s = progress.elapsed_s + PLAIN_EVERY_S
            self.end()

    def end(self) -> None:
        """Print the newest moment, unless it stands there."""
        if self._unprinted is not None:
            self._print(headline(self._unprinted))
            self._unprinted = None


def display(console: Console, *, quiet: bool) -> ProgressDisplay:
    """The display that fits where `console` writes to."""
    if quiet:
        return ProgressDisplay(console)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def headline(progress: Progress) -> str:
    """The run in one line, for logs and for the top of the live display: state, trouble, sums."""
    return " · ".join(
        [
            f"{progress.ended}/{progress.planned} episodes",
            *(["SIMULATED models"] if progress.simulated else []),
            *([f"{progress.blocked} blocked"] if progress.blocked else []),
            *([f"{progress.infrastructure} infrastructure"] if progress.infrastructure else []),
            *_drain(progress),
            ", ".join([f"{clock(progress.elapsed_s)} gone", *_left(progress)]),
            f"{progress.under_way} under way",
            f"{short(progress.calls)} calls",
            f"{short(progress.tokens)} tokens",
            *_false_alarms(progress),
        ]
    )


def _false_alarms(progress: Progress) -> list[str]:
    if not progress.false_alarms:
        return []
    return [f"{progress.false_alarms} of {short(progress.sends)} sends given up too early"]


def _drain(progress: Progress) -> list[str]:
    if not progress.draining:
        return []
    if not progress.under_way:
        return ["drained"]
    bound = progress.drain_left_s
    most = "" if bound is None else f", {clock(bound)} at most"
    return [f"draining: {progress.in_flight} calls in flight{most}; Ctrl-C again stops at once"]


def _left(progress: Progress) -> list[str]:
    left = progress.time_left
    if left is None:
        return []
    whose = f" for {left.model}" if len({cell.model for cell in progress.cells}) > 1 else ""
    if left.likely_s == inf:
        return [f"time left{whose} not known yet"]
    return [f"{clock(left.likely_s)} left{whose} ({clock(left.low_s)}–{clock(left.high_s)})"]


def render(progress: Progress, width: int, height: int) -> RenderableType:
    """The live display, fitted to `width` × `height` character cells."""
    head = Text(headline(progress), style="bold", overflow="fold")
    frames = 2 + 2 + 1  # two table heads and the line that says what is hidden
    room = height - len(head.wrap(Console(width=width), width)) - frames
    workers = [_workers(progress.workers, width)] * (bool(progress.workers) and room >= ROOMY)
    room -= sum(2 + table.row_count for table in workers)
    rows = rows_that_fit(progress.cells, max(1, room // 2))
    endpoints = sorted(progress.endpoints, key=lambda endpoint: not endpoint.is_shut)
    shown = max(1, room - len(rows))
    parts: list[RenderableType] = [
        head,
        _cells(rows, width),
        *workers,
        _endpoints(endpoints[:shown], width),
        *_hidden(
            endpoints[shown:], len({c.model for c in progress.cells} - {r.model for r in rows})
        ),
    ]
    return Group(*parts)


def _hidden(endpoints: list[EndpointProgress], models: int) -> list[Text]:
    """What the screen has no room for, in a line."""
    shut = sum(endpoint.is_shut for endpoint in endpoints)
    parts = [f"{len(endpoints)} more endpoints"] if endpoints else []
    if shut:
        parts.append(f"{shut} of them shut")
    if models:
        parts.append(f"{models} more models")
    said = "and " + ", ".join(parts)
    return [Text(said, style="dim", no_wrap=True, overflow="ellipsis")] if parts else []


def rows_that_fit(cells: tuple[CellProgress, ...], limit: int) -> list[CellProgress]:
    """The cells where `limit` rows hold them, else one for each model, without a condition.

    Where these are too many as well, those that are least done, in the plan's order.
    """
    if len(cells) <= limit:
        return [*cells]
    models: dict[str, list[CellProgress]] = {}
    for cell in cells:
        models.setdefault(cell.model, []).append(cell)
    rows = [_together(model, own) for model, own in models.items()]
    least = nsmallest(limit, rows, key=lambda row: row.ended / max(1, row.planned))
    return [row for row in rows if row in least]


def _together(model: str, cells: list[CellProgress]) -> CellProgress:
    return CellProgress(
        model,
        "",
        planned=sum(cell.planned for cell in cells),
        scored=sum(cell.scored for cell in cells),
        infrastructure=sum(cell.infrastructure for cell in cells),
        blocked=sum(cell.blocked for cell in cells),
    )


def _cells(rows: list[CellProgress], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    table.add_column("model · condition", overflow="ellipsis", no_wrap=True, ratio=3)
    if width >= WIDE:
        table.add_column("", ratio=2)
    for title in ("done", "planned", "infra"):
        table.add_column(title, justify="right")
    for row in rows:
        bar = [ProgressBar(row.planned, row.ended)] if width >= WIDE else []
        infra = Text(str(row.infrastructure), style="red" if row.infrastructure else "dim")
        name = f"{row.model} · {row.condition}" if row.condition else row.model
        table.add_row(name, *bar, str(row.scored), str(row.planned), infra)
    return table


def _workers(workers: tuple[WorkerProgress, ...], width: int) -> Table:
    """Those that are there, as many as `MOST_WORKERS`; the rest in one line."""
    here = [worker for worker in workers if not worker.is_gone]
    gone, more = len(workers) - len(here), len(here) - MOST_WORKERS
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    made.add_column("worker", overflow="ellipsis", no_wrap=True, ratio=3)
    for title in ("endpoints", "turns"):
        made.add_column(title, justify="right", no_wrap=True)
    made.add_column("state", overflow="ellipsis", no_wrap=True, ratio=4)
    for one in here[:MOST_WORKERS]:
        name = f"{one.name} ({one.place})" if width >= WIDE else one.name
        made.add_row(name, str(len(one.endpoints)), short(one.turns), one.state)
    rest = [f"{more} more"] * (more > 0) + [f"{gone} gone"] * (gone > 0)
    if rest:
        turns = sum(one.turns for one in workers if one not in here[:MOST_WORKERS])
        made.add_row(f"and {', '.join(rest)}", "", short(turns), "", style="dim")
    return made


def _endpoints(rows: list[EndpointProgress], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    table.add_column("endpoint", overflow="ellipsis", no_wrap=True, ratio=3)
    table.add_column("in flight", justify="right", no_wrap=True)
    counts = ("req/s", "429s", "errors")[: 3 if width >= WIDE else 2 if width >= NARROW else 0]
    for title in counts:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("state", overflow="ellipsis", no_wrap=True, ratio=4)
    for row in rows:
        window = "∞" if row.window == inf else f"{row.window:.0f}"
        figures = [f"{row.rps:.1f}", str(row.refused), str(row.errors)][: len(counts)]
        state = Text(row.state, style="red") if row.is_shut else Text(row.decided or row.state)
        name = row.name.partition("/")[2] or row.name
        table.add_row(name, f"{row.in_flight}/{window}", *figures, state)
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
