"""Task ids, and the references that stand for them in descriptions.

An id is `data_pipeline.easy.00017`: type, level, index. A reference is what a ticket number looks
like, `RTL-4F2C1`: three letters of the house, then the id and the suite's seed as one number in
Crockford's base 32. So a description is mapped back to its task without any index.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import overload

from msgspec import Struct

from stormproof.domain.conditions import DIFFICULTIES, TASK_TYPES, Difficulty, TaskType
from stormproof.errors import SuiteError

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHORTEST = 5
_STRIDE = 0x2545F4914F6CDD1D  # odd, so it has an inverse: neighbours get unlike references
_OFFSET = 0x1D872B41A3C5E9  # so that 0 does not look like nothing
_SORTS = len(TASK_TYPES) * len(DIFFICULTIES)  # a type at a level

# 1,008 tasks of each type: 5,040 do not divide evenly over five levels.
DEFAULT_COUNTS: dict[tuple[TaskType, Difficulty], int] = {
    (task_type, difficulty): 202 if level < 3 else 201  # noqa: PLR2004  3 × 202 + 2 × 201 = 1008
    for task_type in TASK_TYPES
    for level, difficulty in enumerate(DIFFICULTIES)
}


class Identity(Struct, frozen=True):
    """What an id says. `index` counts from 0 and has no upper end."""

    task_type: TaskType
    difficulty: Difficulty
    index: int

    @property
    def task_id(self) -> str:
        """The id as written."""
        return f"{self.task_type}.{self.difficulty}.{self.index:05d}"


class TaskIds(Sequence[str]):
    """The first `count` ids of one type and level, made as they are asked for."""

    def __init__(self, task_type: TaskType, difficulty: Difficulty, count: int) -> None:
        self._make = task_type, difficulty
        self._range = range(count)

    def __len__(self) -> int:
        return len(self._range)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return tuple(self[i] for i in self._range[at])
        return Identity(*self._make, self._range[at]).task_id

    def __iter__(self) -> Iterator[str]:
        return (self[at] for at in self._range)


def task_ids(task_type: TaskType, difficulty: Difficulty, count: int | None = None) -> TaskIds:
    """The first `count` ids of a type and level; the default set's share where none is given."""
    share = DEFAULT_COUNTS[task_type, difficulty]
    return TaskIds(task_type, difficulty, share if count is None else count)


def read_id(task_id: str) -> Identity:
    """What an id says. Raises SuiteError for text that is no id of this suite."""
    parts = task_id.split(".")
    if len(parts) == 3:  # noqa: PLR2004  type, level, index
        task_type, difficulty, index = parts
        if task_type in TASK_TYPES and difficulty in DIFFICULTIES and index.isdecimal():
            found = Identity(task_type, difficulty, int(index))
            if found.task_id == task_id:
                return found
    raise SuiteError(
        f"{task_id!r} is no task of this suite.",
        hint="ids look like data_pipeline.easy.00017: type, level, five-digit index",
    )


def reference(identity: Identity, seed: int) -> str:
    """The reference's number for a task under a suite seed: 5 or more base-32 digits."""
    sort = TASK_TYPES.index(identity.task_type) * len(DIFFICULTIES)
    sort += DIFFICULTIES.index(identity.difficulty)
    number = _pair(2 * seed if seed >= 0 else -2 * seed - 1, identity.index * _SORTS + sort)
    length = max(_SHORTEST, -(-number.bit_length() // 5))
    number = (number * _STRIDE + _OFFSET) % 32**length
    return "".join(_DIGITS[number >> shift & 31] for shift in range(5 * length - 5, -1, -5))


def read_reference(text: str) -> tuple[Identity, int]:
    """The task and the seed that a reference's number stands for. Any number stands for one."""
    number = 0
    for digit in text:
        number = number * 32 + _DIGITS.index(digit)
    whole = 32 ** len(text)
    folded, coded = _unpair((number - _OFFSET) * pow(_STRIDE, -1, whole) % whole)
    index, sort = divmod(coded, _SORTS)
    task_type, level = divmod(sort, len(DIFFICULTIES))
    seed = folded // 2 if folded % 2 == 0 else -(folded + 1) // 2
    return Identity(TASK_TYPES[task_type], DIFFICULTIES[level], index), seed


def _pair(a: int, b: int) -> int:
    """Cantor's pairing: one number for two, small where both are small."""
    return (a + b) * (a + b + 1) // 2 + b


def _unpair(number: int) -> tuple[int, int]:
    diagonal = (math.isqrt(8 * number + 1) - 1) // 2
    b = number - diagonal * (diagonal + 1) // 2
    return diagonal - b, b
