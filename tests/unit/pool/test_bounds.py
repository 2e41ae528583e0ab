from random import Random

from stormproof.pool.bounds import Bounds, backoff


def test_backoff_doubles_with_full_jitter_and_never_undercuts_what_was_told() -> None:
    bounds, rng = Bounds(), Random(0)
    pauses = [[backoff(bounds, n, None, rng) for _ in range(300)] for n in (1, 2, 3, 20)]
    assert [round(max(p), 0) for p in pauses[1:]] == [1, 2, 30]
    assert all(min(p) < 0.1 * max(p) for p in pauses)
    assert backoff(bounds, 1, 7.0, rng) >= 7
