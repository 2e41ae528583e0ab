"""Where every trial of the open journals stands: an index of places, not of contents."""

from __future__ import annotations

from typing import NamedTuple

from stormproof.store.records import Note


class Span(NamedTuple):
    """Where a line stands: the journal's number, its first byte, its length."""

    journal: int
    offset: int
    length: int


class Entry:
    """One trial: its turns' lines in order, and its episode's line once it has one.

    `count` of the turns belong to the episode. Turns beyond them open the trial again: an
    `infrastructure` episode is being run once more. It stays until the new one is there.
    """

    __slots__ = ("count", "episode", "is_settled", "outcome", "turns")

    def __init__(self) -> None:
        self.turns: list[Span] = []
        self.episode: Span | None = None
        self.count = 0
        self.outcome = ""
        self.is_settled = False

    @property
    def spans(self) -> list[Span]:
        """All lines that the entry stands on, in an order that gives the same entry again."""
        ended = [] if self.episode is None else [self.episode]
        return [*self.turns[: self.count], *ended, *self.turns[self.count :]]

    def turn(self, index: int, span: Span) -> None:
        """Put a turn in its place; what stood there and after it is out of date."""
        self.turns[index:] = [span]
        self.is_settled = False
        if index < self.count:
            self.episode, self.count, self.outcome = None, 0, ""

    def end(self, note: Note, span: Span) -> None:
        """Put the episode in its place."""
        del self.turns[note.at :]
        self.episode, self.count, self.outcome = span, note.at, note.outcome
        self.is_settled = True


class Log:
    """Entries by trial id, in order of first mention; `settled` counts those that have ended."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.settled = 0

    def add(self, note: Note, span: Span) -> str:
        """Take in one line; says what is wrong with it, or "".

        Lines that were carried into a new journal may be met twice: the second time changes
        nothing in the end.
        """
        entry = self.entries.get(note.trial_id) or Entry()
        if len(entry.turns) < note.at:
            return f"turn {len(entry.turns)} of trial {note.trial_id} is missing before it"
        self.entries[note.trial_id] = entry
        self.settled -= entry.is_settled
        if note.outcome:
            entry.end(note, span)
        else:
            entry.turn(note.at, span)
        self.settled += entry.is_settled
        return ""
