"""What a simulated agent knows: its task, the plan shown, and what its calls so far came to.

It reads all of that from the conversation, as a model would; nothing is kept between requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from msgspec import Struct

from stormproof.domain.calls import Message
from stormproof.domain.tasks import Step
from stormproof.suites.workflows import WORKFLOWS

TOOLS = tuple(WORKFLOWS.tools)

_STEP = re.compile(r"^[ \t>*]{0,6}\d{1,2}[.)][ \t]+(?P<line>[^\n]{1,4000})$", re.MULTILINE)
_OUTCOME = re.compile(r"^(?P<tool>[\w.\- ]{1,80}) (?P<how>succeeded|failed)\.", re.MULTILINE)
_TOOL = re.compile("|".join(sorted(TOOLS, key=len, reverse=True)))
_decode = json.JSONDecoder().raw_decode


class Outcome(Struct, frozen=True):
    """How one of the agent's calls ended, as it was told."""

    tool: str
    ok: bool


def opening_of(messages: Sequence[Message]) -> str:
    """What stands before the first answer."""
    parts = []
    for message in messages:
        if message.role == "assistant":
            break
        parts.append(message.content)
    return "\n".join(parts)


def plan_in(text: str) -> tuple[Step, ...]:
    """The numbered steps of a text that name a tool, with their arguments."""
    steps = (_step(match.group("line")) for match in _STEP.finditer(text))
    return tuple(step for step in steps if step is not None)


def outcomes(messages: Sequence[Message]) -> list[Outcome]:
    """How the calls so far ended, in order."""
    return [
        Outcome(match.group("tool"), match.group("how") == "succeeded")
        for message in messages
        if message.role in {"user", "tool"}
        for match in _OUTCOME.finditer(message.content)
    ]


def position(plan: Sequence[Step], results: Sequence[Outcome], tries: int) -> int:
    """How many steps are behind; one that has failed `tries` times is left behind too."""
    at = failures = 0
    for result in results:
        if at == len(plan):
            break
        if result.tool == plan[at].tool:
            failures = 0 if result.ok else failures + 1
            if result.ok or failures >= tries:
                at, failures = at + 1, 0
    return at


def _step(line: str) -> Step | None:
    """The first tool named in the line, with the JSON object that follows it, if any does."""
    match = _TOOL.search(line)
    if match is None:
        return None
    brace = line.find("{", match.end())
    try:
        arguments = _decode(line, brace)[0] if brace >= 0 else {}
    except ValueError:
        arguments = {}
    return Step(match.group(), arguments)
