"""A solution as it runs: what each of its steps takes, needs, tells and changes.

One run in a World that watches itself says it all; steps that fail on their own are tried once
more beside each earlier one. So a plan of twenty steps on thousands of records is run a few times,
never once for each pair of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stormproof.domain.tasks import Check, Step, Task
from stormproof.suites.workflows.goals import KINDS, goal_met
from stormproof.suites.workflows.tools import CATALOGUE, run_tool
from stormproof.suites.workflows.world import Kind, Result, World

_JUDGED = ("checked", "result")
"""Kinds of check whose evidence grows with calls that have nothing to do with them."""

_TRACES = ("checked", "probed", "seen")
"""Kinds of check of what was looked at, which other calls may do by the way."""

_TELLING = frozenset(
    {
        "file_operations_reader",
        "file_operations_scanner",
        "network_fetcher",
        "network_monitor",
        "integration_authenticator",
        "integration_connector",
        "integration_queue",
        "utility_cache",
        "utility_helper",
    }
)
"""Tools whose results say how things stand in the World."""

_LOOKING = ("file_operations_reader", "network_fetcher", "network_monitor")
"""Tools that look by the way."""

_HANG_ON_OTHERS = frozenset(
    {
        "file_operations_reader",
        "file_operations_compressor",
        "network_fetcher",
        "network_poster",
        "integration_queue",
        "utility_cache",
    }
)
"""Tools that may need what another has done: a session, a file, something put in before."""

_IN_ORDER = ("queue", "routed", "file")
"""Kinds of check of things that several steps may add to, one after the other."""


class Ran(Struct, frozen=True):
    """A step of a solution as it ran.

    `given` is the step with its input's data in place of its name, as by an agent that has it by
    heart; `input` is that name ("" where it took none). `feeders` are the places of the steps whose
    results it took. `tells` is whether it brings in something that cannot be known before.
    `changes` are the checks of the goal (by number) that it changes the evidence of.
    """

    step: Step
    given: Step
    input: str
    feeders: tuple[int, ...]
    tells: bool
    changes: tuple[int, ...]


def trial_run(task: Task) -> tuple[Ran, ...]:
    """Run the solution once, in its own order."""
    world = _Watched(task)
    makers: dict[str, int] = {}
    ran = []
    seen = [_evidence(world, check) for check in task.checks]
    for at, step in enumerate(task.solution):
        world.forget()
        result = run_tool(world, step.tool, step.arguments)
        feeders = sorted({makers[taken.handle] for taken in world.taken if taken.handle in makers})
        tells = not feeders and step.tool in _TELLING
        now = [_evidence(world, check) for check in task.checks]
        changes = tuple(n for n, pair in enumerate(zip(seen, now, strict=True)) if _differ(*pair))
        ran.append(Ran(step, *world.given(step), tuple(feeders), tells, changes))
        seen = now
        if result.handle:
            makers[result.handle] = at
    return tuple(ran)


def enablers(task: Task, at: int) -> tuple[tuple[int, ...], ...]:
    """The demands of a step that does not work alone: of each, one step is enough.

    Mostly it takes one other step, as a call behind a sign-in does; else all those without which
    it fails.
    """
    step = task.solution[at]
    if step.tool not in _HANG_ON_OTHERS:
        return ()
    steps = [_light(each) for each in task.solution]
    if _runs(task, steps[at : at + 1]):
        return ()
    single = tuple(before for before in range(at) if _runs(task, [steps[before], steps[at]]))
    if single:
        return (single,)
    return tuple(
        (without,)
        for without in range(at)
        if not _runs(task, [*steps[:without], *steps[without + 1 : at + 1]])
    )


def _light(step: Step) -> Step:
    """The step on a little data of no account: whether it works does not hang on its input."""
    if "input" not in CATALOGUE[step.tool].spec.parameters["properties"]:
        return step
    return replace(step, arguments={**step.arguments, "input": "x"})


def superfluous(task: Task, ran: Sequence[Ran], places: Sequence[int]) -> list[int]:
    """Those of some steps, all given, whose traces the others leave as well."""
    looks = [at for at in places if ran[at].changes and _is_look(task, ran[at])]
    left = [at for at in places if at in looks or ran[at].step.tool in _LOOKING]
    return [at for at in looks if _traces_stand(task, ran, at, [o for o in left if o != at])]


def _is_look(task: Task, ran: Ran) -> bool:
    return all(task.checks[number].kind in _TRACES for number in ran.changes)


def _traces_stand(task: Task, ran: Sequence[Ran], at: int, others: Sequence[int]) -> bool:
    world = World(task)
    for other in others:
        run_tool(world, ran[other].given.tool, ran[other].given.arguments)
    return goal_met(world, [task.checks[number] for number in ran[at].changes])


def same_place(task: Task, one: Ran, other: Ran) -> bool:
    """Whether both add to the same queue, destination or file, where order matters."""
    return any(task.checks[n].kind in _IN_ORDER for n in {*one.changes} & {*other.changes})


def reaches_goal(task: Task, plan: Sequence[Step]) -> bool:
    """Whether every step succeeds in the World, and the goal holds at the end."""
    world = World(task)
    done = all(run_tool(world, step.tool, step.arguments).ok for step in plan)
    return done and goal_met(world, task.checks)


def _runs(task: Task, plan: Sequence[Step]) -> bool:
    """Whether the last step succeeds after the others."""
    world = World(task)
    *before, last = plan
    for step in before:
        run_tool(world, step.tool, step.arguments)
    return run_tool(world, last.tool, last.arguments).ok


def _evidence(world: World, check: Check) -> Any:
    if check.kind in _JUDGED:
        return (goal_met(world, (check,)),)
    return KINDS[check.kind].find(world, check.subject)


def _differ(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    return len(before) != len(now) or any(a is not b for a, b in zip(before, now, strict=True))


class _Watched(World):
    """A World that notes which results a tool call takes."""

    __slots__ = ("_by_default", "_by_name")

    def forget(self) -> None:
        """Before a tool call."""
        self._by_default: list[Result] = []
        self._by_name: dict[str, Result] = {}

    @property
    def taken(self) -> Iterator[Result]:
        """The results that the tool call took."""
        yield from self._by_default
        yield from self._by_name.values()

    def given(self, step: Step) -> tuple[Step, str]:
        """The step with the data that it took as its input, and that data's handle."""
        if "input" not in CATALOGUE[step.tool].spec.parameters["properties"]:
            return step, ""
        named = step.arguments.get("input")
        found = self._by_name.get(named) if isinstance(named, str) else None
        if named is None and self._by_default:
            found = self._by_default[0]
        if found is None:
            return step, ""
        return replace(step, arguments={**step.arguments, "input": found.value}), found.handle

    def latest(self, kinds: tuple[Kind, ...]) -> Result | None:
        found = super().latest(kinds)
        if found is not None:
            self._by_default.append(found)
        return found

    def named(self, name: str) -> Result | None:
        found = super().named(name)
        if found is not None:
            self._by_name[name] = found
        return found
