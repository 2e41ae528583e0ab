import pytest

from stormproof.control.controller import Fate, Sent
from stormproof.control.flow import Flow
from stormproof.control.window import Window


class FixedWindow:
    """A server of `units` per `period_s`, the first window beginning at `phase`."""

    def __init__(self, units: int, period_s: float, phase: float) -> None:
        self.units, self.period_s, self.phase = units, period_s, phase
        self.counts: dict[int, int] = {}

    def admits(self, now: float) -> bool:
        window = int((now - self.phase) // self.period_s)
        if self.counts.get(window, 0) >= self.units:
            return False
        self.counts[window] = self.counts.get(window, 0) + 1
        return True


class Driven:
    """Sends as the window says, a canary every fiftieth of a period while nothing passes."""

    def __init__(self, server: FixedWindow) -> None:
        self.server = server
        self.flow = Flow()
        self.window = Window(self.flow)
        self.now = 0.0
        self.shut = False

    def run(self, until: float) -> tuple[int, int]:
        """Admitted and refused."""
        counts = [0, 0]
        while self.now < until:
            self.now = max(self.now, self.window.ready_at(self.now, 0))
            counts[not self.send()] += 1
        return counts[0], counts[1]

    def send(self) -> bool:
        sent = Sent(self.now, 1, 1, 0, 1.0)
        self.window.sent(sent, self.now)
        admitted = self.server.admits(self.now)
        sent.fate = Fate.ACCEPTED if admitted else Fate.REFUSED
        self.window.evidence(sent, self.now)
        step = 0.02 * self.server.period_s
        if admitted:
            if self.shut:
                self.window.opened(self.now)
                self.shut = False
            self.flow.passed(1.0)
            self.now += 0.0 if self.window.known else 0.01
        else:
            self.shut = True
            self.now += step
        return admitted


@pytest.mark.parametrize("period_s", [10.0, 60.0])
@pytest.mark.parametrize("phase", [-1.0, -7.3])
def test_a_window_is_known_after_it_was_used_up_once(period_s: float, phase: float) -> None:
    driven = Driven(FixedWindow(100, period_s, phase))
    driven.run(3 * period_s)
    assert (driven.window.units, driven.window.period_s) == (100, period_s)


def test_a_known_window_is_used_up_whole_and_hardly_refuses() -> None:
    driven = Driven(FixedWindow(100, 10.0, -3.0))
    driven.run(27.0)
    admitted, refused = driven.run(627.0)
    assert admitted >= 0.99 * 60 * 100
    assert refused <= 0.04 * admitted  # what is asked for at the end of each


def test_each_window_is_asked_for_more_and_finds_it() -> None:
    driven = Driven(FixedWindow(100, 10.0, 0.0))
    driven.run(40.0)
    driven.server.units = 120
    driven.run(40.0 + 10 * 10.0)
    assert 115 <= driven.window.units <= 121


def test_one_that_has_shrunk_is_learned_anew() -> None:
    driven = Driven(FixedWindow(100, 10.0, 0.0))
    driven.run(40.0)
    driven.server.units = 50
    driven.run(80.0)
    assert driven.window.units == 50


def refuse(window: Window, at: float) -> None:
    refused = Sent(at, 1, 1, 0, 1.0)
    refused.fate = Fate.REFUSED
    window.evidence(refused, at)


def test_openings_that_no_usual_period_explains_say_nothing() -> None:
    flow = Flow()
    window = Window(flow)
    refuse(window, 3.0)
    window.opened(3.1)
    for _ in range(400):
        flow.passed(1.0)
    refuse(window, 45.0)
    refuse(window, 47.0)
    window.opened(47.1)  # 44 s apart
    assert not window.known
