from random import Random

from stormproof.control.flow import Flow


def fill(flow: Flow, rng: Random, seconds: float, *, rate: float, in_tokens: bool) -> None:
    """Accept requests of unequal size until so much of what is counted has flowed in."""
    left = rate * seconds
    while left > 0:
        tokens = rng.lognormvariate(0.0, 0.6)
        left -= tokens if in_tokens else 1.0
        flow.passed(tokens)


def test_between_two_empty_buckets_the_limit_flows_in() -> None:
    flow = Flow()
    flow.empty(0.0)
    for _ in range(70):
        flow.passed(1.0)
    assert flow.empty(10.0) == (70.0, 10.0)


def test_the_longest_stretch_that_agrees_is_measured_and_none_across_a_change() -> None:
    flow = Flow()
    for second, each in ((0, 0), (10, 70), (20, 70), (30, 20), (40, 20)):
        for _ in range(each):
            flow.passed(1.0)
        measured = flow.empty(float(second))
    assert measured == (40.0, 20.0)


def measured_unit(*, in_tokens: bool, seed: int) -> float:
    flow, rng = Flow(), Random(seed)
    for stretch in range(12):
        fill(flow, rng, 10, rate=8, in_tokens=in_tokens)
        flow.empty(10.0 * stretch + rng.uniform(0, 0.1))
    return flow.tokens_per_unit


def test_what_flows_steadily_is_what_is_counted() -> None:
    assert [measured_unit(in_tokens=False, seed=seed) for seed in range(20)] == [0.0] * 20
    assert all(measured_unit(in_tokens=True, seed=seed) > 0 for seed in range(20))


def test_a_unit_is_a_request_of_mean_size() -> None:
    flow = Flow()
    assert flow.cost(300.0) == 1.0
    flow.tokens_per_unit = 150.0
    assert flow.cost(300.0) == 2.0
