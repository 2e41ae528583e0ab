"""Tools as data, tasks with their goal checks, and plans."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct, field

from stormproof.domain.conditions import Difficulty, TaskType

_LONGEST_HANDLE = 100


class ToolSpec(Struct, frozen=True):
    """What a model may know of a tool. `parameters` is a JSON Schema of type object."""

    name: str
    category: str
    description: str
    parameters: dict[str, Any]
    returns: dict[str, str]
    errors: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def about(self) -> str:
        """What it does and what it gives, as every protocol says it."""
        gives = "; ".join(self.returns.values())
        return f"{self.description} Gives {gives}." if gives else self.description


class Step(Struct, frozen=True):
    """One planned tool call. `purpose` is the human reason; `reads` and `makes` name its data.

    `after` holds the places (from 0) of earlier steps of the same plan that show what this step's
    arguments say, so that nobody can know them sooner: an address told by another address, a
    fault found by a check, a number read from a page.
    """

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    purpose: str = ""
    reads: str = ""
    makes: str = ""
    after: tuple[int, ...] = ()

    @property
    def structure(self) -> Hashable:
        """What of it does not hang on its data: see `Task.structure`."""
        given = self.arguments.get("input", "")
        handle = given if isinstance(given, str) and len(given) < _LONGEST_HANDLE else ""
        fields = (value for value in self.arguments.values() if isinstance(value, dict))
        is_tidy = all(name.islower() for names in fields for name in names)
        return self.tool, *self.arguments, self.after, handle, is_tidy


class Check(Struct, frozen=True):
    """One condition on the final World; the goal holds when all of a task's checks hold.

    `subject` names what is looked at (a path, a URL, a queue, a handle), `expected` the value
    that it must equal; what each kind compares is defined by the suite. `ordered` says that the
    order of records was asked for.
    """

    kind: str
    subject: str
    expected: Any
    ordered: bool = False


class Resource(Struct, frozen=True):
    """What a simulated HTTP address answers."""

    status: int
    body: str
    content_type: str = "application/json"
    credential: str | None = None


class Task(Struct, frozen=True, dict=True):
    """A goal with data: everything an episode needs, and how its end state is judged.

    `required_tools` is in a correct order. `solution` is a correct plan with arguments, which
    reaches the goal when no tool fails. `milestones` are conditions on the way to the goal, which
    progress is measured by beside the checks. Tasks of one `kind` have the same work on other data;
    "" promises nothing.
    """

    task_id: str
    task_type: TaskType
    difficulty: Difficulty
    description: str
    required_tools: tuple[str, ...]
    solution: tuple[Step, ...]
    checks: tuple[Check, ...]
    files: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict)
    kind: str = ""
    milestones: tuple[Check, ...] = ()

    @cached_property
    def structure(self) -> Hashable:
        """All that the outcome of tool calls can hang on, but for the data.

        Field names that a call gives away belong to it: whoever tidies up names changes some.
        """
        calls = tuple(step.structure for step in self.solution)
        holds = (bool(self.files), bool(self.resources), bool(self.credentials))
        return self.kind, calls, holds, tuple(check.kind for check in self.checks)


class Standing(Struct, frozen=True, gc=False):
    """How things stand in an Environment, judged by its task.

    `goal_met`: all checks hold. `progress`: 1 where the goal is met, else the share, in [0, 1], of
    the task's milestones and checks that hold; effects count once the data that was to be checked
    is. `collateral`: each unasked outside effect so far, in words; empty for none.
    """

    goal_met: bool = False
    progress: float = 0.0
    collateral: tuple[str, ...] = ()

    @property
    def is_full(self) -> bool:
        """The goal, and nothing else."""
        return self.goal_met and not self.collateral


class Trouble(Struct, frozen=True):
    """A tool that does not work in a trial, whatever its rate, and what it says instead.

    With `until` it works again once that tool has succeeded after a first call has said so.
    """

    tool: str
    until: str = ""
    message: str = ""


class ToolResult(Struct, frozen=True, gc=False):
    """What running a tool gave: a value stored under `handle`, or an error code with its text.

    Simulated failures are values like this one, never exceptions.
    """

    ok: bool
    value: Any = None
    handle: str | None = None
    error_code: str | None = None
    message: str = ""


Cause = Literal["", "weather", "arguments", "tool"]


class Execution(Struct, frozen=True, gc=False):
    """One tool call as it was executed, and all that is needed to explain its result.

    `cause` says why it failed: drawn by the weather, invalid arguments, or the tool's own work.
    It failed by weather when `draw` (uniform in [0, 1)) exceeded `probability`.
    `took_effect` is true for every success, and for an ambiguous TIMEOUT that did its work.
    `goal_met`, `progress` and `collateral` are the Standing after it.
    `unmet` are the tool's dependencies that had not succeeded before this call.
    `tampered` says how silent weather altered the result that was shown ("stale", "truncated",
    "wrong value"); then `ok` is true and `cause` is "weather".
    """

    tool: str
    arguments: dict[str, Any]
    ok: bool
    cause: Cause = ""
    error_code: str | None = None
    message: str = ""
    handle: str | None = None
    probability: float = 1.0
    draw: float = 0.0
    took_effect: bool = True
    goal_met: bool = False
    unmet: tuple[str, ...] = ()
    progress: float = 0.0
    collateral: tuple[str, ...] = ()
    tampered: str = ""
