"""A task in the making: its data, its steps, its checks, and the words for all three.

An archetype is a function that is given a Scene. It puts data in place, adds the steps that lead
to the goal, states the checks, and says what is wanted; `build` makes the Task of it. What the
checks expect is worked out here and in the archetypes from the made-up rows, never by the tools.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from windtunnel.domain.conditions import DIFFICULTIES
from windtunnel.domain.tasks import Check, Resource, Step, Task
from windtunnel.domain.trials import seed_of
from windtunnel.suite.tasks.identity import Identity, reference
from windtunnel.suite.tasks.records import Month, Row, as_csv, as_json, as_xml, make_table
from windtunnel.suite.tasks.subjects import subjects
from windtunnel.suite.tasks.wording import (
    HARD,
    MEDIUM,
    VERY_HARD,
    Letter,
    Move,
    code,
    listed,
    upper_first,
)

_FOLDERS = ("inbox", "data", "exports", "incoming", "drop")
_OUTPUTS = ("reports", "out", "handover", "results", "shared")


class Scene:
    """The builder that archetypes work on. `level` counts from 0 (very_easy) to 4 (very_hard)."""

    def __init__(self, identity: Identity, seed: int, version: str) -> None:
        self.identity = identity
        self.seed = seed
        self.rng = rng = Random(seed_of("task", version, seed, identity.task_id))  # noqa: S311  reproducible, not secret
        self.level = DIFFICULTIES.index(identity.difficulty)
        self.subject = rng.choice(subjects())
        self.month = Month(rng.randrange(2021, 2027), rng.randrange(1, 13))
        self.rows: list[Row] = make_table(rng, self.subject, self.month, rng.randrange(10, 15))
        self.team = rng.choice(self.subject.teams)
        self.output = rng.choice(_OUTPUTS)
        self.files: dict[str, str] = {}
        self.resources: dict[str, Resource] = {}
        self.credentials: dict[str, str] = {}
        self.moves: list[Move] = []
        self.checks: list[Check] = []
        self.wanted = ""

    # --- data -------------------------------------------------------------------------------

    def table_file(self, form: str, rows: Sequence[Row] | None = None) -> str:
        """Put the table into a file; look-alikes join it at the upper levels. Returns its path."""
        folder = self.rng.choice(_FOLDERS)
        stem = f"{folder}/{self.subject.stem}"
        path = f"{stem}_{self.month.stamp}.{form}"
        if self.level >= HARD:
            earlier = self.month.before()
            self.files[f"{stem}_{earlier.stamp}.{form}"] = self.text(form, self.other_rows(earlier))
        self.files[path] = self.text(form, self.rows if rows is None else rows)
        if self.level >= VERY_HARD:
            draft = self.text(form, self.other_rows(self.month))
            self.files[f"{stem}_{self.month.stamp}_draft.{form}"] = draft
        self.source = (
            f"the {self.subject.many} in {code(path)}",
            f"the {self.month.full} {self.subject.many} in the {code(folder)} folder",
            f"the {self.month.full} {self.subject.many}",
        )[max(0, self.level - MEDIUM)]
        return path

    def table_address(
        self, form: str, rows: Sequence[Row] | None = None, service: str | None = None
    ) -> str:
        """Offer the table at an address, behind a service's sign-in if one is named."""
        base = f"https://{self.subject.host}/v1/{self.subject.stem}"
        earlier = self.month.before()
        before, url = f"{base}/{earlier.stamp}", f"{base}/{self.month.stamp}"
        if self.level >= HARD:
            self._offer(before, form, self.other_rows(earlier), service)
        self._offer(url, form, self.rows if rows is None else rows, service)
        if self.level >= VERY_HARD:
            self._offer(f"{url}-draft", form, self.other_rows(self.month), service)
        self.source = (
            f"the {self.subject.many} at {url}",
            f"the {self.month.full} {self.subject.many} (every month has its own address; "
            f"{earlier.full} is {before})",
            f"the {self.month.full} {self.subject.many} ({earlier.name}’s came from {before})",
        )[max(0, self.level - MEDIUM)]
        return url

    def _offer(self, url: str, form: str, rows: Sequence[Row], service: str | None) -> None:
        kind = {"json": "application/json", "csv": "text/csv", "xml": "application/xml"}[form]
        self.resources[url] = Resource(200, self.text(form, rows), kind, service)

    def inlet(self, name: str, service: str | None = None) -> str:
        """An address that takes what is posted to it."""
        url = f"https://{self.subject.host}/v1/{name}"
        self.resources[url] = Resource(200, '{"accepts": "application/json"}\n', credential=service)
        return url

    def service(self, name: str) -> str:
        """A service that we hold a credential for; others join it at the upper levels."""
        for other in ("archive", "test")[: max(0, self.level - MEDIUM)]:
            self.credentials[f"{self.subject.prefix.lower()}-{other}"] = self._secret()
        self.credentials[name] = self._secret()
        return name

    def _secret(self) -> str:
        return f"made-up-{self.rng.getrandbits(48):012x}"

    def other_rows(self, month: Month) -> list[Row]:
        """Rows of the same kind that are not the ones wanted."""
        return make_table(self.rng, self.subject, month, self.rng.randrange(10, 13))

    def text(self, form: str, rows: Sequence[Row]) -> str:
        """Rows as text of a format."""
        if form == "csv":
            return as_csv(rows)
        return as_json(list(rows)) if form == "json" else as_xml(rows, "records", "record")

    def target(self, name: str, form: str) -> str:
        """A path for a result."""
        return f"{self.output}/{name}_{self.month.stamp}.{form}"

    # --- words for the data: exact up to medium, those of the house above ----------------------

    @property
    def exact(self) -> bool:
        """Whether columns and values are given by name."""
        return self.level <= MEDIUM

    def column(self, name: str) -> str:
        """A column, as this level calls it."""
        s = self.subject
        nouns = {s.id: "number", s.group: s.group_noun, s.state: "state", s.date: "date"}
        nouns |= {s.amount: s.amount_noun, s.count: s.count_noun}
        return code(name) if self.exact else nouns[name]

    def columns(self, names: Sequence[str]) -> str:
        """Several columns, as this level calls them."""
        return listed([self.column(name) for name in names])

    def in_state(self, value: str) -> str:
        """The records of a state: orders whose `status` is `returned`."""
        if self.exact:
            return f"{self.subject.many} whose {code(self.subject.state)} is {code(value)}"
        return f"{self.subject.many} that {self.subject.states[value]}"

    def above(self, bound: float) -> str:
        """The records above an amount."""
        s = self.subject
        if self.exact:
            return f"{s.many} whose {code(s.amount)} is greater than {bound:g}"
        return f"{s.many} with a {s.amount_noun} of more than {bound:g} {s.amount_unit}"

    def pick_state(self) -> str:
        """A state that some but not all records are in."""
        return self.rng.choice(list(self.subject.states))

    def pick_bound(self, leave: int) -> float:
        """A round amount that exactly about `leave` records exceed, none of them equal to it."""
        ranked = sorted((row[self.subject.amount] for row in self.rows), reverse=True)
        high, low = ranked[leave - 1], ranked[leave]
        for digits in (-2, -1, 0, 1, 2):
            bound = round((high + low) / 2, digits)
            if low <= bound < high:
                return bound
        return low

    # --- steps ------------------------------------------------------------------------------

    def do(
        self,
        tool: str,
        told: str,
        *,
        makes: str,
        reads: str = "",
        brief: str = "",
        **arguments: Any,
    ) -> None:  # noqa: E501  one line a signature
        """Add a step. `told` is it as an instruction; `brief` its short form, at easy."""
        before = self.moves[-1].step.makes if self.moves else ""
        step = Step(tool, arguments, upper_first(told), reads or before, makes)
        self.moves.append(Move(step, told, brief or told))

    def check(self, kind: str, subject: str, expected: Any) -> None:
        """State what must hold in the end."""
        self.checks.append(Check(kind, subject, expected))

    # --- the whole ---------------------------------------------------------------------------

    def say(self, goal: Sequence[str], story: Sequence[str], **values: str) -> None:
        """What is wanted: `goal` for medium and hard, `story` for very_hard; one is drawn."""
        words = {
            "team": self.team,
            "Team": upper_first(self.team),
            "many": self.subject.many,
            "one": self.subject.one,
            "month": self.month.full,
            "source": getattr(self, "source", ""),
            "why": self.rng.choice(self.subject.whys),
            **values,
        }
        form = self.rng.choice(story if self.level >= VERY_HARD else goal)
        self.wanted = upper_first(form.format_map(words))

    def build(self) -> Task:
        """The finished task."""
        number = f"{self.subject.prefix}-{reference(self.identity, self.seed)}"
        letter = Letter(self.rng, self.level, number, self.team, tuple(self.moves), self.wanted)
        return Task(
            task_id=self.identity.task_id,
            task_type=self.identity.task_type,
            difficulty=self.identity.difficulty,
            description=letter.text(),
            required_tools=tuple(dict.fromkeys(move.step.tool for move in self.moves)),
            solution=tuple(move.step for move in self.moves),
            checks=tuple(self.checks),
            files=self.files,
            resources=self.resources,
            credentials=self.credentials,
        )
