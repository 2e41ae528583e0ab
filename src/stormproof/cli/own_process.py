"""A run in a process that is the command line's own: its signals, its collector, its terminal.

A program that calls `stormproof.run` has a process of its own too, and keeps it as it is.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

from stormproof.backends.interpreter import tuned_interpreter
from stormproof.cli.console_tables import PlainConsole
from stormproof.cli.cpu_profile import profiled
from stormproof.cli.progress_display import display
from stormproof.plan import RunOptions
from stormproof.runner import run
from stormproof.session import RunSummary, Stop


def run_in_own_process(options: RunOptions) -> RunSummary:
    """Run, draw the progress on stderr, and let signals end it. Raises what `run` raises."""
    stop = Stop()
    with (
        tuned_interpreter(),
        heeded_signals(stop),
        profiled(Path(options.results)) if options.profile else nullcontext(),
        display(PlainConsole(stderr=True), quiet=options.quiet) as show,
    ):
        return run(options, on_progress=show, stop=stop)


@contextmanager
def heeded_signals(stop: Stop) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP drain; a second one stops at once.

    A third is for what never looks: it raises KeyboardInterrupt wherever the process is.
    """

    def heed(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.is_cancelled:
            raise KeyboardInterrupt
        (stop.cancel if stop.is_draining else stop.drain)()

    before = {number: signal.signal(number, heed) for number in _stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_signals() -> Iterator[signal.Signals]:
    """Without SIGHUP where it is ignored: `nohup` means that the run outlives its terminal."""
    yield from (signal.SIGINT, signal.SIGTERM)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        yield signal.SIGHUP
