"""The opening messages of an episode: how to act, the task, and for some prompts a plan.

`baseline` is the task and how to call tools. `cot` asks for reasoning first. `optimal` adds the
best plan, and `flawed_*` that plan after a flaw, in exactly the same words. The system message
depends on the protocol alone, so that no prompt type says more about tool calls than another.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from stormproof.domain.calls import Message
from stormproof.domain.conditions import Condition, Protocol, WeatherMode
from stormproof.domain.episodes import FAILURES_IN_A_ROW, REPEATED_SUCCESSES
from stormproof.domain.tasks import Step, Task, ToolSpec
from stormproof.domain.trials import seed_of
from stormproof.errors import SuiteError
from stormproof.suites.workflows.flaws import Surroundings, apply_flaw
from stormproof.suites.workflows.optimum import optimal_plan, turn_budget
from stormproof.suites.workflows.tools import CATALOGUE, CATEGORIES
from stormproof.suites.workflows.tools.utility import PART

COMPLETION_PHRASE = "TASK COMPLETE"
TO_BE_FOUND = "…"
"""What a shown plan has for a message that earlier steps have to find out."""

_encode = msgspec.json.Encoder(enc_hook=str).encode

_HOW_THINGS_ARE = """\
Results are kept: each successful call stores its result under a handle, such as \
data_processing_parser_1, which a later call may give as its "input". A call that gives no input \
works on the latest fitting result. Of a long result you are shown the beginning; utility_helper \
{{"result": "data_processing_parser_1", "offset": {part}}} shows what follows.
Calls can fail by chance, with an error code; a failed call may be tried again.{weather} Some \
tools are more reliable after others have succeeded; each of these that has not halves their \
chance:
{needs}
Do what the task asks, and nothing else that others would see: a file, post, queue message, routed \
record, plan or notification that was not asked for, or a second one where one was, makes it a \
failure, and so does a message that names others beside what it is to name. The cache, the log, \
the tracker, sessions and connections are yours to use.
You have {max_turns} turns. A turn is one message of yours; a message with several calls uses a \
turn for each. After {failures} failed calls in a row, calls with wrong arguments among them, or \
the same successful call {repeats} times in a row, it is over."""

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
        _instructions(condition.protocol, turns, condition.weather),
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
        condition.flaw,
        plan,
        condition.severity,
        seed,
        vital=frozenset(task.required_tools),
        world=Surroundings.of(task),
    )


def rendered(plan: Iterable[Step]) -> str:
    """A plan as text: numbered lines, each a tool call as it is to be made, and what it is for."""
    return "\n".join(_numbered(number, step) for number, step in enumerate(plan, 1))


def without_findings(step: Step) -> Mapping[str, Any]:
    """The arguments without a message that only earlier steps can tell: its purpose says which."""
    message = step.arguments.get("message") if step.after else None
    return step.arguments if message is None else {**step.arguments, "message": TO_BE_FOUND}


def _guidance(task: Task, condition: Condition) -> tuple[str, ...]:
    if condition.prompt_type == "cot":
        return ("# How to go about it", _REASON_FIRST)
    plan = shown_plan(task, condition)
    return ("# Plan", _FOLLOW, rendered(plan)) if plan else ()


def _numbered(number: int, step: Step) -> str:
    spec = CATALOGUE[step.tool].spec
    arguments = _in_order(without_findings(step), spec.parameters)
    call = f"{number}. {step.tool} {_encode(arguments).decode()}"
    purpose = step.purpose or spec.description
    uses = f" Uses {step.reads}." if step.reads else ""
    makes = f" Gives {step.makes}." if step.makes else ""
    return f"{call}\n   {purpose.rstrip('.')}.{uses}{makes}"


def _in_order(given: Any, schema: Mapping[str, Any]) -> Any:
    """Arguments in their schema's order: some servers let native calls through in no other."""
    if isinstance(given, dict) and "properties" in schema:
        parts = schema["properties"]
        known = [name for name in parts if name in given]
        others = [name for name in given if name not in parts]
        return {name: _in_order(given[name], parts.get(name, {})) for name in (*known, *others)}
    if isinstance(given, list | tuple):
        return [_in_order(each, schema.get("items", {})) for each in given]
    return given


@functools.cache
def _instructions(protocol: Protocol, max_turns: int, weather: WeatherMode) -> Message:
    """The system message: one for all episodes, as it is long."""
    how_things_are = _HOW_THINGS_ARE.format(
        max_turns=max_turns,
        needs=_needs(),
        weather=_WEATHER[weather],
        part=PART,
        failures=FAILURES_IN_A_ROW,
        repeats=REPEATED_SUCCESSES,
    )
    form = _NATIVE if protocol == "native" else _TEXT
    text = form.format(
        how_to_call=_HOW_TO_CALL.get(protocol, ""),
        how_things_are=how_things_are,
        phrase=COMPLETION_PHRASE,
        tools=_tool_list(),
    )
    return Message("system", text)


def _needs() -> str:
    specs = [tool.spec for tool in CATALOGUE.values() if tool.spec.needs]
    return "\n".join(f"- {spec.name} after {' and '.join(spec.needs)}" for spec in specs)


def _tool_list() -> str:
    """All tools by category: what the native protocol tells in the request, word for word.

    Only what is the same for many tools is said once, at the head.
    """
    lines = ["The tools, with their arguments (? marks those that may be left out).", _SHARED]
    for category in CATEGORIES:
        lines.append(category)
        specs = [tool.spec for tool in CATALOGUE.values() if tool.spec.category == category]
        lines += [line for spec in specs for line in _documented(spec)]
    return "\n".join(lines)


def _documented(spec: ToolSpec) -> Iterator[str]:
    yield f"- {spec.name}: {spec.about}"
    required = spec.parameters["required"]
    for name, schema in spec.parameters["properties"].items():
        mark = "" if name in required else "?"
        about = schema["description"]
        told = f" {about}" if about != _INPUT else ""
        yield f"    {name}{mark} ({schema.get('type', 'any')}){told}"


_INPUT = str(
    CATALOGUE["data_processing_filter"].spec.parameters["properties"]["input"]["description"]
)
_SHARED = f"Where it stands, input? is this: {_INPUT}"
