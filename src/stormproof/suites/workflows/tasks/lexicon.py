"""What tasks are about and how it is said: `subjects.toml` and `phrases.toml`."""

from __future__ import annotations

import functools
from importlib.resources import files

import msgspec
from msgspec import Struct

from stormproof.suites.workflows.tasks.wording import HARD, VERY_HARD


class Subject(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of record; `subjects.toml` says what each field is for."""

    stem: str
    one: str
    many: str
    area: str
    prefix: str
    host: str
    id: str
    id_form: str
    group: str
    group_noun: str
    groups: tuple[str, ...]
    state: str
    states: dict[str, str]
    amount: str
    amount_noun: str
    amount_unit: str
    amount_range: tuple[float, float]
    count: str
    count_noun: str
    count_range: tuple[int, int]
    date: str
    teams: tuple[str, ...]
    whys: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table of such records, in order."""
        return (self.id, self.group, self.state, self.amount, self.count, self.date)


class _File(Struct, frozen=True):
    subjects: tuple[Subject, ...]


@functools.cache
def subjects() -> tuple[Subject, ...]:
    """All kinds of records, in the file's order."""
    text = files(__package__).joinpath("subjects.toml").read_bytes()
    return msgspec.toml.decode(text, type=_File).subjects


class Phrases(Struct, frozen=True, forbid_unknown_fields=True):
    """A stage's texts: `plain` for medium and hard, `story` for very_hard.

    Where hard hands over less than medium, `hard` has texts of its own.
    """

    plain: tuple[str, ...]
    story: tuple[str, ...]
    hard: tuple[str, ...] = ()

    def at(self, level: int) -> tuple[str, ...]:
        """The texts of a level from medium on."""
        return self.story if level >= VERY_HARD else (level >= HARD and self.hard) or self.plain


@functools.cache
def phrases() -> dict[str, Phrases]:
    """Stage's name → its texts."""
    text = files(__package__).joinpath("phrases.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[str, Phrases])
