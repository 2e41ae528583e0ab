"""What several endpoints may do together, as declared."""

from math import inf

import pytest

from stormproof.control.controller import Sent
from stormproof.control.pace import TOLERANCE_S
from stormproof.control.shared_ceiling import SharedCeiling
from stormproof.domain.pool import Limits


def send(now: float, tokens: float = 1.0) -> Sent:
    return Sent(now, 1, 1, 0, tokens)


def test_a_slot_is_free_again_when_its_send_has_ended() -> None:
    ceiling = SharedCeiling("key p/env:K", Limits(max_workers=2))
    assert [ceiling.has_room(beside) for beside in range(3)] == [True, True, False]
    for _ in range(2):
        ceiling.sent(send(0.0), 0.0)
    assert ceiling.ready_at(0.0) == inf
    assert not ceiling.has_room(0)
    ceiling.ended(1.0, 0.0)
    assert ceiling.ready_at(1.0) <= 1.0
    assert ceiling.has_room(0)


def test_tokens_that_an_estimate_missed_are_waited_for() -> None:
    ceiling = SharedCeiling("provider p", Limits(tpm=6000))  # 100 a second
    ceiling.sent(send(0.0, 100), 0.0)
    ceiling.ended(1.0, 300)
    assert ceiling.ready_at(1.0) == pytest.approx(4 - TOLERANCE_S)
