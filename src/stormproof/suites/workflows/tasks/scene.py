"""A task in the making: its data, its steps, its checks, and the words for all three.

Stages work on a Scene one after the other. Each puts data in place, adds the steps that lead on,
states what must hold, and says what is wanted; `build` makes the Task of it. What the checks expect
is worked out from the made-up rows, never by the tools.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Literal

from stormproof.domain.conditions import DIFFICULTIES
from stormproof.domain.tasks import Check, Resource, Step, Task
from stormproof.domain.trials import seed_of
from stormproof.suites.workflows.tasks.identity import Identity, reference
from stormproof.suites.workflows.tasks.ledger import Row
from stormproof.suites.workflows.tasks.lexicon import phrases, subjects
from stormproof.suites.workflows.tasks.materials import Trend, address
from stormproof.suites.workflows.tasks.months import Month
from stormproof.suites.workflows.tasks.stock import Table, stock
from stormproof.suites.workflows.tasks.wording import (
    HARD,
    MEDIUM,
    VERY_HARD,
    Letter,
    Wording,
    code,
    listed,
    upper_first,
)

Shape = Literal["text", "records", "groups", "figure", "outcome"]
_CHANNELS = (("email", "e-mail"), ("sms", "text message"), ("chat", "chat message"))
_FOLDERS = ("inbox", "data", "exports", "incoming", "drop")
_OUTPUTS = ("reports", "out", "handover", "results", "shared")
_SIZES = ((8, 13), (12, 21), (45, 76), (200, 451), (1_000, 1_601))  # records, by level
_SUBJECT_STRIDE = 7  # no divisor of the number of subjects: neighbours differ, all get a turn
_FIRST_YEAR, _MONTHS = 2021, 72
_RECEIPTS = (
    *("file_operations_writer", "file_operations_compressor", "network_poster", "utility_cache"),
    *("integration_queue", "utility_notifier", "utility_logger", "utility_tracker"),
    *("integration_scheduler", "integration_authenticator", "integration_connector"),
    *("data_processing_validator", "network_validator", "network_monitor"),
)
"""Tools whose results are no data that a later call would take by itself."""

_LOOKS = ("seen", "checked", "probed")
"""Kinds of checks that a look satisfies."""


class _Words(dict[str, str]):
    """Words for a sentence, by name; a name with a capital stands for its word with one."""

    def __missing__(self, name: str) -> str:
        return upper_first(self[name[:1].lower() + name[1:]])


class Scene:
    """The builder that stages work on. `level` counts from 0 (very_easy) to 4 (very_hard).

    `extent` is the level that it has as much data as: its own, or medium at most where it is to be
    `small`.

    `turn` counts the tasks of this `kind` (archetype) and level so far. Subject and month move on
    with it and with the level, so that tasks of a kind differ in what they are about.
    """

    def __init__(
        self,
        identity: Identity,
        seed: int,
        version: str,
        turn: int,
        kind: str,
        *,
        small: bool = False,
    ) -> None:
        # What the task is about: settled here and by every draw from `rng` since. The order of the
        # draws is part of the suite's version.
        self.identity = identity
        self.seed = seed
        self.version = version
        self.kind = kind
        self.rng = rng = Random(seed_of("task", version, seed, identity.task_id))  # noqa: S311  reproducible, not secret
        self.level = DIFFICULTIES.index(identity.difficulty)
        self.extent = min(self.level, MEDIUM) if small else self.level
        start = seed_of("start", version, seed, kind)
        place = turn * len(DIFFICULTIES) + self.level
        self._subject_at = (start + _SUBJECT_STRIDE * place) % len(subjects())
        self.subject = subjects()[self._subject_at]
        self.month = Month(_FIRST_YEAR, 1).after((start + place + place // _MONTHS) % _MONTHS)
        self.team = rng.choice(self.subject.teams)
        self.why = rng.choice(self.subject.whys)
        self.folder = rng.choice(_FOLDERS)
        self.output = rng.choice(_OUTPUTS)

        # What the task will hold; it only grows.
        self.files: dict[str, str] = {}
        self.resources: dict[str, Resource] = {}
        self.credentials: dict[str, str] = {}
        self.steps: list[Step] = []
        self.checks: list[Check] = []
        self.milestones: list[Check] = []

        # Whether the stage at work is the one whose data has a fault; set before each stage.
        self.fault = False
        # What puts that fault into the data, where the data itself has it; and what it put there.
        self.spoil: Callable[[Scene, Table], None] | None = None
        self.spoiled: list[Row] = []
        self.whole: list[Table] = []  # the tables of the source as they were before
        # Whether the thing may stay text: at the lowest level, for deliveries that take any data.
        self.raw = False
        # Whether a fault has ended the work: set once, by a stage that found it. What later stages
        # would do is still said, for tasks with and without a fault have the same words.
        self.stopped = False

        # The thing at hand, as stages have made it: its shape, its rows (of records and groups) or
        # its value, and the names that matter in it. `it` is what the text calls it.
        self.shape: Shape = "text"
        self.rows: list[Row] = []
        self.value: Any = None
        self.ordered = False
        self.it = ""
        self.group, self.measure = self.subject.group, self.subject.amount

        self.fact: tuple[str, str, list[str]] = ("", "", [])  # of an outcome: figure, words, others
        self.scale = 1  # of amounts, beside those of the stock
        self.trend = Trend("", 0, 0, 0)  # the line that weekly counts lie on

        # Formats that later stages go by, and how many results have a name so far.
        self.text_form = "csv"
        self.side_path = ""
        self.listing: tuple[int, ...] = ()  # the step that listed all files
        self._named_results = 0
        self._people: set[str] = set()

        # Handles: of the thing at hand, and of the latest data, which a call takes by itself.
        self.hand = ""
        self.latest = ""
        self._counts: dict[str, int] = {}

        # Places of the steps that have shown the data so far: nobody can know more before.
        self.shown: tuple[int, ...] = ()

        # Words: an operation each for the lower levels, a sentence each for the upper ones.
        self.operations: list[Wording] = []
        self.sentences: list[str] = []

    # --- data -------------------------------------------------------------------------------

    def table(self, size: int | None = None) -> Table:
        """Some records of this month, from anywhere in the stock."""
        source = stock(self.version, self.seed, self._subject_at)
        count = min(size or self.rng.randrange(*_SIZES[self.extent]), len(source.values))
        start = self.rng.randrange(len(source.values) - count + 1)
        table = Table(source, self.subject, self.month, range(start, start + count))
        self.whole = [table.copied()]
        if self.spoil:
            self.spoil(self, table)
        return table

    def parts(self, count: int) -> list[Table]:
        """Tables of this month that have no record in common."""
        source = stock(self.version, self.seed, self._subject_at)
        low, high = _SIZES[self.extent]
        size = max(5, self.rng.randrange(low, high) // count)
        start = self.rng.randrange(len(source.values) - count * size + 1)
        starts = range(start, start + count * size, size)
        tables = [Table(source, self.subject, self.month, range(s, s + size)) for s in starts]
        self.whole = [each.copied() for each in (tables[-1], *tables[:-1])]
        if self.spoil:
            self.spoil(self, tables[-1])
        return tables

    def other_text(self, form: str, size: int, month: Month) -> str:
        """Text of the same kind that is not wanted."""
        source = stock(self.version, self.seed, self._subject_at)
        start = self.rng.randrange(len(source.values) - size + 1)
        return source.text(form, range(start, start + size), month)

    def form(self) -> str:
        """A format that data is kept in; the most verbose not for thousands of records."""
        return self.rng.choice(
            ("csv", "json") if self.level >= VERY_HARD else ("csv", "json", "xml")
        )

    def offer(self, url: str, text: str, form: str, service: str | None = None) -> None:
        """Let an address answer with a text."""
        kinds = {"json": "application/json", "csv": "text/csv", "xml": "application/xml"}
        self.resources[url] = Resource(200, text, kinds.get(form, "text/plain"), service)

    def secret(self) -> str:
        """What a credential holds."""
        return f"made-up-{self.rng.getrandbits(48):012x}"

    # --- names ------------------------------------------------------------------------------

    @property
    def exact(self) -> bool:
        """Whether columns and values are given by name."""
        return self.level <= MEDIUM

    @property
    def upper(self) -> bool:
        """Whether sources have look-alikes and must be found."""
        return self.level >= HARD

    @property
    def house(self) -> str:
        """The part of the host that names the house."""
        return ".".join(self.subject.host.split(".")[-2:])

    def target(self, name: str, form: str) -> str:
        """A path for a result that no other has."""
        return f"{self.output}/{name}_{self.month.stamp}.{form}"

    def result_name(self) -> str:
        """What a result is called in paths and keys: no two alike."""
        self._named_results += 1
        word = {"text": "copy", "records": "list", "groups": "table"}.get(self.shape, self.shape)
        number = self._named_results if self._named_results > 1 else ""
        return f"{self.subject.stem}_{word}{number}"

    def recipient(self) -> tuple[str, str, str]:
        """Somebody to tell: name, channel, and the words for the channel."""
        name = next(
            n for n in iter(lambda: address(self.rng, self.house), "") if n not in self._people
        )
        self._people.add(name)
        channel, plain = self.rng.choice(_CHANNELS)
        return name, channel, channel if self.exact else plain

    def column(self, name: str) -> str:
        """A column, as this level calls it."""
        s = self.subject
        nouns = {s.id: f"{s.one} number", s.group: s.group_noun, s.state: "status", s.date: "date"}
        nouns |= {s.amount: s.amount_noun, s.count: s.count_noun}
        return code(name) if self.exact else nouns.get(name, code(name))

    def columns(self, names: Sequence[str]) -> str:
        """Several columns, as this level calls them."""
        return listed([self.column(name) for name in names])

    @property
    def nested(self) -> bool:
        """Whether the records at hand hold other records, so that no CSV can have them."""
        return any(isinstance(value, dict) for value in self.rows[0].values())

    # --- the thing at hand ------------------------------------------------------------------

    def take(self, shape: Shape, value: Any, it: str, handle: str) -> None:
        """Have another thing at hand."""
        self.shape, self.value, self.it, self.hand = shape, value, it, handle
        self.ordered = False
        if shape in ("records", "groups"):
            self.rows = value

    @property
    def among(self) -> str:
        """The thing at hand, as what something is found in."""
        return f"in {self.it}" if self.it == "the table" else f"among {self.it}"

    def rework(self, rows: list[Row], it: str, handle: str) -> None:
        """Have the same records at hand, fewer or changed, in the order that they had."""
        ordered = self.ordered
        self.take("records", rows, it, handle)
        self.ordered = ordered

    def named(self) -> dict[str, Any]:
        """The argument that names the thing at hand, where a call would not take it by itself."""
        return {"input": self.hand} if self.hand != self.latest else {}

    # --- steps ------------------------------------------------------------------------------

    def do(
        self,
        tool: str,
        purpose: str,
        *,
        words: str = "",
        brief: str = "",
        reads: str | None = None,
        makes: str = "",
        after: tuple[int, ...] = (),
        **arguments: Any,
    ) -> str:
        """Add a step, unless the work is over; returns its result's handle.

        `words` say at the lower levels what to do, and `brief` says it in short; without them it
        is nothing that anybody can know before. `after` are the steps that show its arguments.
        """
        if words:
            self.operations.append(Wording(words, brief or words))
        if self.stopped:
            return ""
        count = self._counts[tool] = self._counts.get(tool, 0) + 1
        handle = f"{tool}_{count}"
        if tool not in _RECEIPTS:
            self.latest = handle
        self.steps.append(
            Step(
                tool,
                arguments,
                upper_first(purpose),
                self.it if reads is None else reads,
                makes,
                after,
            )
        )
        return handle

    @property
    def last(self) -> int:
        """The place of the latest step."""
        return len(self.steps) - 1

    def see(self) -> None:
        """The latest step has shown something that later ones hang on."""
        if not self.stopped:
            self.shown = (*self.shown, self.last)

    def check(self, kind: str, subject: str, expected: Any) -> None:
        """State what must hold in the end, unless the work is over."""
        if not self.stopped:
            self.checks.append(Check(kind, subject, expected))

    def deliver(self, kind: str, subject: str, value: Any) -> None:
        """State that the thing at hand arrives somewhere."""
        if not self.stopped:
            self.checks.append(Check(kind, subject, value, self.ordered))

    def verified(self, filled: Sequence[str] = (), unique: Sequence[str] = ()) -> None:
        """State that the records at hand have been checked."""
        wanted = {"records": self.rows, "filled": [*filled], "unique": [*unique]}
        self.check("checked", self.it, wanted)

    def passes(self, kind: str, subject: str, expected: Any = None) -> None:
        """State what holds on the way, unless the work is over."""
        if not self.stopped:
            self.milestones.append(Check(kind, subject, expected, self.ordered))

    # --- the whole ---------------------------------------------------------------------------

    def say(self, stage: str, /, **values: str) -> None:
        """Draw a sentence of `phrases.toml`, where this level has sentences."""
        if self.level < MEDIUM:
            return
        texts = phrases()[stage]
        form = self.rng.choice(texts.at(self.level))
        words = {
            "team": self.team,
            "many": self.subject.many,
            "one": self.subject.one,
            "month": self.month.full,
            "host": self.subject.host,
            "id": self.column(self.subject.id),
            "group": self.column(self.group),
            "amount": self.column(self.measure),
            "why": self.why,
            "it": self.it,
            "among": self.among,
            "year": str(self.month.year),
            **values,
        }
        self.sentences.append(upper_first(form.format_map(_Words(words))))

    def build(self) -> Task:
        """The finished task."""
        number = f"{self.subject.prefix}-{reference(self.identity, self.seed)}"
        day = f"{self.rng.randrange(1, 8)} {self.month.after(1).full}"
        letter = Letter(
            self.rng, self.level, number, day, self.team, self.operations, self.sentences
        )
        return Task(
            task_id=self.identity.task_id,
            task_type=self.identity.task_type,
            difficulty=self.identity.difficulty,
            description=letter.text(),
            required_tools=tuple(dict.fromkeys(step.tool for step in self.steps)),
            solution=tuple(self.steps),
            checks=tuple(self.checks),
            files=self.files,
            resources=self.resources,
            credentials=self.credentials,
            kind=self.kind,
            milestones=tuple(self._all_milestones()),
        )

    def _all_milestones(self) -> list[Check]:
        """With the effects once more where looks alone would be half of the way."""
        effects = [check for check in self.checks if check.kind not in _LOOKS]
        looks = len(self.checks) - len(effects)
        return self.milestones + (effects if looks >= len(effects) + len(self.milestones) else [])
