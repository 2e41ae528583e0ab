"""Other tools for the same work: whatever reaches the goal must score in full.

Each substitution does a step of a task's own solution with another tool, as a careful agent well
might. The solution is played with all the steps that it fits replaced.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

from msgspec import Struct

from stormproof.domain.tasks import Standing, Step, Task
from stormproof.suites.workflows.goals import standing
from stormproof.suites.workflows.optimum.trial_run import Ran, trial_run
from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import World
from suite_tasks import Figure, all_tasks

Call = Callable[..., str]
"""Calls a tool with these arguments; the result's handle. Raises NotDone where it fails."""

Substitute = Callable[[Call, World, Step], str | None]
"""Does a step in another way: its result's handle, or None where that way does not fit it."""


class NotDone(Exception):
    """A tool call failed in calm weather, or nothing could be substituted."""


class Played(Struct, frozen=True):
    """How a solution ended with some steps substituted; no standing where a call failed."""

    replaced: int
    standing: Standing | None = None


def played(task: Task, solution: Iterable[Ran], substitutes: Iterable[Substitute]) -> Played:
    """Play the solution, each step by the first substitute that fits it, else as it stands."""
    ways, world = tuple(substitutes), World(task)
    handles: dict[str, str] = {}  # of the solution's results → of those that stand for them
    counts = Counter[str]()
    replaced = 0

    def call(tool: str, **arguments: Any) -> str:
        result = run_tool(world, tool, arguments)
        if not result.ok:
            raise NotDone
        return result.handle or ""

    for ran in solution:
        named = {"input": ran.input} if ran.input else {}
        step = Step(ran.step.tool, _renamed({**ran.step.arguments, **named}, handles))
        counts[step.tool] += 1
        try:
            found = next((h for way in ways if (h := way(call, world, step)) is not None), None)
            replaced += found is not None
            made = call(step.tool, **step.arguments) if found is None else found
        except NotDone:
            return Played(replaced)
        handles[f"{step.tool}_{counts[step.tool]}"] = made
    return Played(replaced, standing(world))


def _renamed(value: Any, handles: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _renamed(each, handles) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(each, handles) for each in value]
    return handles.get(value, value) if isinstance(value, str) else value


# --- the ways --------------------------------------------------------------------------------


def other_validator(call: Call, _: World, step: Step) -> str | None:
    """The other of the two validators; what only one can look for stays."""
    given = {n: v for n, v in step.arguments.items() if n in {"input", "required", "schema"}}
    if step.tool == "network_validator" and given.get("required"):
        return call("data_processing_validator", **given)
    if step.tool == "data_processing_validator" and not step.arguments.get("unique"):
        return call("network_validator", **given)
    return None


def analyzer_for_validator(call: Call, _: World, step: Step) -> str | None:
    """Statistics, which count the missing values."""
    asks = step.tool in {"network_validator", "data_processing_validator"}
    if not asks or step.arguments.get("unique") or step.arguments.get("schema"):
        return None
    return call("computation_analyzer", input=step.arguments["input"])


def mapper_for_select(call: Call, _: World, step: Step) -> str | None:
    """A mapping of each field to itself."""
    operations = step.arguments.get("operations", ())
    if step.tool != "data_processing_transformer" or [o["op"] for o in operations] != ["select"]:
        return None
    mapping = {name: name for name in operations[0]["fields"]}
    return call("integration_mapper", input=step.arguments["input"], mapping=mapping)


def reading_for_scanning(call: Call, world: World, step: Step) -> str | None:
    """Every file, read."""
    if step.tool != "file_operations_scanner":
        return None
    pattern = step.arguments.get("pattern", "*")
    paths = [path for path in world.files if fnmatch(path, pattern)]
    return [call("file_operations_reader", path=path) for path in paths][-1]


def fetching_for_monitoring(_: Call, world: World, step: Step) -> str | None:
    """Every address, fetched; some answer with an error, which is what one wants to know."""
    if step.tool != "network_monitor":
        return None
    for url in [step.arguments["url"]] if "url" in step.arguments else list(world.resources):
        run_tool(world, "network_fetcher", {"url": url})
    return ""


