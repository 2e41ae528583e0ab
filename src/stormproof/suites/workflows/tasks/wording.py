"""How a task is put into words, level by level.

| level     | what the description says                                           |
|-----------|---------------------------------------------------------------------|
| very_easy | every operation in order, a sentence each, with all names           |
| easy      | the same operations in running prose                                |
| medium    | what is wanted, with exact paths, columns and values; no operations |
| hard      | what is wanted in the words of the house: columns, states and the   |
|           | source must be matched with the data, which has look-alikes         |
| very_hard | who needs what, and where they will look for it                     |

Whatever the goal compares is said at every level: where results go, what their columns are called,
in which order they stand where that counts, and who is told what in which way. No level names a
tool. The reference number stands for the task (see `identity`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from msgspec import Struct

VERY_EASY, EASY, MEDIUM, HARD, VERY_HARD = range(5)


class Wording(Struct, frozen=True):
    """What to do, at length and in short: part of a sentence each."""

    words: str
    brief: str

    def followed_by(self, more: str) -> Wording:
        """The same, with something more to do."""
        return Wording(self.words + more, self.brief + more)


def code(text: str) -> str:
    """Something literal: a path, a column, a value."""
    return f"`{text}`"


def listed(items: Sequence[str]) -> str:
    """A, B and C."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def plain(number: float) -> str:
    """A number in plain digits, as tasks state it and plans hold it: never with an exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def upper_first(text: str) -> str:
    """With a capital, for the beginning of a sentence."""
    return text[:1].upper() + text[1:]


class Letter(Struct, frozen=True):
    """All that the description is composed of."""

    rng: Random
    level: int
    number: str
    day: str
    team: str
    operations: Sequence[Wording]
    sentences: Sequence[str]

    def text(self) -> str:
        """The description: one paragraph with the reference in it."""
        if self.level == VERY_EASY:
            body = " ".join(self._in_order())
        elif self.level == EASY:
            body = " ".join(self._in_prose())
        else:
            body = " ".join(self.sentences)
        return self.rng.choice(_LETTERS[min(self.level, MEDIUM)]).format(
            number=self.number, day=self.day, team=self.team, Team=upper_first(self.team), body=body
        )

    def _in_order(self) -> Iterator[str]:
        """First, …. Next, …. Finally, …."""
        last = len(self.operations) - 1
        for at, operation in enumerate(self.operations):
            if at == 0:
                lead = "First, "
            elif at == last > 1:
                lead = self.rng.choice(("Finally, ", "Last, ", "To finish, "))
            else:
                lead = ("After that, ", "Then ", "Next, ")[at % 3]
            yield f"{lead}{operation.words}."

    def _in_prose(self) -> Iterator[str]:
        """Short operations two by two, long ones alone."""
        waiting = ""
        for brief in (operation.brief for operation in self.operations):
            if waiting and not _is_long(brief):
                yield upper_first(waiting + self.rng.choice((" and ", ", then ")) + brief) + "."
                waiting = ""
                continue
            if waiting:
                yield upper_first(waiting) + "."
            waiting = "" if _is_long(brief) else brief
            if not waiting:
                yield upper_first(brief) + "."
        if waiting:
            yield upper_first(waiting) + "."


def _is_long(brief: str) -> bool:
    return any(mark in brief for mark in (",", ";", ":", ". "))


_LETTERS = (
    (
        "Here is what {team} asked for on {day} (Ref. {number}). {body}",
        "Please go through this for {team} step by step (Ref. {number} of {day}). {body}",
        "Ref. {number}, from {team}, {day}. {body}",
    ),
    (
        "A small job for {team}, Ref. {number} of {day}. {body}",
        "{Team} asked for help with this on {day} (Ref. {number}). {body}",
        "{body} This is for {team}, Ref. {number} of {day}.",
    ),
    (
        "{body} (Ref. {number}, {day})",
        "Ref. {number} of {day}: {body}",
        "{Team} writes on {day} (Ref. {number}): {body}",
    ),
)
