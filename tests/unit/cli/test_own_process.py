"""What the command line does with its process, and how it leaves it."""

import gc
import signal
import sys
from collections.abc import Iterator

import pytest

from stormproof.backends.interpreter import COLLECT_AFTER, tuned_interpreter
from stormproof.cli.own_process import heeded_signals
from stormproof.session import Stop

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _hears_hangups() -> Iterator[None]:
    """Tests may run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_drains_the_second_cancels_the_third_interrupts(number: signal.Signals) -> None:
    stop = Stop()
    with heeded_signals(stop):
        assert not stop.is_draining
        signal.raise_signal(number)
        assert (stop.is_draining, stop.is_cancelled) == (True, False)
        signal.raise_signal(number)
        assert stop.is_cancelled
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_handlers_are_given_back_after_an_error_too() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with pytest.raises(ValueError, match="x"), heeded_signals(Stop()):
        raise ValueError("x")
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = Stop()
    with heeded_signals(stop):
        signal.raise_signal(signal.SIGHUP)
    assert not stop.is_draining


def test_the_collector_is_tuned_for_as_long_as_the_run_goes_on() -> None:
    before = gc.get_threshold(), sys.getswitchinterval()
    with tuned_interpreter():
        assert gc.get_threshold() == COLLECT_AFTER
        assert sys.getswitchinterval() < before[1]
        assert gc.get_freeze_count() > 0
    assert (gc.get_threshold(), sys.getswitchinterval()) == before
    assert gc.get_freeze_count() == 0
