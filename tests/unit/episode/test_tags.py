import time

import pytest

from stormproof.episode import Vocabulary
from stormproof.episode.tags import Kind, elements, lesser_elements, without_thoughts


@pytest.mark.parametrize(
    ("text", "kept", "orphaned"),
    [
        ("plain", "plain", ""),
        ("a < b", "a < b", ""),
        ("<think>x</think>said", "said", ""),
        ("a<thinking>x</thinking>b<thought>y</thought>c", "abc", ""),
        ("said <THINK>never closed", "said ", ""),
        ("lost opening</think>said", "said", "lost opening"),
        ("a</think>b</think>c", "c", "a</think>b"),
        ("<think>a<think>b</think>c", "c", ""),
    ],
)
def test_thoughts_are_not_said(text: str, kept: str, orphaned: str) -> None:
    assert without_thoughts(text) == (kept, orphaned)


@pytest.mark.parametrize(
    ("text", "kind", "body", "closed"),
    [
        ("<tool_call>x</tool_call>", "call", "x", True),
        ("<tool_call>x", "call", "x", False),
        ("<tool_call>x</tool_search>", "call", "x", False),
        ("<TOOL_CALL>x</TOOL_CALL>", "call", "x", False),
        ("<tool-call>x</tool-call>", "call", "x", True),
        ("<|tool_call|>x<|/tool_call|>", "call", "x", True),
        ("<tool\u2581call>x", "call", "x", False),
        ("<function_call>x</function_call>", "call", "x", True),
        ("<|python_tag|>x", "call", "x", False),
        ("<tool_call:x", "call", "x", False),
        ("<tool_search>x</tool_search>", "search", "x", True),
        ("<toolsearch>x", "search", "x", False),
        ("<tool_information>x</tool_info>", "info", "x", True),
        ("<done/>", "done", "", True),
        ("<task_complete>", "done", "", False),
        ("<final_answer>42</final_answer>", "done", "42", True),
    ],
)
def test_a_tag_is_known_however_it_is_written(
    text: str, kind: Kind, body: str, *, closed: bool
) -> None:
    [element] = elements(text)
    assert (element.kind, element.body, element.closed) == (kind, body, closed)


def test_attributes_stand_apart_from_what_is_only_misplaced() -> None:
    [named, loose] = elements('<tool_call name="x" limit=5/>\n<tool_call x y>z</tool_call>')
    assert (named.attributes, named.closed) == (' name="x" limit=5', True)
    assert (loose.attributes, loose.body) == ("", "x yz")


def test_what_stands_around_a_tag_belongs_to_it() -> None:
    first, second = elements("I read.<tool_call>a</tool_call>{1}<tool_call>b</tool_call>{2}")
    assert (first.before, first.after) == ("I read.", "{1}")
    assert (second.before.endswith("</tool_call>{1}"), second.after) == (True, "{2}")


def test_only_a_clue_s_worth_of_what_stood_before_is_kept() -> None:
    [element] = elements("a" * 1000 + "<tool_call>x</tool_call>")
    assert element.before == "a" * 300


def test_blank_elements_count_only_where_all_are_blank() -> None:
    assert [e.body for e in elements("<tool_call>x<tool_call>")] == ["x"]
    assert [e.is_blank for e in elements("<tool_call></tool_call><tool_call> ")] == [True]
    assert [e.kind for e in elements("<tool_call>x</tool_call><done/>")] == ["call", "done"]


@pytest.mark.parametrize(
    "text", ["none", "a < b", "<b>bold</b>", "<tool_caller>", "<donee>", "<done's"]
)
def test_other_tags_are_text(text: str) -> None:
    assert elements(text) == []


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("[TOOL_CALLS]x", "x"),
        ("(tool_call)x(/tool_call)", "x"),
        ("<execute>x</execute>", "x"),
        ('<invoke name="x">y</invoke>', "y"),
        ('<network_fetcher url="u"/>', 'network_fetcher url="u"/ '),
        ("<network_fetcher>u</network_fetcher>", "network_fetcher u"),
        ("I read it. <tool_ca", ""),
        ("I read it. <", ""),
    ],
)
def test_lesser_tags_are_found_where_the_right_ones_are_not(
    text: str, body: str, vocabulary: Vocabulary
) -> None:
    [element] = lesser_elements(text, vocabulary)
    assert (element.kind, element.body) == ("call", body)


@pytest.mark.parametrize("text", ["none", "a < b", "<b>bold</b>", "<tool_ca and more"])
def test_no_lesser_tag_is_made_up(text: str, vocabulary: Vocabulary) -> None:
    assert lesser_elements(text, vocabulary) == []


@pytest.mark.parametrize("piece", ["<tool_call>", "<tool_call ", "<", "</think>", "<|", "< /"])
def test_many_tags_take_little_time_and_are_bounded(piece: str, vocabulary: Vocabulary) -> None:
    text = piece * (400_000 // len(piece))
    start = time.process_time()
    without_thoughts(text)
    assert len(elements(text)) <= 256
    assert len(lesser_elements(text, vocabulary)) <= 256
    assert time.process_time() - start < 2
