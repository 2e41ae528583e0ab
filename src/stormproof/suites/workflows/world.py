"""The World: all that an episode's tools can see and change. Cheap to make, deterministic.

The task's own data is never changed: files are copied into `files` (a shallow copy of texts),
resources and credentials are only looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from stormproof.domain.tasks import Check, Resource, Task
from stormproof.suites.workflows.values import failed

Kind = Literal[
    "text",  # what a file or an address holds, unparsed
    "table",  # a list of records (objects)
    "object",  # any other parsed structure
    "findings",  # what was computed of data: summaries, analyses, predictions, choices
    "number",
    "archive",  # compressed data, base64
    "report",  # what a check found: validators, monitor, connector
    "receipt",  # that something was done, or how things stand: writer, poster, logger, helper
    "session",  # an authentication
]
DATA: tuple[Kind, ...] = ("table", "object")
"""Kinds that hold records: what tools that work on records take when no input is named."""

STRUCTURED: tuple[Kind, ...] = (*DATA, "findings", "number")
"""Kinds that are data and no text: what is reckoned with, or taken apart record by record."""

PAYLOAD: tuple[Kind, ...] = ("text", "table", "object", "findings", "number")
"""Kinds that are data: what writer, poster, queue, cache take when no input is named."""

ANY: tuple[Kind, ...] = (*PAYLOAD, "archive", "report")
"""Kinds that can be reported: what logger and notifier take when no input is named."""

HEAVIEST = 64_000_000  # bytes of memory, about, for all that the tool calls of an episode bring in
DEFAULTS_FILE = "defaults.json"
"""A task may hold this file: `{tool: {argument: value}}`, used where a tool call gives none."""

EXPIRED = "expired; replaced by "
"""What a credential holds that opens nothing any more, before the name of the one that does."""


class Result(Struct, frozen=True, gc=False):
    """A stored result. `source` is the path or address that its data came from, if any."""

    handle: str
    tool: str
    kind: Kind
    value: Any
    source: str = ""


class Post(Struct, frozen=True):
    """A body received at an address."""

    url: str
    body: Any


class LogEntry(Struct, frozen=True):
    """A line of the log."""

    level: str
    message: str


class Schedule(Struct, frozen=True):
    """A job that was planned. `at` is `HH:MM` or empty; `every` a period."""

    job: str
    every: str
    at: str


class Notification(Struct, frozen=True):
    """A message that was sent."""

    recipient: str
    channel: str
    message: str


class Examination(Struct, frozen=True):
    """Records that a tool has looked through for gaps in the fields `filled`, and for repetitions
    in the fields `unique`.
    """  # noqa: D205  one sentence

    records: Sequence[Mapping[str, Any]]
    filled: frozenset[str]
    unique: frozenset[str] = frozenset()


class World:
    """State of one episode. All attributes are public; tools alone change them."""

    __slots__ = (
        "_counts",
        "_defaults",
        "cache",
        "connections",
        "examined",
        "files",
        "judged",
        "log",
        "notifications",
        "posts",
        "probed",
        "queues",
        "results",
        "routed",
        "schedules",
        "seen",
        "sessions",
        "task",
        "tracked",
        "weight",
    )

    def __init__(self, task: Task) -> None:
        # What the episode began with. Never changed: it is shared with other episodes.
        self.task = task

        # What tools have brought about, and goals are judged by. Tools alone write here, and take
        # nothing out but messages of `queues`.
        self.files: dict[str, str] = dict(task.files)  # path → text, the task's own among them
        self.posts: list[Post] = []  # in order of arrival
        self.queues: dict[str, list[Any]] = {}  # name → messages, oldest first
        self.routed: dict[str, list[Any]] = {}  # destination → records, in order of arrival
        self.cache: dict[str, Any] = {}
        self.sessions: dict[str, str] = {}  # service → token; its keys are services of the task
        self.connections: list[str] = []  # hosts of the task, each once
        self.log: list[LogEntry] = []
        self.schedules: list[Schedule] = []
        self.notifications: list[Notification] = []
        self.tracked: dict[str, str] = {}  # name → latest status

        # What has been looked at, by whatever tool: goals ask for it where a look was asked for.
        # Neither shrinks; `probed` holds addresses of the task, and files that were searched. A
        # fetch that was answered with an error counts: all that a failed tool call leaves behind.
        self.examined: list[Examination] = []
        self.probed: set[str] = set()

        # What `goals` made of a check the last time, with the evidence that it saw, so that the
        # same evidence is not judged twice: id of the check → check, evidence, verdict.
        self.judged: dict[int, tuple[Check, tuple[Any, ...], bool]] = {}

        # What later tool calls can name. `keep` alone adds to it, so that handles are never used
        # twice: `_counts` holds how many results each tool has, which is its newest one's number.
        self.results: dict[str, Result] = {}  # handle → result, oldest first
        self._counts: dict[str, int] = {}

        # About how many bytes of memory all arguments, results and files so far would take: what is
        # dropped or shared still counts. Only `bear` adds; at most HEAVIEST.
        self.weight = 0

        self.seen: set[str] = set()  # paths and addresses whose data was read: never shrinks
        self._defaults: Mapping[str, Any] | None = None  # `defaults.json`, once it was asked for

    def copied(self) -> World:
        """A world that can be tried out: its containers are copied, stored values are shared."""
        twin = World.__new__(World)
        twin.task = self.task
        twin.files = self.files.copy()
        twin.posts = self.posts.copy()
        twin.queues = {name: messages.copy() for name, messages in self.queues.items()}
        twin.routed = {name: records.copy() for name, records in self.routed.items()}
        twin.cache = self.cache.copy()
        twin.sessions = self.sessions.copy()
        twin.connections = self.connections.copy()
        twin.log = self.log.copy()
        twin.schedules = self.schedules.copy()
        twin.notifications = self.notifications.copy()
        twin.tracked = self.tracked.copy()
        twin.examined = self.examined.copy()
        twin.probed = self.probed.copy()
        twin.judged = self.judged.copy()
        twin.results = self.results.copy()
        twin.weight = self.weight
        twin.seen = self.seen.copy()
        twin._counts = self._counts.copy()  # noqa: SLF001  of its own class
        twin._defaults = self._defaults  # noqa: SLF001  of its own class; never changed
        return twin

    @property
    def resources(self) -> Mapping[str, Resource]:
        """Simulated HTTP addresses: URL → what it answers."""
        return self.task.resources

    @property
    def credentials(self) -> Mapping[str, str]:
        """Service → secret, as the task has them."""
        return self.task.credentials

    def bear(self, weight: int) -> None:
        """Take on so much more. Raises ToolFault where all of it together would be too much."""
        if self.weight + weight > HEAVIEST:
            raise failed("The workspace is full: it holds no more data.")
        self.weight += weight

    def keep(self, tool: str, kind: Kind, value: Any, source: str = "") -> str:
        """Store a result; returns its handle, `<tool>_<count>`."""
        count = self._counts[tool] = self._counts.get(tool, 0) + 1
        handle = f"{tool}_{count}"
        self.results[handle] = Result(handle, tool, kind, value, source)
        return handle

    def latest(self, kinds: tuple[Kind, ...]) -> Result | None:
        """The newest result of these kinds."""
        for result in reversed(self.results.values()):
            if result.kind in kinds:
                return result
        return None

    def named(self, name: str) -> Result | None:
        """The result with this handle, or the newest that this tool made or this source gave."""
        exact = self.results.get(name)
        if exact is not None:
            return exact
        for result in reversed(self.results.values()):
            if name in (result.tool, result.source):
                return result
        return None

    def token(self, service: str) -> str:
        """The session token that the service gives: the same in every run."""
        text = f"{self.task.task_id}\0{service}\0{self.credentials.get(service, '')}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def defaults(self, tool: str) -> Mapping[str, Any]:
        """Arguments that the task's own `defaults.json` gives for a tool; mostly none."""
        if self._defaults is None:
            text = self.task.files.get(DEFAULTS_FILE)
            self._defaults = msgspec.json.decode(text, type=dict[str, Any]) if text else {}
        found = self._defaults.get(tool)
        return found if isinstance(found, dict) else {}


def host_of(url: str) -> str:
    """The host that a URL names; empty where it names none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
