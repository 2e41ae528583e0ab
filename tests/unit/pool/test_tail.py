from math import inf
from random import Random

from stormproof.pool.tail import ENOUGH, FACTOR, FEWEST, Tail


def test_nothing_is_lost_before_a_few_answers_and_the_fewer_they_are_the_later() -> None:
    tail, patience = Tail(), list[float]()
    for n in range(2 * ENOUGH):
        patience.append(tail.patience_s(1))
        tail.answered(10.0 * n, 10.0 * n + 1.0, 1)
    assert patience[:FEWEST] == [inf] * FEWEST
    assert patience[FEWEST] > 6 * FACTOR
    assert patience[-1] == FACTOR
    assert patience == sorted(patience, reverse=True)


def test_the_first_answers_are_the_quickest_and_judge_nothing() -> None:
    tail, rng = Tail(), Random(1)
    burst = sorted(rng.lognormvariate(1.0, 1.0) for _ in range(600))
    lost = 0
    for seconds in burst:  # all sent at once
        lost += seconds > tail.patience_s(600)
        tail.answered(0.0, seconds, 600)
    assert lost == 0


def test_hardly_any_honest_answer_is_lost_among_the_first() -> None:
    lost = 0
    for seed in range(300):
        tail, rng = Tail(), Random(seed)
        for n in range(100):
            seconds = rng.lognormvariate(1.0, 1.0)
            lost += seconds > tail.patience_s(1)
            tail.answered(60.0 * n, 60.0 * n + seconds, 1)
    assert lost <= 3


def test_fewer_than_one_in_ten_thousand_honest_answers_is_lost() -> None:
    tail, rng, lost = Tail(), Random(2), 0
    for n in range(100_000):
        seconds = rng.lognormvariate(1.0, 1.0)
        lost += seconds > tail.patience_s(10)
        tail.answered(n * 0.1, n * 0.1 + seconds, 10)
    assert lost < 10


def test_with_more_in_flight_than_ever_answers_may_take_longer_in_proportion() -> None:
    tail = Tail()
    for n in range(2 * ENOUGH):
        tail.answered(float(n), n + 1.0, 10)
    assert tail.patience_s(10) == FACTOR
    assert tail.patience_s(40) == 4 * FACTOR


def test_what_was_slow_long_ago_is_forgotten() -> None:
    tail = Tail()
    for n in range(3000):
        tail.answered(float(n), n + (100.0 if n == 0 else 1.0), 1)
    assert tail.patience_s(1) == FACTOR
