from stormproof.control.controller import Sent
from stormproof.control.silence import LONGER, Silence

EVERY_S = 0.1


def answers(silence: Silence, count: int, each_s: float) -> float:
    """So many sends at a steady pace, answered in their order; when the next one would go."""
    sends = [Sent(EVERY_S * n, 1, n, 0, 0) for n in range(count)]
    for now, answered, n in sorted(
        (sent.at + late, late > 0, sent.index) for sent in sends for late in (0.0, each_s)
    ):
        if answered:
            silence.answered(sends[n], now)
        else:
            silence.sent(sends[n])
    return EVERY_S * count


def sends(silence: Silence, count: int, now: float, begin: int = 1000) -> list[Sent]:
    found = [Sent(now, 1, begin + n, 0, 0) for n in range(count)]
    for sent in found:
        silence.sent(sent)
    return found


def test_no_answer_for_half_as_long_again_as_ever_is_a_hang() -> None:
    silence = Silence()
    now = answers(silence, 300, each_s=2.0)
    sends(silence, 30, now)
    assert not silence.hangs(now + 2.1)
    assert silence.hangs(now + 2.1 * LONGER)


def test_fewer_sends_than_a_gap_holds_are_no_silence() -> None:
    silence = Silence()
    now = answers(silence, 300, each_s=2.0)  # twenty sends to a gap
    sends(silence, 12, now)
    assert not silence.hangs(now + 60)


def test_one_answer_ends_it() -> None:
    silence = Silence()
    now = answers(silence, 300, each_s=2.0)
    found = sends(silence, 30, now)
    assert silence.answered(found[25], now + 6)
    assert not silence.hangs(now + 60)


def test_an_answer_to_what_was_sent_before_the_gap_ends_none() -> None:
    silence = Silence()
    late = sends(silence, 1, 0.0, begin=-1)
    now = answers(silence, 300, each_s=2.0)
    sends(silence, 30, now)
    assert not silence.answered(late[0], now + 6)
    assert silence.hangs(now + 6)


def test_before_anything_was_answered_ten_seconds_are_no_hang() -> None:
    silence = Silence()
    sends(silence, 10, 0.0)
    assert not silence.hangs(14.9)
    assert silence.hangs(15.1)


def test_an_endpoint_that_grew_slow_is_soon_believed() -> None:
    silence = Silence()
    now = answers(silence, 300, each_s=2.0)
    for n in range(4):
        now += 20.0
        found = sends(silence, 60, now, begin=1000 + 60 * n)
        hung = silence.hangs(now + 8.0)
        silence.answered(found[-1], now + 8.0)
        assert hung == (n < 3), n
