"""What is worked out once for all tasks of a kind.

Tasks of one kind differ in their data, not in how their tool calls hang together, so trial runs on
one of them tell of all. A task that is of no kind (`Task.kind` is "") speaks for itself alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Concatenate, ParamSpec, TypeVar

from stormproof.domain.tasks import Step, Task

_LONGEST_NAME = 100
P = ParamSpec("P")
T = TypeVar("T")


def once_per_kind(work: Callable[Concatenate[Task, P], T]) -> Callable[Concatenate[Task, P], T]:
    """Remember the result for the task's structure and the other arguments (hashable ones).

    `__wrapped__` is the work itself. Results are few: a thousand structures, a few rates.
    """
    known: dict[Hashable, T] = {}

    @functools.wraps(work)
    def remembered(task: Task, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not task.kind:
            return work(task, *args, **kwargs)
        key = (structure(task), args, *kwargs.items())
        if key not in known:
            known[key] = work(task, *args, **kwargs)
        return known[key]

    return remembered


def structure(task: Task) -> Hashable:
    """All in a task that the outcome of tool calls can hang on, but for its data.

    Field names that a call gives away belong to it: whoever tidies up names changes some of them.
    """
    latest = _latest[0]
    if latest is None or latest[0] is not task:
        latest = _latest[0] = (task, _structure(task))
    return latest[1]


# The latest task that was asked for, with its structure: who plans a task asks several times. The
# pair is replaced as a whole, so that threads may ask for different tasks.
_latest: list[tuple[Task, Hashable] | None] = [None]


def _structure(task: Task) -> Hashable:
    calls = tuple(
        (step.tool, *step.arguments, step.after, _named(step), _is_tidy(step))
        for step in task.solution
    )
    holds = (bool(task.files), bool(task.resources), bool(task.credentials))
    return (task.kind, calls, holds, tuple(check.kind for check in task.checks))


def _named(step: Step) -> str:
    """The result that a call names as its input."""
    given = step.arguments.get("input", "")
    return given if isinstance(given, str) and len(given) < _LONGEST_NAME else ""


def _is_tidy(step: Step) -> bool:
    named = (value for value in step.arguments.values() if isinstance(value, dict))
    return all(name.islower() for fields in named for name in fields)
