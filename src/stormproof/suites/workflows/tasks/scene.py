"""A task in the making: its data, its steps, its checks, and the words for all three.

An archetype is a function that is given a Scene. It puts data in place, adds the steps that lead
to the goal, states the checks, and says what is wanted; `build` makes the Task of it. What the
checks expect is worked out here and in the archetypes from the made-up rows, never by the tools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from stormproof.domain.conditions import DIFFICULTIES
from stormproof.domain.tasks import Check, Resource, Step, Task
from stormproof.domain.trials import seed_of
from stormproof.suites.workflows.tasks.identity import Identity, reference
from stormproof.suites.workflows.tasks.ledger import (
    Month,
    Row,
    as_csv,
    as_json,
    as_xml,
    make_table,
)
from stormproof.suites.workflows.tasks.lexicon import phrases, subjects
from stormproof.suites.workflows.tasks.materials import address
from stormproof.suites.workflows.tasks.wording import (
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
_PARTS = ("import", "export", "search", "accounts", "documents", "labels", "prices", "calendar")
_DESKS = ("north", "south", "express", "review", "special", "regular", "senior", "day", "night")
_CHANNELS = (
    ("email", "e-mail", "an e-mail"),
    ("sms", "text message", "a text message"),
    ("chat", "chat message", "a chat message"),
)
_JOBS = ("refresh", "export", "collect", "publish", "renew")
_SUBJECT_STRIDE = 7  # no divisor of the number of subjects: neighbours differ, all get a turn
_FIRST_YEAR, _MONTHS = 2021, 72
_TELLS = ("utility_logger", "utility_notifier")
_PLANS = ("utility_tracker", "integration_scheduler")
_DELIVERS = (
    "file_operations_writer",
    "file_operations_compressor",
    "network_poster",
    "network_router",
    "integration_queue",
    "utility_cache",
)
_REPORTS = (
    "data_processing_validator",
    "network_validator",
    "network_monitor",
    "file_operations_scanner",
    "integration_authenticator",
    "integration_connector",
    "computation_analyzer",
    "utility_helper",
)


class Scene:
    """The builder that archetypes work on. `level` counts from 0 (very_easy) to 4 (very_hard).

    `turn` counts the tasks of this `kind` (archetype) and level so far. Subject and month move on
    with it and with the level: of a kind, no two among the first 345 of each level have both
    in common.
    """

    def __init__(self, identity: Identity, seed: int, version: str, turn: int, kind: str) -> None:
        # What the task is about: settled here and by every draw from `rng` since. The order of the
        # draws is part of the suite's version; an archetype may change `rows` before it uses them.
        self.identity = identity
        self.seed = seed
        self.kind = kind
        self.rng = rng = Random(seed_of("task", version, seed, identity.task_id))  # noqa: S311  reproducible, not secret
        self.level = DIFFICULTIES.index(identity.difficulty)
        start = seed_of("start", version, seed, kind)
        place = turn * len(DIFFICULTIES) + self.level
        self.subject = subjects()[(start + _SUBJECT_STRIDE * place) % len(subjects())]
        self.month = Month(_FIRST_YEAR, 1).after((start + place + place // _MONTHS) % _MONTHS)
        self.rows: list[Row] = make_table(rng, self.subject, self.month, rng.randrange(10, 15))
        self.team = rng.choice(self.subject.teams)
        self.output = rng.choice(_OUTPUTS)

        # What the task will hold; it only grows.
        self.files: dict[str, str] = {}
        self.resources: dict[str, Resource] = {}
        self.credentials: dict[str, str] = {}
        self.moves: list[Move] = []
        self.checks: list[Check] = []

        # Words, empty until they are known: what this level calls the data, its file and folder
        # (set with the data), and what is wanted (set by `say`).
        self.source = self.path = self.folder = self.wanted = ""

        # What the next step will find, set by `do`: the latest data, and the latest data or report.
        self.data = self.seen = ""

    # --- data -------------------------------------------------------------------------------

    def file(self, stem: str, form: str, text: str, other: Callable[[Month], str]) -> str:
        """Put a month's file into a folder; look-alikes join it at the upper levels.

        `other` makes the text of a look-alike. Returns the path.
        """
        self.folder = self.rng.choice(_FOLDERS)
        base, earlier = f"{self.folder}/{stem}", self.month.after(-1)
        path = f"{base}_{self.month.stamp}.{form}"
        if self.level >= HARD:
            self.files[f"{base}_{earlier.stamp}.{form}"] = other(earlier)
        self.files[path] = text
        if self.level >= VERY_HARD:
            self.files[f"{base}_{self.month.stamp}_draft.{form}"] = other(self.month)
        inside = f"the {self.month.full} file in the {code(self.folder)} folder"
        self.path = code(path) if self.exact else inside
        return path

    def table_file(self, form: str, text: str | None = None) -> str:
        """Put the table into a file, as it is or in the text given. Returns the path."""
        own = self.text(form, self.rows) if text is None else text
        path = self.file(
            self.subject.stem, form, own, lambda month: self.text(form, self.other_rows(month))
        )
        self.source = (
            f"the {self.subject.many} in {code(path)}",
            f"the {self.month.full} {self.subject.many} in the {code(self.folder)} folder",
            f"the {self.month.full} {self.subject.many}",
        )[max(0, self.level - MEDIUM)]
        return path

    def table_address(self, form: str, service: str | None = None) -> str:
        """Offer the table at an address, behind a service's sign-in if one is named."""
        base = f"https://{self.subject.host}/v1/{self.subject.stem}"
        earlier = self.month.after(-1)
        before, url = f"{base}/{earlier.stamp}", f"{base}/{self.month.stamp}"
        if self.level >= HARD:
            self._offer(before, form, self.other_rows(earlier), service)
        self._offer(url, form, self.rows, service)
        if self.level >= VERY_HARD:
            self._offer(f"{url}-draft", form, self.other_rows(self.month), service)
        self.source = (
            f"the {self.subject.many} at {url}",
            f"the {self.month.full} {self.subject.many} (not the {earlier.name} ones at {before})",
            f"the {self.month.full} {self.subject.many} ({earlier.name}’s came from {before})",
        )[max(0, self.level - MEDIUM)]
        return url

    def contact_address(self, people: list[Row], service: str) -> str:
        """Offer contacts at an address behind a sign-in; the others there are no contacts."""
        url = f"https://{self.subject.host}/v1/{self.rng.choice(('people', 'directory', 'staff'))}"
        self.resources[url] = Resource(200, as_json(people), credential=service)
        if self.level >= HARD:
            self.inlet("directory-help")
        return url

    def _offer(self, url: str, form: str, rows: Sequence[Row], service: str | None) -> None:
        kind = {"json": "application/json", "csv": "text/csv", "xml": "application/xml"}[form]
        self.resources[url] = Resource(200, self.text(form, rows), kind, service)

    def inlet(self, name: str, service: str | None = None) -> str:
        """An address that takes what is posted to it."""
        url = f"https://{self.subject.host}/v1/{name}"
        self.resources[url] = Resource(200, '{"accepts": "application/json"}\n', credential=service)
        return url

    def service(self) -> str:
        """A service that we hold a credential for; others join it at the upper levels."""
        house = self.subject.prefix.lower()
        name = f"{house}-{self.rng.choice(('gateway', 'portal', 'records'))}"
        for other in ("archive", "test")[: max(0, self.level - MEDIUM)]:
            self.credentials[f"{house}-{other}"] = self._secret()
        self.credentials[name] = self._secret()
        return name

    def sick_address(self) -> str:
        """Some addresses of the house, one of which answers with an error; returns that one."""
        names = self.rng.sample(_PARTS, 3)
        sick = f"https://{self.subject.host}/v1/{names[0]}-v2"
        for name in names:
            self.inlet(name)
        body = '{"error": "temporarily out of order"}\n'
        self.resources[sick] = Resource(self.rng.choice((500, 502, 503)), body)
        if self.level >= HARD:
            self.inlet(f"{names[0]}-v{self.rng.randrange(3, 9)}")
        return sick

    # --- names ------------------------------------------------------------------------------

    def key(self, kind: str) -> str:
        """A cache key."""
        return f"{self.subject.stem}:{self.month.stamp}:{kind}"

    def queue(self) -> str:
        """A queue's name."""
        return f"{self.subject.stem}.{self.rng.choice(('todo', 'intake', 'review', 'followup'))}"

    def desks(self) -> tuple[str, str]:
        """Two destinations."""
        first, second = self.rng.sample(_DESKS, 2)
        return f"{first}-desk", f"{second}-desk"

    def recipient(self) -> tuple[str, str, dict[str, str]]:
        """Somebody to tell, the channel, and the words for both."""
        house = ".".join(self.subject.host.split(".")[-2:])
        name = address(self.rng, house)
        channel, plain, one = self.rng.choice(_CHANNELS)
        words = {"recipient": code(name), "channel": channel if self.exact else plain}
        return name, channel, {**words, "a_message": one}

    def timetable(self) -> tuple[str, str, str, dict[str, str]]:
        """A job, how often and when it runs, and the words; half an hour before work begins."""
        job = f"{self.rng.choice(_JOBS)}-{self.subject.stem}-{self.rng.randrange(10, 100)}"
        every = self.rng.choice(("day", "week", "month"))
        hour, half = self.rng.randrange(6, 10), self.rng.random() < 0.5  # noqa: PLR2004  a coin
        at = f"{hour:02d}:{30 if half else 0:02d}"
        start = f"{hour + 1}:00" if half else f"{hour}:30"
        time = f" at {at}" if self.exact else f", half an hour before {start}"
        return job, every, at, {"job": code(job), "every": every, "at": time, "start": start}

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
        nouns = {s.id: "number", s.group: s.group_noun, s.state: "status", s.date: "date"}
        nouns |= {s.amount: s.amount_noun, s.count: s.count_noun}
        return code(name) if self.exact else nouns[name]

    def columns(self, names: Sequence[str]) -> str:
        """Several columns, as this level calls them."""
        return listed([self.column(name) for name in names])

    def weekly_column(self, name: str) -> str:
        """The column of weekly counts, as this level calls it."""
        return code(name) if self.exact else f"the number of {self.subject.many}"

    def log_folder(self, folder: str) -> str:
        """The folder of the house's logs, as this level calls it."""
        return code(folder) if self.exact else f"the logs of {self.subject.host}"

    def proposal_words(self) -> dict[str, str]:
        """The columns of proposals, as this level calls them."""
        exact = {"value": code("points"), "cost": code("cost"), "status": code("cleared")}
        return exact if self.exact else {"value": "rating", "cost": "price", "status": "cleared"}

    def state_words(self, value: str) -> dict[str, str]:
        """The records of a state: orders whose `status` is `returned`, that were sent back."""
        s = self.subject
        exact = f"whose {code(s.state)} is {code(value)}"
        return self._records(exact if self.exact else f"that {s.states[value]}")

    def above(self, bound: float) -> dict[str, str]:
        """The records above an amount."""
        s = self.subject
        exact = f"whose {code(s.amount)} is greater than {bound:g}"
        plain = f"whose {s.amount_noun} is above {bound:g} {s.amount_unit}"
        return self._records(exact if self.exact else plain)

    def _records(self, clause: str) -> dict[str, str]:
        return {"records": f"{self.subject.many} {clause}", "those": f"those {clause}"}

    def rows_in(self, value: str) -> list[Row]:
        """The records in a state."""
        return [row for row in self.rows if row[self.subject.state] == value]

    def rows_not_in(self, value: str) -> list[Row]:
        """All others."""
        return [row for row in self.rows if row[self.subject.state] != value]

    def some_columns(self) -> list[str]:
        """The id, the group and one of the figures."""
        figure = self.rng.choice((self.subject.amount, self.subject.count))
        return [self.subject.id, self.subject.group, figure]

    def pick_state(self) -> str:
        """A state that some but not all records are in."""
        return self.rng.choice(list(self.subject.states))

    def pick_bound(self, leave: int) -> float:
        """A round amount that exactly about `leave` records exceed, none of them equal to it."""
        ranked: list[float] = sorted((row[self.subject.amount] for row in self.rows), reverse=True)
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
        words: str,
        *,
        makes: str,
        reads: str = "",
        brief: str = "",
        **arguments: Any,
    ) -> None:
        """Add a step. `words` say what to do; `brief` says it in short, at easy.

        Without `reads` it works on the latest data, or tells of the latest data or report.
        """
        given = self.seen if tool in _TELLS else self.data if tool not in _PLANS else ""
        step = Step(tool, arguments, upper_first(words), reads or given, makes)
        self.moves.append(Move(step, words, brief or words))
        if tool not in (*_TELLS, *_PLANS, *_DELIVERS):
            self.seen = makes
            self.data = self.data if tool in _REPORTS else makes

    def check(self, kind: str, subject: str, expected: Any, *, ordered: bool = False) -> None:
        """State what must hold in the end; `ordered` where the text asks for an order."""
        self.checks.append(Check(kind, subject, expected, ordered))

    def check_told(self, recipient: str, channel: str, one: str, others: Iterable[str]) -> None:
        """Somebody must be told one thing, and none of the others that it might have been."""
        fields = {"channel": channel, "contains": one, "lacks": sorted({*others} - {one})}
        self.check("notification", recipient, fields)

    def check_logged(self, level: str, one: str, others: Iterable[str]) -> None:
        """One thing must stand in the log, and none of the others that it might have been."""
        self.check("log", level, {"contains": one, "lacks": sorted({*others} - {one})})

    def check_looked_over(
        self, rows: Sequence[Row], *, filled: Sequence[str] = (), unique: Sequence[str] = ()
    ) -> None:
        """Some tool must have looked for gaps or repetitions in these fields of the records."""
        kept = [{name: row[name] for name in (*filled, *unique)} for row in rows]
        wanted = {"records": kept, "filled": list(filled), "unique": list(unique)}
        self.check("checked", self.subject.many, wanted)

    # --- the whole ---------------------------------------------------------------------------

    def say(self, **values: str) -> None:
        """Draw what is wanted from the archetype's texts in `phrases.toml`."""
        words = {
            "team": self.team,
            "many": self.subject.many,
            "one": self.subject.one,
            "month": self.month.full,
            "host": self.subject.host,
            "source": self.source,
            "path": self.path,
            "folder": code(self.folder),
            "id": self.column(self.subject.id),
            "group": self.column(self.subject.group),
            "amount": self.column(self.subject.amount),
            "why": self.rng.choice(self.subject.whys),
            **values,
        }
        words |= {upper_first(name): upper_first(value) for name, value in words.items()}
        texts = phrases()[self.kind]
        form = self.rng.choice(texts.story if self.level >= VERY_HARD else texts.goal)
        self.wanted = upper_first(form.format_map(words))

    def build(self) -> Task:
        """The finished task."""
        number = f"{self.subject.prefix}-{reference(self.identity, self.seed)}"
        day = f"{self.rng.randrange(1, 8)} {self.month.after(1).full}"
        letter = Letter(
            self.rng, self.level, number, day, self.team, tuple(self.moves), self.wanted
        )
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
            kind=self.kind,
        )
