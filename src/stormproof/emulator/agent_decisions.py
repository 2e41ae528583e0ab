"""Simulated agents: they read the conversation, make up their mind, and act with their skill.

A reply depends on the emulator's seed, the model, the conversation and the request's own seed;
never on order or time, and nothing is kept between requests. An agent knows a task's solution as a
good model would find it, but it meets the same weather as everyone, so it cannot beat the ceiling.
"""

from __future__ import annotations

import functools
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec import Struct

from stormproof.domain.calls import Message, Reply, Request
from stormproof.domain.conditions import Difficulty, Protocol
from stormproof.domain.tasks import Step, Task
from stormproof.domain.trials import seed_of
from stormproof.emulator import agent_wording
from stormproof.emulator.agent_skills import SKILLS, Skill, skill_of
from stormproof.suites.workflows import WORKFLOWS

FindTask = Callable[[str], Task | None]
_TOOLS = tuple(WORKFLOWS.tools)  # seeded choices are made from it: in another order, other records
_MOST_MINDS = 8192
_MOST_TRIES = 6
_HARDNESS: Mapping[Difficulty, float] = MappingProxyType(
    {"very_easy": 0.7, "easy": 1.0, "medium": 1.5, "hard": 2.2, "very_hard": 3.0, "unrecorded": 1.0}
)
_REASONING = "step by step"  # what a prompt says that asks for reasoning first
_WITH_REASONING = 0.8
_STEP = re.compile(r"^[ \t>*]{0,6}\d{1,2}[.)][ \t]+(?P<line>[^\n]{1,4000})$", re.MULTILINE)
_HERMES = '<tool_call>{"name"'
_RESULT = re.compile(r"^(?P<tool>[\w.\- ]{1,80}) (?P<how>succeeded|failed)\.", re.MULTILINE)
_TOOL = re.compile("|".join(sorted(_TOOLS, key=len, reverse=True)))
_decode = json.JSONDecoder().raw_decode


class Mind(Struct, frozen=True):
    """What an agent makes of its first reading; the same at each of an episode's turns.

    `plan` is what it means to do, () where it knows no way. A step is given up after `tries`
    failures. `searches` says that it looks for tools first; `goal` is the task in its words.
    """

    seed: int
    plan: tuple[Step, ...]
    tries: int
    searches: bool
    goal: str


class Agents:
    """One agent for each model, by its skill. `find_task` knows the task that a prompt sets."""

    def __init__(
        self, find_task: FindTask, *, seed: int = 0, skills: Mapping[str, Skill] = SKILLS
    ) -> None:
        self._find_task = find_task
        self._seed = seed
        self._skills = skills
        # A cache alone: a mind that was dropped is made up again just so.
        self._mind = functools.lru_cache(_MOST_MINDS)(self._make_up)

    def __call__(self, request: Request) -> Reply:
        """The agent's next message."""
        skill = skill_of(request.model, self._skills)
        messages = request.messages
        opening = opening_of(messages)
        mind = self._mind(request.model, opening, request.seed)
        turn = sum(message.role == "assistant" for message in messages)
        rng = random.Random(mind.seed + turn)  # noqa: S311  reproducible, not secret
        if not mind.plan:
            return agent_wording.ramble(mind.goal, rng)
        return _act(skill, mind, messages, rng, protocol=_protocol(request, opening))

    def _make_up(self, model: str, opening: str, own_seed: int | None) -> Mind:
        """The first reading: whose plan to follow, and how stubbornly."""
        skill = skill_of(model, self._skills)
        seed = seed_of("agent", self._seed, model, opening, own_seed)
        rng = random.Random(seed)  # noqa: S311  reproducible, not secret
        task, shown = self._find_task(opening), plan_in(opening)
        tries = 1
        while tries < _MOST_TRIES and rng.random() < skill.persistence:
            tries += 1
        return Mind(
            seed=seed,
            plan=_plan_in_mind(skill, task, shown, rng, reasons=_REASONING in opening),
            tries=tries if skill.persistence < 1 else 1_000,
            searches=not shown and rng.random() < skill.searches,
            goal=task.description if task else "",
        )


