"""Models' own tokens around tool calls and thoughts, put as the prompt's tags.

A server should take them out of a reply; where it does not, they stand in the text, whole or with
their special tokens stripped. One table says what each of them is; what stands between them is read
as it is read between the prompt's tags. The forms are those of the models' chat templates.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Final

from stormproof.episode.json_values import Objects

_BAR = r"[|\uff5c]"  # DeepSeek's is the full-width one
_GAP = r"[_ \u2581]"
_PREFIX = rf"(?:{_BAR}{{1,2}}DSML{_BAR}{{1,2}}|antml:|minimax:|steptml:|seed:|longcat_)"

# What is looked for -> what it is put as. The first that fits at a place is taken.
_CALLS: Final[Mapping[str, str]] = {
    "<tool_call>": "<tool_call>",
    # gpt-oss, whole and stripped: `<|channel|>commentary to=functions.x json<|message|>{}<|call|>`
    r"(?:<\|start\|>)?(?:assistant)?\s?(?:<\|channel\|>)?(?:commentary|analysis|final)?"
    r"\s{0,3}\bto=functions\.|(?:<\|channel\|>(?:analysis|commentary)|\bcommentary)\s{1,3}to=": (
        "<tool_call>"
    ),
    r"<\|channel\|>commentary(?=\s?(?:<\|constrain\|>|json|<\|message\|>\{))": " ",
    r"(?:<\|constrain\|>\s?(?:json)?\s?)?<\|message\|>|<\|constrain\|>": " ",
    r"<\|call\|>": "</tool_call>",
    # DeepSeek V3 writes a kind of call before the separator, V3.1 the name itself
    rf"(?:function)?<{_BAR}tool{_GAP}sep{_BAR}>": " ",
    r"\bfunction(?=[a-z]\w{2,60}\n```json\s)": "<tool_call>",
    # Kimi K2, whole and stripped
    r"<\|tool_call_argument_begin\|>": " ",
    r"(?<![\w.])functions\.(?=[\w-]{1,64}:\d{1,4}\s{0,9}(?:```(?:json)?\s{0,3})?\{)": (
        "<tool_call>"
    ),
    # DeepSeek, Kimi, Step, LFM2: a list's begin and end are as one call's
    rf"<{_BAR}tool{_GAP}calls?{_GAP}(?:section{_GAP})?(?:begin|start){_BAR}>": "<tool_call>",
    rf"<{_BAR}tool{_GAP}calls?{_GAP}(?:section{_GAP})?end{_BAR}>": "</tool_call>",
    # Mistral
    r"\[TOOL_CALLS?\]": "<tool_call>",
    r"(?:\[CALL_ID\]\w{1,40})?\[ARGS\]": " ",
    # Cohere, InternLM, Nemotron, Phi, Apertus
    r"<\|START_ACTION\|>|<\|action_start\|>\s?(?:<\|plugin\|>)?|<TOOLCALL>|\bfunctools(?=\s?\[)"
    r"|<\|tools_prefix\|>": "<tool_call>",
    r"<\|END_ACTION\|>|<\|action_end\|>|</TOOLCALL>|<\|/tool_call\|>|<\|tools_suffix\|>": (
        "</tool_call>"
    ),
    # Gemma: quotes are tokens too
    r"<\|tool_call>(?:call:)?|<start_function_call>(?:call:)?": "<tool_call>",
    r"<tool_call\|>|<end_function_call>": "</tool_call>",
    r"<escape>|<\|\"\|>": '"',
    # Llama 4 and what is written as Python
    r"<\|python_start\|>|```tool_(?:code|calls?)\b": "<tool_call>",
    r"<\|python_end\|>": "</tool_call>",
    # Qwen's older form
    "\u273fFUNCTION\u273f:": "<tool_call>",
    "\u273fARGS\u273f:": " ",
    "\u273fRESULT\u273f:?": "</tool_call>",
    # Tags under a name of the maker's own: DeepSeek V3.2, MiniMax, Seed, Step, LongCat
    rf"<{_PREFIX}(?=tool_call|function|invoke|param|arg_)": "<",
    rf"</{_PREFIX}(?=tool_call|function|invoke|param|arg_)": "</",
}

# A channel ends with whatever comes next, and what stands before a lone end of it is no thought.
_THOUGHTS: Final[Mapping[str, str]] = {
    r"<\|channel\|>analysis(?!\s{0,3}to=)[^<\n]{0,20}<\|message\|>": "<analysis_channel>",
    r"<\|end\|>(?:<\|start\|>assistant)?(?:<\|channel\|>(?:final|commentary)<\|message\|>)?"
    r"|<\|channel\|>final(?: ?<\|constrain\|>\w{1,20})?<\|message\|>"
    r"|<\|return\|>|<\|start\|>assistant(?=<)|(?=<\|start\|>assistant to=)"
    r"|(?=<\|channel\|>(?:commentary|analysis to=))": "</analysis_channel>",
    r"<\|channel>thought\b": "<analysis_channel>",
    r"<channel\|>": "</analysis_channel>",
    # The end of a message is no part of it.
    r"(?:<\|(?:eot_id|eom_id|im_end|endoftext|end_of_text|end_of_turn)\|>|</s>|<end_of_turn>"
    r"|<\uff5cend\u2581of\u2581sentence\uff5c>)\s{0,20}\Z": "",
    r"\[THINK\]|\u25c1think\u25b7|<\|START_THINKING\|>|<(?:seed:|longcat_)think>": "<think>",
    r"\[/THINK\]|\u25c1/think\u25b7|<\|END_THINKING\|>|</(?:seed:|longcat_)think>": "</think>",
}


def _one(table: Mapping[str, str]) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """The table as one pattern, whose n-th group is put as the n-th text."""
    return re.compile("|".join(f"({form})" for form in table)), tuple(table.values())


_CALL_FORMS = _one(_CALLS)
_THOUGHT_FORMS = _one(_THOUGHTS)
# Each form holds one of these: so that most texts cost no pattern.
_TRACES = (
    "|", "\uff5c", "\u25c1", "\u273f", "TOOL", "[ARGS", "THINK]", "to=", "function", "```tool_",
    "</s>", "<end_of", "<escape>", "tml:", "minimax:", "seed:", "longcat_",
)  # fmt: skip


@functools.lru_cache(maxsize=8)
def _is_plain(text: str) -> bool:
    """Whether none of these forms is in it. Remembered for a moment: two passes ask."""
    return not any(map(text.__contains__, _TRACES))


def with_plain_thoughts(text: str) -> str:
    """The text with every model's marks of thinking put as `<think>` and `<analysis_channel>`."""
    if _is_plain(text):
        return text
    pattern, plain = _THOUGHT_FORMS
    return pattern.sub(lambda match: plain[(match.lastindex or 1) - 1], text)


def with_plain_calls(text: str) -> str:
    """The text with every model's marks of tool calls put as `<tool_call>` and separators.

    What stands in the JSON object after a mark is its text, and stays as it is.
    """
    if _is_plain(text):
        return text
    pattern, plain = _CALL_FORMS
    parts, at, objects = list[str](), 0, Objects(text)
    while mark := pattern.search(text, at):
        end = objects.past(mark.end())
        parts += text[at : mark.start()], plain[(mark.lastindex or 1) - 1], text[mark.end() : end]
        at = end
    return "".join(parts) + text[at:]
