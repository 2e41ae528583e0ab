"""The opening messages of an episode: how to act, the task, and for some prompts a plan.

`baseline` is the task and how to call tools. `cot` asks for reasoning first. `optimal` adds the
best plan, and `flawed_*` that plan after a flaw, in exactly the same words. The system message
depends on the protocol alone, so that no prompt type says more about tool calls than another.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stormproof.domain.calls import Message
from stormproof.domain.conditions import Condition, Protocol, WeatherMode
from stormproof.domain.tasks import Step, Task, ToolSpec
from stormproof.domain.trials import seed_of
from stormproof.errors import SuiteError
from stormproof.suites.workflows.flaws import apply_flaw
from stormproof.suites.workflows.optimum import optimal_plan, turn_budget
from stormproof.suites.workflows.tools import CATALOGUE, CATEGORIES

COMPLETION_PHRASE = "TASK COMPLETE"
_encode = msgspec.json.Encoder(enc_hook=str).encode

_HOW_THINGS_ARE = """\
Results are kept: each successful call stores its result under a handle, such as \
data_processing_parser_1, which a later call may give as its "input". A call that gives no input \
works on the latest fitting result.
Calls can fail by chance, with an error code; a failed call may be tried again.{weather} Some \
tools are \
more reliable after others have succeeded:
{needs}
You have {max_turns} turns. A turn is one message of yours; a message with several calls uses a \
turn for each."""

_WEATHER: dict[WeatherMode, str] = {
    "before": "",
    "ambiguous": " A call that timed out may have done its work all the same.",
    "silent": (
        " What a file or an address shows can be false though the call succeeded: an older state, "
        "cut off, or with a wrong figure; read again, it may be right."
    ),
    "outage": " A tool can be out of service; what it does can be had in another way.",
    "sticky": " A tool can wait for another call; its error says for which.",
}

_TEXT = """\
You complete tasks by calling tools. Write these tags in your messages:

{how_to_call}
To find tools, say what you need:
<tool_search>what the tool should do</tool_search>
To read about a tool, its arguments, results and errors:
<tool_info>tool_name</tool_info>

Close every tag. After each message you are shown what came of it.
{how_things_are}
When the task is done, write {phrase} and no tag.

{tools}"""

_HOW_TO_CALL: dict[Protocol, str] = {
    "text": """\
To call a tool, write its name, and its arguments as a JSON object:
<tool_call>tool_name {"argument": "value"}</tool_call>""",
    "hermes": """\
To call a tool, write a JSON object with its name and its arguments:
<tool_call>{"name": "tool_name", "arguments": {"argument": "value"}}</tool_call>""",
}

_NATIVE = """\
You complete tasks by calling the functions you are given. After each call you are shown its result.
{how_things_are}
When the task is done, answer {phrase} without calling a function."""

_REASON_FIRST = """\
Think step by step before you act: say what the task asks for, which steps lead there, which \
data each step needs and what it gives, and what could fail. Then carry the steps out one by one, \
and look at each result before you go on."""

_FOLLOW = "Carry out this plan, which leads to the goal:"


def opening(task: Task, condition: Condition) -> tuple[Message, ...]:
    """The messages that an episode starts with: one system message, one user message.

    Raises SuiteError for a prompt type that there is not.
    """
    parts = ["# Task", task.description, *_guidance(task, condition)]
    turns = turn_budget(task, condition)
    return (
        Message("system", _instructions(condition.protocol, turns, condition.weather)),
        Message("user", "\n\n".join(parts)),
    )


def shown_plan(task: Task, condition: Condition) -> tuple[Step, ...]:
    """The plan that the prompt shows: empty for `baseline` and `cot`.

    The flaw's seed is the task's own, so that all models, severities and protocols see a plan
    go wrong at the same place.
    """
    if condition.prompt_type in {"baseline", "cot"}:
        return ()
    plan = optimal_plan(task, condition.tool_success_rate, turn_budget(task, condition))
    if condition.prompt_type == "optimal":
        return plan
    if condition.flaw is None:
        raise SuiteError(
            f"there is no prompt type called {condition.prompt_type!r}",
            hint="prompt types are baseline, cot, optimal and flawed_<flaw>",
        )
    seed = seed_of("flaw", task.task_id, task.description, condition.flaw)
    return apply_flaw(
        condition.flaw, plan, condition.severity, seed, vital=frozenset(task.required_tools)
    )


def rendered(plan: Iterable[Step]) -> str:
    """A plan as text: numbered lines, each a tool call as it is to be made, and what it is for."""
    return "\n".join(_numbered(number, step) for number, step in enumerate(plan, 1))


def _guidance(task: Task, condition: Condition) -> tuple[str, ...]:
    if condition.prompt_type == "cot":
        return ("# How to go about it", _REASON_FIRST)
    plan = shown_plan(task, condition)
    return ("# Plan", _FOLLOW, rendered(plan)) if plan else ()


def _numbered(number: int, step: Step) -> str:
    call = f"{number}. {step.tool} {_encode(step.arguments).decode()}"
    purpose = step.purpose or CATALOGUE[step.tool].spec.description
    uses = f" Uses {step.reads}." if step.reads else ""
    makes = f" Gives {step.makes}." if step.makes else ""
    return f"{call}\n   {purpose.rstrip('.')}.{uses}{makes}"


@functools.cache
def _instructions(protocol: Protocol, max_turns: int, weather: WeatherMode) -> str:
    how_things_are = _HOW_THINGS_ARE.format(
        max_turns=max_turns, needs=_needs(), weather=_WEATHER[weather]
    )
    form = _NATIVE if protocol == "native" else _TEXT
    return form.format(
        how_to_call=_HOW_TO_CALL.get(protocol, ""),
        how_things_are=how_things_are,
        phrase=COMPLETION_PHRASE,
        tools=_tool_list(),
    )


def _needs() -> str:
    specs = [tool.spec for tool in CATALOGUE.values() if tool.spec.needs]
    return "\n".join(f"- {spec.name} after {' and '.join(spec.needs)}" for spec in specs)


def _tool_list() -> str:
    """All tools by category, a line each: what the native protocol tells in the request."""
    lines = ["The tools, with their arguments (? marks those that may be left out):"]
    for category in CATEGORIES:
        lines.append(category)
        specs = [tool.spec for tool in CATALOGUE.values() if tool.spec.category == category]
        lines += [f"- {spec.name}({_signature(spec)}): {spec.description}" for spec in specs]
    return "\n".join(lines)


def _signature(spec: ToolSpec) -> str:
    required = spec.parameters["required"]
    parameters = spec.parameters["properties"].items()
    return ", ".join(
        name + ("" if name in required else "?") + _choices(schema) for name, schema in parameters
    )


def _choices(schema: Mapping[str, Any]) -> str:
    return ": " + "|".join(schema["enum"]) if "enum" in schema else ""
