import json
import time
from typing import Any

import pytest

from stormproof.episode.arguments import (
    Arguments,
    read_arguments,
    read_native_arguments,
    unwrap,
)
from stormproof.episode.nearly_json import lenient_object

PROPERTIES = {
    "path": {"type": "string"},
    "limit": {"type": "integer"},
    "rows": {"type": "array"},
    "options": {"type": "object"},
}
WANTED = {"path": "a.csv", "limit": 5}


@pytest.mark.parametrize("text", ["", " \n", "\\\n", "\t"])
def test_nothing_is_no_arguments_and_no_repair(text: str) -> None:
    assert read_arguments(text, PROPERTIES) == Arguments({}, strict=True)


@pytest.mark.parametrize(
    "text",
    [
        '{"path": "a.csv", "limit": 5}',
        ' {"limit": 5, "path": "a.csv"}\n',
    ],
)
def test_a_json_object_alone_needs_no_repair(text: str) -> None:
    assert read_arguments(text, PROPERTIES) == Arguments(WANTED, strict=True)
    assert read_native_arguments(text, PROPERTIES) == Arguments(WANTED, strict=True)


NOTATIONS = {
    "prose after it": '{"path": "a.csv", "limit": 5} Now I wait.',
    "wrapped": '{"arguments": {"path": "a.csv", "limit": 5}}',
    "wrapped as text": '{"parameters": "{\\"path\\": \\"a.csv\\", \\"limit\\": 5}"}',
    "wrapped twice": '{"arguments": {"args": {"path": "a.csv", "limit": 5}}}',
    "wrapped with the name": '{"name": "reader", "arguments": {"path": "a.csv", "limit": 5}}',
    "encoded twice": '"{\\"path\\": \\"a.csv\\", \\"limit\\": 5}"',
    "quotes not escaped": '"{"path": "a.csv", "limit": 5}"',
    "list of one": '[{"path": "a.csv", "limit": 5}]',
    "empty one before": '{}{"path": "a.csv", "limit": 5}',
    "a stray tail": '{"path": "a.csv", "limit": 5}""',
    "a brace too many": '{"path": "a.csv", "limit": 5}}',
    "an end token": '{"path": "a.csv", "limit": 5}<|im_end|>',
    "triple quotes": """(path='''a.csv''', limit=5)""",
    "triple double quotes": '(path="""a.csv""", limit=5)',
    "wrapped under any name": '{"reader": {"path": "a.csv", "limit": 5}}',
    "wrapped as a schema": '{"type": "object", "properties": {"path": "a.csv", "limit": 5}}',
    "wrapped in lists": '{"args": [{"path": "a.csv", "limit": 5}]}',
    "escaped": '{\\"path\\": \\"a.csv\\", \\"limit\\": 5}',
    "entities": "{&quot;path&quot;: &quot;a.csv&quot;, &quot;limit&quot;: 5}",
    "curly quotes": "{\u201cpath\u201d: \u201ca.csv\u201d, \u201climit\u201d: 5}",
    "a quote missing": '{"limit": 5, "path": "a.csv}',
    "null before": 'null{"path": "a.csv", "limit": 5}',
    "the name before": 'reader({"path": "a.csv", "limit": 5})',
    "words before": 'the file {"path": "a.csv", "limit": 5}',
    "a tag before": '<tool_call>{"path": "a.csv", "limit": 5}',
    "GLM": "<arg_key>path</arg_key>\n<arg_value>a.csv</arg_value>\n<arg_key>limit</arg_key>\n"
    "<arg_value>5</arg_value>",
    "typed children": '<parameter name="path" string="true">a.csv</parameter>'
    '<parameter name="limit" string="false">5</parameter>',
    "python literals": "{'path': 'a.csv', 'limit': 5}",
    "bare keys": "{path: 'a.csv', limit: 5}",
    "missing brace": '{"path": "a.csv", "limit": 5',
    "trailing comma": '{"path": "a.csv", "limit": 5,}',
    "fence": '```json\n{"path": "a.csv", "limit": 5}\n```',
    "label": 'with the parameters: {"path": "a.csv", "limit": 5}',
    "bold label": '**Arguments:** {"path": "a.csv", "limit": 5}',
    "call": '(path="a.csv", limit=5)',
    "call, single quotes": "(path='a.csv', limit=5)",
    "call around an object": '({"path": "a.csv", "limit": 5})',
    "positional": '("a.csv", 5)',
    "square brackets": "[path=a.csv, limit=5]",
    "words": "path=a.csv limit=5",
    "lines": "path: a.csv\nlimit: 5",
    "list": "- path: a.csv\n- limit: 5",
    "starred list": "* **path**: a.csv\n* **limit**: 5",
    "quoted keys in lines": '"path": "a.csv"\n"limit": 5',
    "remarks": "path: a.csv  # the data\nlimit: 5 (rows)",
    "children": "<path>a.csv</path><limit>5</limit>",
    "children in a wrapper": "<parameters><path>a.csv</path><limit>5</limit></parameters>",
    "named children": '<parameter name="path">a.csv</parameter><parameter name="limit">5'
    "</parameter>",
    "equals children": "<parameter=path>a.csv</parameter><parameter=limit>5</parameter>",
    "short closing": '<param name="path">a.csv</param><param name="limit">5</param>',
    "unclosed children": "<path>a.csv<limit>5",
}


