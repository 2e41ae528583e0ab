"""From an id to a task."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

from stormproof.domain.conditions import DIFFICULTIES
from stormproof.domain.tasks import Task
from stormproof.suites.workflows.tasks.archetypes import ARCHETYPES
from stormproof.suites.workflows.tasks.compose import compose
from stormproof.suites.workflows.tasks.identity import Identity, read_id, read_reference
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.wording import MEDIUM

SUITE_VERSION = "2"
"""Part of every trial's identity: raise it whenever any task changes."""

_REFERENCE = re.compile(r"\bRef\. [A-Z]{3}-([0-9A-HJKMNP-TV-Z]{5,40})\b")
_KEPT = (1024, 1024, 1024, 256, 32)  # tasks of each level that are remembered: large ones are few


def load_task(task_id: str, seed: int = 0) -> Task:
    """The task of an id under a suite seed; the same on every machine, made in about 1 ms.

    Archetypes of a type take turns by index, so that any first n tasks are a fair mix, and the
    same index means the same kind of work at every level.

    Raises SuiteError for an id that is none.
    """
    identity = read_id(task_id)
    return _MADE[DIFFICULTIES.index(identity.difficulty)](identity, seed)


def make_task(identity: Identity, seed: int) -> Task:
    """The task, made anew."""
    return task_and_fault(identity, seed)[0]


def task_and_fault(identity: Identity, seed: int, *, small: bool = False) -> tuple[Task, str]:
    """The task, made anew, and the stage that finds a fault in it, if any does.

    With `small` it has few records, at any level: another task, most often of the same structure.
    """
    choices = ARCHETYPES[identity.task_type]
    turn, which = divmod(identity.index, len(choices))
    archetype = choices[which]
    scene = Scene(identity, seed, SUITE_VERSION, turn, archetype.name, small=small)
    fault = compose(scene, archetype, which)
    return scene.build(), fault


_MADE: tuple[Callable[[Identity, int], Task], ...] = tuple(
    functools.lru_cache(maxsize=kept)(make_task) for kept in _KEPT
)


def find_task(text: str, seed: int | None = None) -> Task | None:
    """The task whose description stands in the text, be it alone or within a prompt.

    With `seed` only a task of that suite seed is found; else of any.
    """
    for identity, its_seed in _references(text):
        if seed in (None, its_seed):
            task = load_task(identity.task_id, its_seed)
            if task.description in text:
                return task
    return None


def small_sibling(task: Task) -> Task:
    """The task made anew with few records; itself where it has no more, or was not made here."""
    for identity, seed in _references(task.description):
        if identity.task_id == task.task_id and DIFFICULTIES.index(identity.difficulty) > MEDIUM:
            return task_and_fault(identity, seed, small=True)[0]
    return task


def _references(text: str) -> Iterator[tuple[Identity, int]]:
    """The tasks that a text refers to, each with its suite seed."""
    return (read_reference(match.group(1)) for match in _REFERENCE.finditer(text))
