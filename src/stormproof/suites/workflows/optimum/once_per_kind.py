"""What is worked out once for all tasks of a kind.

Tasks of one kind differ in their data, not in how their tool calls hang together, so trial runs on
one of them tell of all. A task that is of no kind (`Task.kind` is "") speaks for itself alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Concatenate, ParamSpec, TypeVar

from stormproof.domain.tasks import Task

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
        key = (task.structure, args, *kwargs.items())
        result = known.get(key)  # once: a structure is long to look up
        if result is None:
            result = known[key] = work(task, *args, **kwargs)
        return result

    return remembered
