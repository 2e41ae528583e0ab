import pytest

from stormproof.episode.nearly_json import (
    Scanner,
    as_object,
    lenient_object,
    parsed,
    read_object,
)


def test_read_object_takes_objects_alone() -> None:
    assert read_object('x {"a": 1} y', 2) == ({"a": 1}, 10)
    assert read_object("[1]") is None
    assert read_object("{a}") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, {"b": "c"}', {"a": [1, {"b": "c"}]}),
        ("{a: None, b: False, c: undefined}", {"a": None, "b": False, "c": None}),
        ('{\'a\': "{\\"b\\": 1}"}', {"a": '{"b": 1}'}),
        ('{\'a\': "{"b": 1}"}', {"a": {"b": 1}}),
        ("{a: `x y`, b: z}", {"a": "x y", "b": "z"}),
        ("{a: 'never closed", {"a": "never closed"}),
        ("{a: [1 2; 3]}", {"a": [1, 2, 3]}),
        ("no object", {}),
        ("[1]", {}),
    ],
)
def test_nearly_json_is_read_as_it_was_meant(text: str, value: object) -> None:
    assert lenient_object(text) == value


def test_an_object_may_come_as_text_or_as_nothing_of_the_kind() -> None:
    assert as_object(' {"a": 1} ') == as_object({"a": 1}) == {"a": 1}
    assert as_object([1]) == as_object(None) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" None ", None), ("TRUE", True), ("5", 5), ("[1,", [1]), ("{'a': 1}", {"a": 1}),
        ("text", "text"), ("1 2", "1 2"), ("", ""),
    ],
)  # fmt: skip
def test_a_text_that_is_a_value_is_that_value(text: str, value: object) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it\\'s'", "it's"),
        ('"""a\n"b"\n"""', 'a\n"b"\n'),
        ("'''a'''", "a"),
        ("'a\\nb'", "a\nb"),
        ("\u201ca b\u201d", "a b"),
    ],
)
def test_texts_are_read_in_python_s_and_in_curly_quotes(text: str, value: str) -> None:
    assert Scanner(text).value(0) == value


@pytest.mark.parametrize(
    ("text", "value", "broken_off"),
    [("{'a': 'b}", "b", False), ("{'a': 'b]}", "b", False), ("{'a': 'b", "b", True)],
)
def test_a_text_without_an_end_ends_at_the_brackets_or_is_broken_off(
    text: str, value: str, *, broken_off: bool
) -> None:
    scanner = Scanner(text)
    assert scanner.value(0) == {"a": value}
    assert scanner.broken_off is broken_off
