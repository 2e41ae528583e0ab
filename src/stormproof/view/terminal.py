"""The live display of a terminal, and plain lines where there is none. Both talk on stderr."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import anyio
from rich import box
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from stormproof.view.frame import EndpointRow, Frame, Tally, clock, rows_that_fit, short

LIVE_EVERY_S = 0.25
PLAIN_EVERY_S = 5.0
NARROW = 76  # columns below which only what must be seen is kept


class Display(Protocol):
    """Shows frames until it is cancelled."""

    async def __call__(self, frame: Callable[[], Frame]) -> None:
        """Draw `frame()` again and again."""


def display(console: Console, *, quiet: bool) -> Display:
    """The display that fits where `console` writes to."""
    if quiet:
        return _silent
    return _Live(console) if console.is_terminal else _Plain(console)


async def _silent(frame: Callable[[], Frame]) -> None:
    del frame
    await anyio.sleep_forever()


class _Live:
    def __init__(self, console: Console) -> None:
        self.console = console

    async def __call__(self, frame: Callable[[], Frame]) -> None:
        with Live(console=self.console, auto_refresh=False) as live:
            try:
                while True:
                    live.update(self._drawn(frame()), refresh=True)
                    await anyio.sleep(LIVE_EVERY_S)
            finally:
                live.update(self._drawn(frame()), refresh=True)

    def _drawn(self, frame: Frame) -> RenderableType:
        """The frame, with room for the ^C that a terminal writes behind it."""
        width, height = self.console.size
        return Constrain(render(frame, width - 2, height), width - 2)


class _Plain:
    def __init__(self, console: Console) -> None:
        self.console = console

    async def __call__(self, frame: Callable[[], Frame]) -> None:
        try:
            while True:
                await anyio.sleep(PLAIN_EVERY_S)
                self._print(frame())
        finally:
            self._print(frame())

    def _print(self, frame: Frame) -> None:
        self.console.print(headline(frame), soft_wrap=True, highlight=False)


def headline(frame: Frame) -> str:
    """The run in one line, for logs and for the top of the live display."""
    total = frame.total
    parts = [
        f"{total.ended}/{total.planned} episodes",
        f"{frame.running} under way",
        f"{short(frame.calls)} calls",
        f"{short(frame.tokens)} tokens",
        f"{clock(frame.elapsed_s)} gone, {clock(frame.eta_s)} left",
    ]
    if total.infrastructure:
        parts.insert(1, f"{total.infrastructure} infrastructure")
    if frame.simulated:
        parts.append("SIMULATED models")
    if frame.draining:
        parts.append("draining: Ctrl-C again stops at once")
    return " · ".join(parts)


def render(frame: Frame, width: int, height: int) -> RenderableType:
    """The live display, fitted to `width` × `height` character cells."""
    head = Text(headline(frame), style="bold", overflow="fold")
    frames = 2 + 2 + 1  # two table heads and the line that says what is hidden
    room = height - len(head.wrap(Console(width=width), width)) - frames
    rows = rows_that_fit(frame, max(1, room // 2))
    endpoints = frame.endpoints[: max(1, room - len(rows))]
    hidden = len(frame.endpoints) - len(endpoints)
    parts: list[RenderableType] = [
        head,
        _progress(rows, width),
        _endpoints(endpoints, width),
    ]
    if hidden:
        parts.append(Text(f"and {hidden} more endpoints", style="dim"))
    return Group(*parts)


def _progress(rows: list[Tally], width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    table.add_column("model · condition", overflow="ellipsis", no_wrap=True, ratio=3)
    if width >= NARROW:
        table.add_column("", ratio=2)
    for title in ("done", "planned", "infra"):
        table.add_column(title, justify="right")
    for row in rows:
        bar = [ProgressBar(row.planned, row.ended)] if width >= NARROW else []
        infra = Text(str(row.infrastructure), style="red" if row.infrastructure else "dim")
        table.add_row(row.name, *bar, str(row.scored), str(row.planned), infra)
    return table


def _endpoints(rows: tuple[EndpointRow, ...], width: int) -> Table:
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
