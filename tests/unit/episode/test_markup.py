"""The forms of models' own chat templates, as vLLM's and SGLang's parsers know them.

Every form is read as the same call, once, and as a repair.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from stormproof.domain.calls import Reply, ToolCall
from stormproof.domain.conditions import PROTOCOLS, Protocol
from stormproof.episode import Vocabulary, catalogue_vocabulary, recognise
from stormproof.episode.markup import with_plain_calls, with_plain_thoughts
from stormproof.episode.reply_reading import read_reply
from stormproof.episode.tags import without_thoughts

CASES = Path(__file__).parents[3] / "../shared/cases/forms.jsonl"
READER, FETCHER = "file_operations_reader", "network_fetcher"
ARGUMENTS = '{"path": "a.csv"}'
OBJECT = f'{{"name": "{READER}", "arguments": {ARGUMENTS}}}'
CALLS, ENDS = "<\uff5ctool\u2581calls\u2581begin\uff5c>", "<\uff5ctool\u2581calls\u2581end\uff5c>"
CALL, END = "<\uff5ctool\u2581call\u2581begin\uff5c>", "<\uff5ctool\u2581call\u2581end\uff5c>"
SEP, DSML, _DSML = "<\uff5ctool\u2581sep\uff5c>", "<\uff5cDSML\uff5c", "</\uff5cDSML\uff5c"
ONE = {
    "Hermes, Qwen 2.5": f"<tool_call>\n{OBJECT}\n</tool_call>",
    "Hermes in a list": f"<tool_call>[{OBJECT}]</tool_call>",
    "Qwen3 Coder": f"<tool_call>\n<function={READER}>\n<parameter=path>\na.csv\n</parameter>\n"
    "</function>\n</tool_call>",
    "Qwen, older": f"\u273fFUNCTION\u273f: {READER}\n\u273fARGS\u273f: {ARGUMENTS}",
    "GLM 4.5": f"<tool_call>{READER}\n<arg_key>path</arg_key>\n<arg_value>a.csv</arg_value>\n"
    "</tool_call>",
    "GLM 4.7": f"<tool_call>{READER}<arg_key>path</arg_key><arg_value>a.csv</arg_value>"
    "</tool_call>",
    "LongCat": f"<longcat_tool_call>{OBJECT}</longcat_tool_call>",
    "LongCat, keys": f"<longcat_tool_call>{READER}\n<longcat_arg_key>path</longcat_arg_key>\n"
    "<longcat_arg_value>a.csv</longcat_arg_value>\n</longcat_tool_call>",
    "Kimi K2": "<|tool_calls_section_begin|><|tool_call_begin|>"
    f"functions.{READER}:0<|tool_call_argument_begin|>{ARGUMENTS}<|tool_call_end|>"
    "<|tool_calls_section_end|>",
    "Kimi K2, spaces": "<|tool_calls_section_begin|> <|tool_call_begin|> "
    f"functions.{READER}:12 <|tool_call_argument_begin|> {ARGUMENTS} <|tool_call_end|> ",
    "Kimi K2, without tokens": f"functions.{READER}:0{ARGUMENTS}",
    "Kimi K2, without tokens, lines": f"I look.\n\nfunctions.{READER}:3\n{ARGUMENTS}",
    "DeepSeek V3": f"{CALLS}{CALL}function{SEP}{READER}\n```json\n{ARGUMENTS}\n```{END}{ENDS}",
    "DeepSeek V3, stripped": f"function{READER}\n```json\n{ARGUMENTS}\n```",
    "DeepSeek V3.1": f"{CALLS}{CALL}{READER}{SEP}{ARGUMENTS}{END}{ENDS}",
    "DeepSeek V3.1, stripped": f"{READER}{ARGUMENTS}",
    "DeepSeek, plain bars": "<|tool_calls_begin|><|tool_call_begin|>function<|tool_sep|>"
    f"{READER}\n```json\n{ARGUMENTS}\n```<|tool_call_end|><|tool_calls_end|>",
    "DeepSeek V3.2": f'{DSML}function_calls>\n{DSML}invoke name="{READER}">\n'
    f'{DSML}parameter name="path" string="true">a.csv{_DSML}parameter>\n'
    f"{_DSML}invoke>\n{_DSML}function_calls>",
    "DeepSeek V3.2, JSON": f'{DSML}tool_calls>\n{DSML}invoke name="'
    f'{READER}f">\n{ARGUMENTS}\n{_DSML}invoke>\n{_DSML}tool_calls>',
    "DeepSeek V3.2, stripped": f'<function_calls>\n<invoke name="{READER}">\n'
    '<parameter name="path" string="true">a.csv</parameter>\n</invoke>\n</function_calls>',
    "MiniMax M1": f"<tool_calls>\n{OBJECT}\n</tool_calls>",
    "MiniMax M2": f'<minimax:tool_call>\n<invoke name="{READER}">\n<parameter name="path">a.csv'
    "</parameter>\n</invoke>\n</minimax:tool_call>",
    "Seed": f"<seed:tool_call>\n<function={READER}>\n<parameter=path>a.csv</parameter>\n"
    "</function>\n</seed:tool_call>",
    "Step": "<\uff5ctool_calls_begin\uff5c><\uff5ctool_call_begin\uff5c>function"
    "<\uff5ctool_sep\uff5c>"
    f'<steptml:invoke name="{READER}"><steptml:parameter name="path">a.csv</steptml:parameter>'
    "</steptml:invoke><\uff5ctool_call_end\uff5c><\uff5ctool_calls_end\uff5c>",
    "gpt-oss": f"<|channel|>commentary to=functions.{READER} <|constrain|>json<|message|>"
    f"{ARGUMENTS}<|call|>",
    "gpt-oss, role first": f"<|start|>assistant to=functions.{READER}<|channel|>commentary json"
    f"<|message|>{ARGUMENTS}<|call|>",
    "gpt-oss, with thoughts": "<|channel|>analysis<|message|>Shall I call network_fetcher {} ?"
    f"<|end|><|start|>assistant<|channel|>commentary to=functions.{READER} <|constrain|>json"
    f"<|message|>{ARGUMENTS}<|call|>",
    "gpt-oss, no namespace": f"<|channel|>commentary to={READER} <|message|>{ARGUMENTS}<|call|>",
    "gpt-oss, stripped": f"analysisI read the file.assistantcommentary to=functions.{READER} json"
    f"{ARGUMENTS}",
    "Mistral, list": f"[TOOL_CALLS] [{OBJECT}]",
    "Mistral, name": f"[TOOL_CALLS]{READER}{ARGUMENTS}",
    "Mistral, ARGS": f"[TOOL_CALLS]{READER}[ARGS]{ARGUMENTS}",
    "Mistral, id": f"[TOOL_CALLS]{READER}[CALL_ID]a1B2c3D4e[ARGS]{ARGUMENTS}",
    "Llama 3": f'<|python_tag|>{{"name": "{READER}", "parameters": {ARGUMENTS}}}<|eom_id|>',
    "Llama 3, function": f"<function={READER}>{ARGUMENTS}</function>",
    "Llama 3, bare": f'{{"name": "{READER}", "parameters": {ARGUMENTS}}}',
    "Llama 4": f'[{READER}(path="a.csv")]',
    "Llama 4, tokens": f'<|python_start|>[{READER}(path="a.csv")]<|python_end|>',
    "LFM2": f'<|tool_call_start|>[{READER}(path="a.csv")]<|tool_call_end|>',
    "LFM2, apostrophes": f"<|tool_call_start|>[{READER}(path='a.csv')]<|tool_call_end|>Reading.",
    "OLMo 3": f'<function_calls>\n{READER}(path="a.csv")\n</function_calls>',
    "Gemini": f'```tool_code\nprint(default_api.{READER}(path="a.csv"))\n```',
    "Gemma 3": f'```tool_code\n{READER}(path="a.csv")\n```',
    "Gemma, assigned": f'```tool_code\ntext = {READER}(path="a.csv")\n```',
    "FunctionGemma": f"<start_function_call>call:{READER}{{path:<escape>a.csv<escape>}}"
    "<end_function_call>",
    "Gemma 4": f'<|tool_call>call:{READER}{{path:<|"|>a.csv<|"|>}}<tool_call|>',
    "Cohere": f'<|START_ACTION|>[\n    {{"tool_call_id": "0", "tool_name": "{READER}", '
    f'"parameters": {ARGUMENTS}}}\n]<|END_ACTION|>',
    "Cohere, with thoughts": "<|START_THINKING|>network_fetcher would do.<|END_THINKING|>"
    f'<|START_ACTION|>[{{"tool_call_id": "0", "tool_name": "{READER}", "parameters": '
    f"{ARGUMENTS}}}]<|END_ACTION|>",
    "Cohere, stripped": f'[{{"tool_call_id": "0", "tool_name": "{READER}", "parameters": '
    f"{ARGUMENTS}}}]",
    "Cohere, older": f'Action: ```json\n[\n    {{\n        "tool_name": "{READER}",\n        '
    f'"parameters": {ARGUMENTS}\n    }}\n]\n```',
    "Granite": f"<|tool_call|>[{OBJECT}]",
    "Granite 20B": f"<function_call> {OBJECT}",
    "Phi 4 mini": f"functools[{OBJECT}]",
    "Phi 4 mini, tokens": f"<|tool_calls|>[{OBJECT}]<|/tool_calls|>",
    "InternLM 2": f'<|action_start|><|plugin|>\n{{"name": "{READER}", "parameters": {ARGUMENTS}}}'
    "<|action_end|>",
    "Jamba": f"<tool_calls>[\n  {OBJECT}\n]</tool_calls>",
    "Nemotron": f"<TOOLCALL>[{OBJECT}]</TOOLCALL>",
    "Apertus": f'<|tools_prefix|>[{{"{READER}": {ARGUMENTS}}}]<|tools_suffix|>',
    "Functionary": f">>>{READER}\n{ARGUMENTS}",
    "xLAM": f"[{OBJECT}]",
    "Claude, older": f"<function_calls>\n<invoke>\n<tool_name>{READER}</tool_name>\n<parameters>\n"
    "<path>a.csv</path>\n</parameters>\n</invoke>\n</function_calls>",
    "Claude in words": f"<tool_use>\n<name>{READER}</name>\n<arguments>\n{ARGUMENTS}\n"
    "</arguments>\n</tool_use>",
    "Llama 3, built in": f'<|python_tag|>{READER}.call(path="a.csv")<|eom_id|>',
    "Llama 4, end token": f'[{READER}(path="a.csv")]<|eot_id|>',
    "Llama 4, in a sentence": f'I go on with [{READER}(path="a.csv")]',
    "Python": f'```python\nprint({READER}(path="a.csv"))\n```',
    "Kimi K2, fenced": f"functions.{READER}:0\n```json\n{ARGUMENTS}\n```",
    "namespace alone": f"functions.{READER}({ARGUMENTS})",
    "gpt-oss, no namespace, stripped": f"commentary to={READER} json{ARGUMENTS}",
    "entities": f"&lt;tool_call&gt;{READER} {ARGUMENTS}&lt;/tool_call&gt;",
    "another tag": f"<use_tool>{READER} {ARGUMENTS}</use_tool>",
    "a line": f"{READER}: {ARGUMENTS}",
    "a line with marks": f"`{READER}` `{ARGUMENTS}`",
    "a line with a label": f"Tool call: {READER} with {ARGUMENTS}",
    "ReAct": f"Thought: I read.\nAction: {READER}\nAction Input: {ARGUMENTS}",
    "smolagents": f"Action:\n{OBJECT}<end_code>",
    "a fence of its own": f"```tool_call\n{OBJECT}\n```",
}


def asked(
    text: str, vocabulary: Vocabulary, protocol: Protocol = "text"
) -> list[tuple[str, object]]:
    return [(c.name, c.arguments) for c in recognise(text, vocabulary, protocol).tool_calls]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("text", ONE.values(), ids=ONE)
def test_a_model_s_own_form_is_one_call(
    text: str, protocol: Protocol, vocabulary: Vocabulary
) -> None:
    found = recognise(text, vocabulary, protocol)
    assert asked(text, vocabulary, protocol) == [(READER, {"path": "a.csv"})]
    canonical = protocol == "hermes" and text in (ONE["Hermes, Qwen 2.5"], ONE["MiniMax M1"])
    assert (found.repairs, found.unread) == (0 if canonical else 1, 0)


@pytest.mark.parametrize("text", ONE.values(), ids=ONE)
def test_a_claim_before_a_call_ends_nothing(text: str, vocabulary: Vocabulary) -> None:
    found = recognise(f"All previous steps are complete.\n{text}", vocabulary)
    assert [call.name for call in found.tool_calls] == [READER]


@pytest.mark.parametrize("text", [text for form, text in ONE.items() if "thoughts" not in form])
def test_what_is_thought_is_not_done(text: str, vocabulary: Vocabulary) -> None:
    for thought in (f"<think>{text}</think>", f"[THINK]{text}[/THINK]", f"\u25c1think\u25b7{text}"):
        assert recognise(thought + "Hm.", vocabulary).action == "none"


TWO = [(READER, {"path": "a.csv"}), (FETCHER, {"url": "u"})]
SECOND = f'{{"name": "{FETCHER}", "arguments": {{"url": "u"}}}}'
SEVERAL = {
    "lines of one tag": f'<tool_call>{READER} {ARGUMENTS}\n{FETCHER} {{"url": "u"}}</tool_call>',
    "Hermes": f"<tool_call>{OBJECT}</tool_call>\n<tool_call>{SECOND}</tool_call>",
    "Kimi K2": f"<|tool_calls_section_begin|><|tool_call_begin|>functions.{READER}:0"
    f"<|tool_call_argument_begin|>{ARGUMENTS}<|tool_call_end|><|tool_call_begin|>functions."
    f'{FETCHER}:1<|tool_call_argument_begin|>{{"url": "u"}}<|tool_call_end|>'
    "<|tool_calls_section_end|>",
    "Kimi K2, stripped": f'functions.{READER}:0{ARGUMENTS}functions.{FETCHER}:1{{"url": "u"}}',
    "Mistral": f'[TOOL_CALLS]{READER}[ARGS]{ARGUMENTS}[TOOL_CALLS]{FETCHER}[ARGS]{{"url": "u"}}',
    "Mistral, list": f"[TOOL_CALLS][{OBJECT}, {SECOND}]",
    "Llama 4": f'[{READER}(path="a.csv"), {FETCHER}(url="u")]',
    "LFM2": f"<|tool_call_start|>[{READER}(path='a.csv'),{FETCHER}(url='u')]<|tool_call_end|>",
    "OLMo 3": f'<function_calls>\n{READER}(path="a.csv")\n{FETCHER}(url="u")\n</function_calls>',
    "Gemini": f'```tool_code\nprint({READER}(path="a.csv"))\nprint({FETCHER}(url="u"))\n```',
    "MiniMax M2": f'<minimax:tool_call>\n<invoke name="{READER}"><parameter name="path">a.csv'
    f'</parameter></invoke>\n<invoke name="{FETCHER}"><parameter name="url">u</parameter></invoke>'
    "\n</minimax:tool_call>",
    "MiniMax M1": f"<tool_calls>\n{OBJECT}\n{SECOND}\n</tool_calls>",
    "Cohere": f'<|START_ACTION|>[{{"tool_name": "{READER}", "parameters": {ARGUMENTS}}},\n'
    f'{{"tool_name": "{FETCHER}", "parameters": {{"url": "u"}}}}]<|END_ACTION|>',
    "DeepSeek V3.1": f"{CALLS}{CALL}"
    f"{READER}{SEP}{ARGUMENTS}{END}"
    f'{CALL}{FETCHER}{SEP}{{"url": "u"}}'
    f"{END}{ENDS}",
    "gpt-oss": f"<|channel|>commentary to=functions.{READER} json<|message|>{ARGUMENTS}<|call|>"
    f"<|start|>assistant<|channel|>commentary to=functions.{FETCHER} json<|message|>"
    '{"url": "u"}<|call|>',
}


@pytest.mark.parametrize("text", SEVERAL.values(), ids=SEVERAL)
def test_several_calls_are_each_read_once(text: str, vocabulary: Vocabulary) -> None:
    assert asked(text, vocabulary) == TWO


TALK = [
    "I would call [file_operations_reader(path=...)] if there were a file.",
    "The function file_operations_reader reads a file; network_fetcher gets an address.",
    "Kimi writes functions.name:0 and Mistral writes ARGS.",
    "A function returns a value, and functools is a module.",
    "See [the docs](https://example.com) and [1].",
    "<|channel|>final<|message|>There is nothing to do here.<|return|>",
    "<|channel|>analysis<|message|>network_fetcher {} ?<|end|><|channel|>final<|message|>No.",
]


@pytest.mark.parametrize("text", TALK)
def test_talk_is_no_call(text: str, vocabulary: Vocabulary) -> None:
    found = recognise(text, vocabulary)
    assert (found.action, found.tool_calls) == ("none", ())


@pytest.mark.parametrize(
    "text",
    [
        f"I read it with {READER}(path='a.csv') and then stored it. TASK COMPLETE",
        f"Done so far:\n{READER}(path='a')\n{FETCHER}(url='u')\nThe task is complete.",
        "<|channel|>final<|message|>TASK COMPLETE<|return|>",
        "<|channel|>analysis<|message|>I call it.<|end|><|channel|>final<|message|>TASK COMPLETE",
        "<|START_RESPONSE|>TASK COMPLETE<|END_RESPONSE|>",
    ],
)
def test_a_report_of_what_was_done_is_done(text: str, vocabulary: Vocabulary) -> None:
    found = recognise(text, vocabulary)
    assert (found.action, found.tool_calls) == ("done", ())


@pytest.mark.parametrize(
    "text",
    [
        'All steps are complete. <tool_call>{"nme": "x"}</tool_call>',
        "All steps are complete. <function=>{}</function>",
        'The task is complete. {"tool_name": {"is": "lost"}, "arguments": "?"}',
    ],
)
def test_what_looks_like_a_call_and_is_unread_is_counted_and_not_done(
    text: str, vocabulary: Vocabulary
) -> None:
    found = recognise(text, vocabulary)
    assert found.action != "done"
    assert found.unread == 1


@pytest.mark.parametrize(
    "inside",
    [
        f"<tool_call>{FETCHER}</tool_call>",
        "[TOOL_CALLS]network_fetcher[ARGS]{} and </s>",
        f"\n{FETCHER}(url='u')\n",
        "</tool_call> TASK COMPLETE",
        "<tool_search>x</tool_search>",
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "[TOOL_CALLS]{}[ARGS]{}",
        "<tool_call>{} {}</tool_call>",
        '<tool_call>{{"name": "{}", "arguments": {}}}</tool_call>',
    ],
)
def test_markup_in_an_argument_is_an_argument(
    form: str, inside: str, vocabulary: Vocabulary
) -> None:
    text = form.format("file_operations_writer", json.dumps({"path": "a", "content": inside}))
    [(name, arguments)] = asked(text, vocabulary)
    assert (name, arguments) == ("file_operations_writer", {"path": "a", "content": inside})
    assert recognise(text, vocabulary).queries == ()


def test_marks_of_thought_are_told_as_one() -> None:
    assert without_thoughts("[THINK]a[/THINK]b") == ("b", "")
    assert without_thoughts("<|channel|>analysis<|message|>a<|end|>b") == ("b", "")
    assert without_thoughts("<|channel>thought\na<channel|>b") == ("b", "")
    assert without_thoughts("a<|end|>b") == ("ab", "")
    assert with_plain_thoughts("a < b") == with_plain_calls("a < b") == "a < b"


@pytest.mark.parametrize(
    "piece", ["<|start|>assistant", "<|channel|>", "\u273f", "to=functions.", "[TOOL_CALLS]",
              "<|channel|>analysis", "functions.a", "function", "<|tool_call_begin|>", "assistant ",
              "[file_operations_reader(", "file_operations_reader('", "{} ", ":", "json ",
              "<invoke "],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "<tool_call>", "[TOOL_CALLS]file_operations_reader"])
def test_no_markup_takes_long(before: str, piece: str) -> None:
    start = time.process_time()
    recognise(before + piece * (80_000 // len(piece)), catalogue_vocabulary())
    assert time.process_time() - start < 1


@pytest.mark.skipif(not CASES.exists(), reason="the cases of first contact are not here")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_form_of_first_contact_is_read_and_nothing_twice(protocol: Protocol) -> None:
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    assert len(cases) >= 24
    for case in cases:
        native = case.get("native_arguments")
        calls = () if native is None else (ToolCall("1", READER, native),)
        reply = Reply(case.get("text", ""), tool_calls=calls)
        found = read_reply(reply, catalogue_vocabulary(), protocol)
        read = [{"name": c.name, "arguments": c.arguments} for c in found.tool_calls]
        assert read == case["calls"], case["form"]
        assert not any(c.problem for c in found.tool_calls), case["form"]
        assert found.repairs == len(read), case["form"]
