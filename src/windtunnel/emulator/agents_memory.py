"""What a simulated agent knows: its task, its plan, and what its calls so far came to.

It reads all of that from the conversation, as a model would; nothing is kept between requests
but a cache of what a first message says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from windtunnel.domain.calls import Message
from windtunnel.domain.tasks import Step, Task
from windtunnel.episode import catalogue_vocabulary
from windtunnel.episode.arguments import read_arguments
from windtunnel.suite.tasks import find_task

_STEP = re.compile(r"^[ \t>*]{0,6}\d{1,2}[.)][ \t]+(?P<line>[^\n]{1,2000})$", re.MULTILINE)
_OUTCOME = re.compile(r"^(?P<tool>[\w.\- ]{1,80}) (?P<how>succeeded|failed)\.", re.MULTILINE)
_LABEL = re.compile(r"[\s`*:,\u2013-]{0,8}(?:with|using|arguments?)?[\s:]{0,3}")


class Brief(Struct, frozen=True):
    """What the opening messages say: the task, if it is known, and the plan shown, if any."""

    task: Task | None
    shown: tuple[Step, ...]


class Outcome(Struct, frozen=True):
    """How one of the agent's calls ended, as it was told."""

    tool: str
    ok: bool


def read_brief(messages: Sequence[Message]) -> Brief:
    """Read what stands before the first answer."""
    opening = "\n".join(m.content for m in before_first_answer(messages))
    return Brief(find_task(opening), plan_in(opening))


def before_first_answer(messages: Sequence[Message]) -> Sequence[Message]:
    """The opening messages."""
    first = next((at for at, m in enumerate(messages) if m.role == "assistant"), len(messages))
    return messages[:first]


def plan_in(text: str) -> tuple[Step, ...]:
    """The numbered steps of a text that name a tool, with their arguments."""
    steps = (_step(match.group("line")) for match in _STEP.finditer(text))
    return tuple(step for step in steps if step is not None)


def outcomes(messages: Sequence[Message]) -> list[Outcome]:
    """How the calls so far ended, in order."""
    told = (m.content for m in messages if m.role in ("user", "tool"))
    return [
        Outcome(match.group("tool"), match.group("how") == "succeeded")
        for text in told
        for match in _OUTCOME.finditer(text)
    ]


def position(plan: Sequence[Step], results: Sequence[Outcome]) -> tuple[int, int]:
    """How many steps of the plan are behind, and how often the next has failed since."""
    at = failures = 0
    for result in results:
        if at < len(plan) and result.tool == plan[at].tool:
            at, failures = (at + 1, 0) if result.ok else (at, failures + 1)
        elif not result.ok:
            failures += 1
    return at, failures


def _step(line: str) -> Step | None:
    vocabulary = catalogue_vocabulary()
    match = vocabulary.pattern.search(line)
    if match is None:
        return None
    tool = vocabulary.resolve(match.group()).name
    label = _LABEL.match(line, match.end())
    rest = line[label.end() if label else match.end() :]
    return Step(tool, read_arguments(rest, vocabulary.properties(tool)).values)


def same_call(step: Step, other: Step) -> bool:
    """Whether two steps are the same call."""
    return step.tool == other.tool and step.arguments == other.arguments


def without(plan: tuple[Step, ...], at: int) -> tuple[Step, ...]:
    """The plan less one step."""
    return plan[:at] + plan[at + 1 :]


def retooled(plan: tuple[Step, ...], at: int, tool: str) -> tuple[Step, ...]:
    """The plan with another tool at one step."""
    step = msgspec.structs.replace(plan[at], tool=tool)
    return (*plan[:at], step, *plan[at + 1 :])
