import json

import pytest

from stormproof.episode.json_values import DEEPEST, Objects, read_json, read_whole


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def test_a_value_ends_where_it_ends() -> None:
    assert read_json('x = {"a": 1} and more', 4) == ({"a": 1}, 12)


def test_as_deep_as_allowed_is_read_and_a_level_more_is_not() -> None:
    assert json.dumps(read_whole(nested(DEEPEST)), separators=(",", ":")) == nested(DEEPEST)
    with pytest.raises(ValueError, match="nested deeper than 100 levels"):
        read_whole(nested(DEEPEST + 1))


@pytest.mark.parametrize("text", [nested(900), nested(100_000), "[" * 900 + "]" * 900])
def test_no_depth_is_more_than_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="nested deeper"):
        read_whole(text)


def test_brackets_side_by_side_are_not_depth() -> None:
    assert read_whole("[" + "[]," * 500 + "[]]") == [[]] * 501


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999", "1e999"),
        ("-1e999", "-1e999"),
        ("1.5e3", 1500.0),
        ("-7", -7),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), str(2**63)),
        ("9" * 5_000, "9" * 5_000),
        ('"a\nb"', "a\nb"),
        ('"a\\u0000b"', "a\0b"),
    ],
)
def test_a_value_that_records_cannot_hold_stays_its_text(text: str, value: object) -> None:
    assert read_whole(text) == value
    assert type(read_whole(text)) is type(value)


def test_an_object_is_stepped_over_where_it_begins_before_any_tag() -> None:
    text = 'name {"a": "<tag>"} <b> {"c": 1} {broken'
    objects = Objects(text)
    assert text[: objects.past(0)] == 'name {"a": "<tag>"}'
    assert objects.past(text.index("<b>")) == text.index("<b>")
    assert objects.past(text.index("{broken")) == text.index("{broken")
    assert Objects("no object").past(3) == 3


def test_text_after_a_whole_value_is_told() -> None:
    with pytest.raises(ValueError, match="more text after the value, at character 3"):
        read_whole("{}}")
