"""The proving ground of the benchmarks, for tests on real processes."""

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from proving_ground import Grounds, ProvingGround


@pytest.fixture
def heeds_hangups() -> Iterator[None]:
    """Tests may run under nohup, whose deafness their runs would inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def prove(tmp_path: Path) -> Iterator[Grounds]:
    """Opens proving grounds: an emulator with the given options, and a pool file that names it."""
    with ExitStack() as stack:

        def opened(name: str = "ground", *, workers: int = 8, **options: Any) -> ProvingGround:
            settings = {"seed": 1, "time_scale": 0.1} | options
            return stack.enter_context(ProvingGround(tmp_path / name, settings, workers=workers))

        yield opened
