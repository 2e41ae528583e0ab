import pytest

from stormproof.suites.workflows.words import each_of, has_word


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("The total is 61.5.", "61.5"),
        ("61.5, all told", "61.5"),
        ("see https://a.b/v1/import-v2", "import-v2"),
        ("it is NORTH", "North"),
        ("(North)", "north"),
        ("no 161.5 but 61.5", "61.5"),
        ("14 orders passed on", "14"),
    ],
)
def test_a_word_stands_there(message: str, word: str) -> None:
    assert has_word(message, word)


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("161.5", "61.5"),
        ("61.52", "61.5"),
        ("61.5", "61"),
        ("1,061.5", "061.5"),
        ("import-v2", "import"),
        ("Northeast", "North"),
        ("INC-123456", "INC-12345"),
        ("", "North"),
    ],
)
def test_a_part_of_a_word_or_number_is_none(message: str, word: str) -> None:
    assert not has_word(message, word)


def test_one_text_is_one_word() -> None:
    assert [*each_of("North")] == ["North"]
    assert [*each_of(["a", "b"])] == ["a", "b"]