@pytest.mark.parametrize("text", NOTATIONS.values(), ids=NOTATIONS)
def test_other_notations_are_read_and_not_strict(text: str) -> None:
    assert read_arguments(text, PROPERTIES) == Arguments(WANTED, strict=False)


SEPARATORS = [
    ":", ";", ",", "|", "=", " = ", "->", " => ", "\u2192", "\uff1a", " json ", "```json\n",
    " ```\n", ": ```json ", ":0", ":12 ", "\u00a0", "\u3000", "\u2009", "\u200b", " - ", "...",
    "<|sep|>", ": arguments = ", " with the arguments: ", " / ", " + ", " & ", "#", " ~> ",
    "\u2060", " \u21a6 ", " using ",
]  # fmt: skip


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize(
    "value", ['{"path": "a.csv", "limit": 5}', "(path='a.csv', limit=5)", "<path>a.csv</path>"]
)
def test_anything_may_separate_a_name_from_its_arguments(separator: str, value: str) -> None:
    read = read_arguments(separator + value, PROPERTIES)
    assert {"limit": 5, **read.values} == WANTED
    assert read.values
    assert not read.strict


@pytest.mark.parametrize("between", ["\\n", "<br>", ", please: ", " from disk ", "\n---\n"])
def test_an_object_near_a_name_is_its_arguments(between: str) -> None:
    read = read_arguments(between + '{"path": "a.csv", "limit": 5}', PROPERTIES)
    assert read == Arguments(WANTED, strict=False)


NATIVE = {
    name: text
    for name, text in NOTATIONS.items()
    if text[:1] in '{"[' or "fence" in name or "before" in name
}


@pytest.mark.parametrize("text", NATIVE.values(), ids=NATIVE)
def test_native_arguments_have_the_same_reader(text: str) -> None:
    assert read_native_arguments(text, PROPERTIES) == Arguments(WANTED, strict=False)


@pytest.mark.parametrize("text", ["null", "[]", '""', "{}}", "[{}]", "{}<|im_end|>", "None"])
def test_nothing_in_other_words_is_no_arguments_and_a_repair(text: str) -> None:
    assert read_native_arguments(text, PROPERTIES) == Arguments({}, strict=False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not valid JSON"),
        ("the file", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ("5", "not a JSON object"),
        ('[{"path": "a"}, {"path": "b"}]', "not a JSON object"),
        ('{"path": "a.c', "break off"),
        ('{"path": "a.csv", "limit": "', "break off"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested deeper than 100 levels"),
        ('{"a":' * 5_000, "nested deeper than 100 levels"),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_never_nothing(text: str, problem: str) -> None:
    read = read_native_arguments(text, PROPERTIES)
    assert read.values == {}
    assert problem in read.problem


def test_an_object_in_a_tag_that_cannot_be_read_is_a_problem() -> None:
    assert read_arguments("{the file}", PROPERTIES).problem
    assert not read_arguments("{ }", PROPERTIES).problem


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("(path=5)", {"path": "5"}),
        ('(rows="[1, 2]")', {"rows": [1, 2]}),
        ("(options={'a': None, 'b': True})", {"options": {"a": None, "b": True}}),
        ("rows: [1, 2]", {"rows": [1, 2]}),
        ("<options>{'a': 1}</options>", {"options": {"a": 1}}),
        ("<other>{1}</other>", {"other": {}}),
        ("<other>1</other>", {"other": "1"}),
    ],
)
def test_a_parameter_s_type_decides_where_the_notation_cannot(
    text: str, values: dict[str, Any]
) -> None:
    assert read_arguments(text, PROPERTIES).values == values


@pytest.mark.parametrize("text", ["Then we look at it.", "(see above)", "<br>", "()", "[]", "1"])
def test_prose_is_no_arguments(text: str) -> None:
    assert read_arguments(text, PROPERTIES).values in ({}, {"br": ""})


def test_a_url_s_scheme_is_no_key() -> None:
    assert read_arguments("see https://example.com/a", PROPERTIES).values == {}


def test_a_wrapper_that_the_tool_knows_as_a_parameter_stays() -> None:
    values = {"arguments": {"a": 1}}
    assert unwrap(values, {"arguments": {}}) == values
    assert unwrap(values, {}) == {"a": 1}
    assert unwrap({"arguments": 5}, {}) == {"arguments": 5}
    assert unwrap({"arguments": {}, "b": 1}, {}) == {"arguments": {}, "b": 1}


@pytest.mark.parametrize("opening", ["{'a':", "[", "{'a': [", "(a=["])
def test_no_depth_is_too_much(opening: str) -> None:
    read_arguments(opening * 10_000, PROPERTIES)
    assert _depth(lenient_object("{'a':" * 10_000)) < 100


def _depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)


@pytest.mark.parametrize("piece", ["a=1 ", "<a>1</a>", "'x', ", "{'a': 1}, ", '"{"', "(", "a: 1\n"])
def test_long_texts_take_little_time(piece: str) -> None:
    start = time.process_time()
    read_arguments("(" + piece * (400_000 // len(piece)), PROPERTIES)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("rows", [1_000, 4_000])
def test_a_long_object_is_read_to_its_end(rows: int) -> None:
    """Cut short it would be nearly JSON, and be carried out on part of its data."""
    given = {"input": [{"id": f"A-{at:05d}", "state": "open", "at": at} for at in range(rows)]}
    text = f" {json.dumps(given)}"
    read = read_arguments(f"{text}\nThat was all.", {"input": {}})
    assert read.values == given
    assert len(text) > 160_000 or rows == 1_000
