import pytest

from stormproof.domain.durations import duration_in_words, duration_s


@pytest.mark.parametrize(
    ("text", "expected"),
    [("6m0s", 360), ("12ms", 0.012), ("1h2m", 3720), ("1.5", 1.5), ("20s", 20), ("2d", 172_800),
     ("2m59.56s", 179.56), ("", None), (None, None), ("soon", None), ("-1s", None), ("1s!", None)],
)  # fmt: skip
def test_seconds_of_what_is_written(text: str | None, expected: float | None) -> None:
    assert duration_s(text) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (45, "45 s"),
        (432, "7 min"),
        (3600, "1 h"),
        (41_282, "11 h 28 min"),
        (2.5 * 86_400, "2 d 12 h"),
    ],
)
def test_words_have_two_units_at_the_most(seconds: float, words: str) -> None:
    assert duration_in_words(seconds) == words
