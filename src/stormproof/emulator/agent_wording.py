"""How simulated agents put things: tool calls, as asked or not, searches, rambling, the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from stormproof.domain.calls import Reply, ToolCall
from stormproof.domain.conditions import Protocol
from stormproof.domain.tasks import Step
from stormproof.emulator.agent_skills import Habit

_json = msgspec.json.Encoder(enc_hook=str).encode
_INTROS = (
    "I will now use {tool}.",
    "Next step: {tool}.",
    "The previous result looks right, so I go on with {tool}.",
    "Let me call {tool} for this.",
    "",
)
_RAMBLES = (
    """To approach this properly it helps to consider the overall structure of the problem. There
are several aspects that deserve attention, and each of them has its own trade-offs. A good plan
would balance them, and would take into account what is known and what is not.""",
    """This is an interesting request. Before anything else I would like to understand the context
better: which data there is, who will read the result, and how exact it has to be.""",
    """Certainly! There are many ways in which such a thing can be approached, from the simple to
the elaborate, and which of them is best depends on the circumstances.""",
)
_ENDINGS = (
    "TASK COMPLETE",
    "All steps have been carried out. TASK COMPLETE",
    "The task is complete.\n<done/>",
)
_THOUGHT = (
    "<think>\nThe last observation tells me where I am. What is left to do? I should check that "
    "the arguments fit, then make the call.\n</think>\n"
)


def tool_calls(
    steps: Sequence[Step],
    habit: Habit | None,
    rng: random.Random,
    *,
    protocol: Protocol,
    thinks: bool,
) -> Reply:
    """The tool calls, in one message; written as asked where `habit` is None."""
    intro = rng.choice(_INTROS).format(tool=steps[0].tool)
    if protocol == "native" and habit in (None, "unclosed", "brackets", "keywords"):
        return _native(steps, intro, rng, broken=habit is not None and rng.random() < 0.2)  # noqa: PLR2004  a minority
    if habit and rng.random() < 0.1:  # noqa: PLR2004  a minority
        habit = "lost"
    write = _FORMS[habit] if habit else _plainly
    if protocol == "hermes":
        write = _SWAPPED.get(write, write)
    text = "\n".join(write(step) for step in steps)
    return Reply((_THOUGHT if thinks else "") + f"{intro}\n{text}".lstrip(), finish_reason="stop")


def search(goal: str, rng: random.Random) -> Reply:
    """Look for tools by a few words of the goal."""
    words = [word for word in goal.split() if len(word) > 4][:40]  # noqa: PLR2004  words that say something
    query = " ".join(rng.sample(words, min(3, len(words)))) or "tools"
    return Reply(f"<tool_search>{query.strip('.,;:<>')}</tool_search>", finish_reason="stop")


def done(rng: random.Random) -> Reply:
    """Say that the task is complete."""
    return Reply(rng.choice(_ENDINGS), finish_reason="stop")


def ramble(goal: str, rng: random.Random) -> Reply:
    """Words without an action; the goal's own words now and then, seldom nothing at all."""
    if rng.random() < 0.1:  # noqa: PLR2004  seldom
        return Reply("\n", finish_reason="stop")
    return Reply(rng.choice(_RAMBLES) + (f"\n\n{goal[:200]}" if goal else ""), finish_reason="stop")


def _native(steps: Sequence[Step], intro: str, rng: random.Random, *, broken: bool) -> Reply:
    calls = []
    for step in steps:
        arguments = _json(step.arguments).decode()
        text = arguments[:-1] if broken else arguments
        calls.append(ToolCall(f"call_{rng.getrandbits(48):012x}", step.tool, text))
    return Reply(intro, tool_calls=tuple(calls), finish_reason="tool_calls")


def _plainly(step: Step) -> str:
    return f"<tool_call>{_plain(step)}</tool_call>"


def _plain(step: Step) -> str:
    return f"{step.tool} {_json(step.arguments).decode()}" if step.arguments else step.tool


def _unclosed(step: Step) -> str:
    return f"<tool_call>{_plain(step)}"


def _hermes(step: Step) -> str:
    body = _json({"name": step.tool, "arguments": step.arguments}).decode()
    return f"<tool_call>\n{body}\n</tool_call>"


def _keywords(step: Step) -> str:
    pairs = ", ".join(f"{name}={_json(value).decode()}" for name, value in step.arguments.items())
    return f"<tool_call>{step.tool}({pairs})</tool_call>"


def _brackets(step: Step) -> str:
    return f"```json\n{_json({'tool': step.tool, 'arguments': step.arguments}).decode()}\n```"


def _near_name(step: Step) -> str:
    """The name with its category's words swapped or its ending changed."""
    words = step.tool.split("_")
    near = msgspec.structs.replace(step, tool="-".join([*words[:-1], words[-1].title()]))
    return f"<tool_call>{_plain(near)}</tool_call>"


def _alone(step: Step) -> str:
    return f"<tool_call>{step.tool}</tool_call>"


def _lost(step: Step) -> str:
    """What no reader could execute."""
    arguments: Mapping[str, Any] = step.arguments
    return f"<tool_call>tool_name {', '.join(arguments)}</tool_call>"


_FORMS: Mapping[Habit, Callable[[Step], str]] = {
    "unclosed": _unclosed,
    "hermes": _hermes,
    "keywords": _keywords,
    "brackets": _brackets,
    "near_name": _near_name,
    "alone": _alone,
    "lost": _lost,
}

# What is asked for in the `hermes` protocol is a habit in the text one, and the other way round.
_SWAPPED: Mapping[Callable[[Step], str], Callable[[Step], str]] = {
    _plainly: _hermes,
    _hermes: _plainly,
}
