from stormproof.control.controller import Sent
from stormproof.control.silence import Silence


def answered(silence: Silence, count: int) -> float:
    for index in range(count):
        sent = Sent(index * 0.1, 1, index, 0, 0)
        silence.sent(sent)
        silence.answered(sent, index * 0.1 + 2.0)
    return count * 0.1


def test_ten_overdue_sends_are_silence() -> None:
    silence = Silence()
    now = answered(silence, 300)
    for index in range(10):
        silence.sent(Sent(now, 1, 1000 + index, 0, 0))
    assert not silence.hangs(now + 1)
    assert silence.hangs(now + 6)


def test_one_answer_ends_it() -> None:
    silence = Silence()
    now = answered(silence, 300)
    sends = [Sent(now, 1, 1000 + index, 0, 0) for index in range(12)]
    for sent in sends:
        silence.sent(sent)
    silence.answered(sends[9], now + 6)
    assert not silence.hangs(now + 60)
