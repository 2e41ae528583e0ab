"""How a task is put into words, level by level.

| level     | what the description says                                          | look-alikes |
|-----------|--------------------------------------------------------------------|-------------|
| very_easy | every operation in order, a sentence each, with every path,        | none        |
|           | column, value and format                                           |             |
| easy      | the same operations in running prose; formats are left to the data | none        |
| medium    | the result, with exact paths, columns and values; no operations    | none        |
| hard      | the result in the words of the house: columns, states, times and   | the month   |
|           | the source must be matched with the data                           | before      |
| very_hard | only who needs what, and where they will look for it               | and a draft |

Look-alikes are files and addresses of the same kind as the source that are not meant: those of
the month before, and a draft of the same month; and a second credential or two.

No level names a tool. The reference number stands for the task (see `identity`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from msgspec import Struct

from stormproof.domain.tasks import Step

VERY_EASY, EASY, MEDIUM, HARD, VERY_HARD = range(5)


class Move(Struct, frozen=True):
    """A step of the solution, and how to tell somebody to do it: at length and in short."""

    step: Step
    words: str
    brief: str


def code(text: str) -> str:
    """Something literal: a path, a column, a value."""
    return f"`{text}`"


def listed(items: Sequence[str]) -> str:
    """A, B and C."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


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
    moves: tuple[Move, ...]
    wanted: str

    def text(self) -> str:
        """The description: one paragraph with the reference in it."""
        if self.level == VERY_EASY:
            body = " ".join(self._sentences())
        elif self.level == EASY:
            body = " ".join(self._prose())
        else:
            body = self.wanted
        return self.rng.choice(_LETTERS[min(self.level, MEDIUM)]).format(
            number=self.number, day=self.day, team=self.team, Team=upper_first(self.team), body=body
        )

    def _sentences(self) -> Iterator[str]:
        """First, …. Next, …. Finally, …."""
        last = len(self.moves) - 1
        for at, move in enumerate(self.moves):
            if at == 0:
                lead = "First, "
            elif at == last > 1:
                lead = self.rng.choice(("Finally, ", "Last, ", "To finish, "))
            else:
                lead = ("After that, ", "Then ", "Next, ")[at % 3]
            yield f"{lead}{move.words}."

    def _prose(self) -> Iterator[str]:
        """The operations two by two."""
        briefs = [move.brief for move in self.moves]
        for at in range(0, len(briefs), 2):
            pair = briefs[at : at + 2]
            joint = self.rng.choice((", and " if "," in pair[0] else " and ", ", then "))
            yield upper_first(joint.join(pair)) + "."


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
        "{body} Please quote Ref. {number} of {day}.",
    ),
)