def _plan_in_mind(
    skill: Skill, task: Task | None, shown: tuple[Step, ...], rng: random.Random, *, reasons: bool
) -> tuple[Step, ...]:
    """The plan shown, unless it is seen through; without one, the way as far as it is known.

    The chance to know the way is competence ^ hardness; reasoning first makes a task less hard.
    """
    if task is None:
        return shown
    hardness = _HARDNESS[task.difficulty] * (_WITH_REASONING if reasons else 1.0)
    insight, knows = rng.random() < skill.insight, rng.random() < skill.competence**hardness
    if shown:
        return task.solution if insight else shown
    return task.solution if knows else _mistaken(task.solution, rng)


def _mistaken(plan: tuple[Step, ...], rng: random.Random) -> tuple[Step, ...]:
    """The plan as someone remembers it who does not quite know the way."""
    at = rng.randrange(len(plan))
    how = rng.randrange(4)
    if how == 0 and len(plan) > 1:
        return plan[:at] + plan[at + 1 :]
    if how == 1 and len(plan) > 1:
        at = max(at, 1)
        return (*plan[: at - 1], plan[at], plan[at - 1], *plan[at + 1 :])
    if how == 2:  # noqa: PLR2004  one of the four ways
        wrong = msgspec.structs.replace(plan[at], tool=rng.choice(_TOOLS))
        return (*plan[:at], wrong, *plan[at + 1 :])
    return (*plan[:at], _confused(plan[at], rng), *plan[at + 1 :])


def _confused(step: Step, rng: random.Random) -> Step:
    """The step with one argument lost or wrong; without arguments, another tool."""
    if not step.arguments:
        return Step(rng.choice(_TOOLS))
    name = rng.choice(sorted(step.arguments))
    arguments = {key: value for key, value in step.arguments.items() if key != name}
    if rng.random() < 0.5:  # noqa: PLR2004  lost as often as wrong
        arguments[f"{name}_value"] = step.arguments[name]
    return msgspec.structs.replace(step, arguments=arguments)


def _act(
    skill: Skill,
    mind: Mind,
    messages: Sequence[Message],
    rng: random.Random,
    *,
    protocol: Protocol,
) -> Reply:
    """One turn: finish, search, ramble, or make the next tool call of the plan in mind."""
    last = messages[-1].content
    first = len(messages) == 1 or all(m.role != "assistant" for m in messages)
    at = position(mind.plan, tool_results(messages), mind.tries)
    if first and mind.searches and protocol != "native":
        return agent_wording.search(mind.goal, rng)
    if at == len(mind.plan) or rng.random() >= skill.patience:
        return agent_wording.done(rng)
    if rng.random() >= skill.eloquence:
        return agent_wording.ramble(mind.goal, rng)
    steps = mind.plan[at : at + 2] if rng.random() < skill.parallel else mind.plan[at : at + 1]
    if rng.random() >= skill.attention:
        steps = (_confused(steps[0], rng),)
    corrected = last.startswith(("No action was found", "The call names no tool"))
    well = rng.random() < (max(skill.form, 0.9) if corrected else skill.form)
    habit = None if well else skill.habit
    return agent_wording.tool_calls(steps, habit, rng, protocol=protocol, thinks=skill.thinks)


def _protocol(request: Request, opening: str) -> Protocol:
    """How the request wants tools to be called."""
    if request.tools:
        return "native"
    return "hermes" if _HERMES in opening else "text"


class SeenResult(Struct, frozen=True):
    """How one of the agent's tool calls ended, as the conversation has it."""

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


def tool_results(messages: Sequence[Message]) -> list[SeenResult]:
    """How the tool calls so far ended, in order."""
    return [
        SeenResult(match.group("tool"), match.group("how") == "succeeded")
        for message in messages
        if message.role in {"user", "tool"}
        for match in _RESULT.finditer(message.content)
    ]


def position(plan: Sequence[Step], results: Sequence[SeenResult], tries: int) -> int:
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