def converter_for_parser(call: Call, _: World, step: Step) -> str | None:
    """The data as JSON, which can be worked on as it is."""
    if step.tool != "data_processing_parser":
        return None
    return call("file_operations_converter", input=step.arguments["input"], to="json")


def transformer_for_mapper(call: Call, _: World, step: Step) -> str | None:
    """Each target field computed from its source, and the others left out."""
    mapping = step.arguments.get("mapping")
    if step.tool != "integration_mapper" or not mapping:
        return None
    operations = [{"op": "compute", "field": n, "expression": p} for n, p in mapping.items()]
    operations.append({"op": "select", "fields": list(mapping)})
    return call("data_processing_transformer", input=step.arguments["input"], operations=operations)


def calculator_for_aggregator(call: Call, _: World, step: Step) -> str | None:
    """The sum of a column as an expression."""
    given = step.arguments
    if step.tool != "data_processing_aggregator" or given.get("group_by"):
        return None
    if given.get("function") not in {"sum", "max", "min", "mean"}:
        return None
    expression = f"{given['function']}({given['field']})"
    return call("computation_calculator", input=given["input"], expression=expression)


def single_operations(call: Call, _: World, step: Step) -> str | None:
    """Operations one by one."""
    operations = step.arguments.get("operations", ())
    if step.tool != "data_processing_transformer" or len(operations) < 2:  # noqa: PLR2004  one is one
        return None
    handle = step.arguments["input"]
    for operation in operations:
        handle = call(step.tool, input=handle, operations=[operation])
    return str(handle)


def text_for_records(call: Call, world: World, step: Step) -> str | None:
    """What is delivered goes out as the text of a file."""
    if step.tool not in {"network_poster", "utility_cache"} or "input" not in step.arguments:
        return None
    taken = world.named(step.arguments["input"])
    if taken is None or taken.kind != "table" or step.arguments.get("action", "put") != "put":
        return None
    text = call("file_operations_converter", input=taken.handle, to="csv")
    return call(step.tool, **{**step.arguments, "input": text})


SUBSTITUTIONS: Mapping[str, Substitute] = {
    each.__name__: each
    for each in (
        other_validator,
        analyzer_for_validator,
        mapper_for_select,
        reading_for_scanning,
        fetching_for_monitoring,
        converter_for_parser,
        transformer_for_mapper,
        calculator_for_aggregator,
        single_operations,
        text_for_records,
    )
}


class Tally:
    """What became of the tasks that one way fits."""

    def __init__(self) -> None:
        self.fits = self.goals = self.full = 0
        self.left: list[str] = []  # ids that reach the goal and are not full
        self.missed = defaultdict[str, list[str]](list)  # why → ids that do not reach it

    def add(self, task: Task, ended: Played) -> None:
        """Count a task, if the way fits it at all."""
        if not ended.replaced:
            return
        stands = ended.standing or Standing()
        self.fits += 1
        self.goals += stands.goal_met
        self.full += stands.is_full
        if not stands.goal_met:
            self.missed["a call fails" if ended.standing is None else "goal"].append(task.task_id)
        elif not stands.is_full:
            self.left.append(task.task_id)


def tallied(tasks: Iterable[Task]) -> dict[str, Tally]:
    """Every way tried in every task."""
    tallies = {name: Tally() for name in SUBSTITUTIONS}
    for task in tasks:
        ran = trial_run(task)
        for name, way in SUBSTITUTIONS.items():
            tallies[name].add(task, played(task, ran, [way]))
    return tallies


def substitutions(every: int = 1) -> Iterator[Figure]:
    """How many tasks each way fits, reaches the goal in, and is full in; `left` names the rest.

    `missed` are tasks in which it does not reach the goal, by what happened.
    """
    for name, found in tallied(all_tasks()[::every]).items():
        yield {
            "figure": "suite.substitution",
            "way": name,
            "fits": found.fits,
            "reaches_goal": found.goals,
            "full": found.full,
            "left": found.left,
            "missed": {why: [len(ids), *ids[:3]] for why, ids in found.missed.items()},
        }
