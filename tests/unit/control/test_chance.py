from random import Random

import pytest

from stormproof.control.adaptive import Adaptive
from stormproof.control.chance import AHEAD, RUSH, Chance
from stormproof.control.controller import Sent
from stormproof.control.measured import Measured
from stormproof.domain.pool import Limits

PACE = 2.0


class Endpoint:
    """Sends go one after the other; every third within what is believed is refused at first."""

    def __init__(self) -> None:
        measured = Measured()
        measured.recent_rps = PACE
        self.chance = Chance(measured)
        self.now, self.index = 0.0, 0

    def send(self, *, refused: bool, tokens: float = 1.0) -> bool:
        """Whether it was excused, or proved that there was no limit."""
        self.index += 1
        rush = self.chance.rush
        self.now = max(self.now, rush.pace.ready_at) if rush else self.now + 1 / PACE
        sent = Sent(self.now, 1, self.index, 0, tokens)
        sent.within = not rush
        self.chance.sent(sent, self.now)
        return self.chance.excuses(sent, PACE) if refused else self.chance.accepted(sent)

    def until_rush(self) -> None:
        while self.chance.rush is None:
            for refused in (False, False, True):
                self.send(refused=refused)
            assert self.index < 10_000

    def until_known(self) -> None:
        self.until_rush()
        while not self.chance.share:
            for refused in (False, False, True):
                if not self.chance.share:
                    self.send(refused=refused)


def test_a_refusal_speaks_as_long_as_nothing_is_in_doubt() -> None:
    assert not Endpoint().send(refused=True)


def test_a_limit_ends_a_rush_in_three_sends_and_the_next_takes_more_doubt() -> None:
    endpoint = Endpoint()
    endpoint.until_rush()
    assert [endpoint.send(refused=True) for _ in range(3)] == [True, True, False]
    assert (endpoint.chance.rush, endpoint.chance.share) == (None, 0)
    began = endpoint.index
    endpoint.until_rush()
    assert endpoint.index - began > began


def test_a_rush_goes_four_times_as_fast_as_the_pace_however_little_passed_of_late() -> None:
    endpoint = Endpoint()
    endpoint.chance._measured.recent_rps = PACE / 4
    endpoint.until_rush()
    endpoint.send(refused=False)
    began = endpoint.now
    for _ in range(AHEAD - 1):
        endpoint.send(refused=False)
    assert abs((endpoint.now - began) - (AHEAD - 1) / (RUSH * PACE)) < 0.1
    assert endpoint.chance.share > 0


def test_what_went_before_a_rush_and_is_heard_in_it_says_nothing() -> None:
    endpoint = Endpoint()
    endpoint.until_rush()
    before = Sent(0.0, 1, 0, 0, 1.0)
    before.within = True
    assert not any(endpoint.chance.accepted(before) for _ in range(1000))
    assert [endpoint.send(refused=False) for _ in range(AHEAD)] == [False, False, True]
    assert endpoint.chance.share > 0.25


@pytest.mark.parametrize("tokens", [0.1, 10.0])
def test_sends_of_far_other_tokens_prove_little(tokens: float) -> None:
    for refused in (False, True):
        endpoint = Endpoint()
        endpoint.until_rush()
        for _ in range(5 * AHEAD):
            endpoint.send(refused=refused, tokens=tokens)
        assert endpoint.chance.rush


def test_where_as_few_are_refused_in_a_rush_they_speak_to_nobody() -> None:
    endpoint = Endpoint()
    endpoint.until_known()
    assert 0.25 < endpoint.chance.share <= 0.35
    for _ in range(100):
        assert endpoint.send(refused=True)
        endpoint.send(refused=False)
        endpoint.send(refused=False)


def test_a_limit_beneath_speaks_when_far_more_are_refused() -> None:
    endpoint = Endpoint()
    endpoint.until_known()
    first = next(n for n in range(1000) if not endpoint.send(refused=True))
    assert 10 < first < 40


def test_chance_ends_when_nothing_within_what_is_believed_is_refused() -> None:
    endpoint = Endpoint()
    endpoint.until_known()
    while endpoint.chance.share:
        endpoint.send(refused=False)
        assert endpoint.index < 5_000
    assert not endpoint.send(refused=True)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3])
def test_an_endpoint_that_refuses_by_chance_alone_is_not_slowed_down(share: float) -> None:
    control, now, luck = Adaptive(Limits(max_workers=40)), 0.0, Random(f"{share}")
    ends = list[tuple[float, bool, Sent]]()
    answered = 0
    while now < 300:
        while control.ready_at(now) <= now:
            refused = luck.random() < share
            ends.append((now + (0.05 if refused else 2.0), refused, control.sent(now, 1.0)))
        for end in [x for x in ends if x[0] <= now]:
            ends.remove(end)
            if end[1]:
                control.refused(end[2], now, None)
            else:
                control.answered(end[2], now, 1.0)
                answered += now > 150
        now += 0.01
    assert answered > 0.8 * 150 * 40 / 2
