"""Whether a task's goal is reached: checks on the final World.

| kind | subject | expected | holds when |
|---|---|---|---|
| `file` | path | text or structure | the file is there and its content is the same |
| `archive` | path | text or structure | the gzip or zip there holds the same content |
| `post` | URL | body | a body received there is the same |
| `post_once` | URL | body | the body is received, and nothing else was received there |
| `queue` | queue name | list of messages | the queue holds exactly these, in order |
| `routed` | destination | list of records | exactly these were routed there |
| `cache` | key | value | the key holds the same value |
| `notification` | recipient | fields | one sent has these `channel`, `message`, or `contains` |
| `log` | level, or empty | text(s) | an entry of the level (any, if empty) contains them |
| `schedule` | job | fields | it is planned with these `every`, `at` |
| `session` | service | ignored | a session is open |
| `connection` | system | ignored | it is connected |
| `tracked` | name | status | its latest status is this |
| `result` | tool or handle | value | a result of it is the same |

"The same" is as `same` has it. Files ending in .csv, .json, .jsonl or .xml are compared as
the values that they hold; `expected` may be such a value, or text of the file's format.
"""

from __future__ import annotations

import base64
import gzip
import io
import math
import zipfile
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct, structs

from stormproof.domain.tasks import Check, Standing
from stormproof.errors import SuiteError
from stormproof.suites.workflows.values import ToolFault
from stormproof.suites.workflows.values.documents import LONGEST
from stormproof.suites.workflows.values.formats import format_of, parse
from stormproof.suites.workflows.values.numerics import is_number
from stormproof.suites.workflows.world import World

Held = Callable[[World, str, Any], bool]
TOLERANCE = 1e-6
MOST_MEMBERS = 100  # of a zip that is looked into
_MEMBER = b"PK\x01\x02"  # begins each entry of a zip's directory


def standing(world: World) -> Standing:
    """How things stand in a World by its own task's checks and milestones."""
    task = world.task
    reached = [_holds(world, check) for check in task.checks]
    passed = reached + [_holds(world, milestone) for milestone in task.milestones]
    return Standing(all(reached), sum(passed) / len(passed) if passed else 1.0)


def goal_met(world: World, checks: Iterable[Check]) -> bool:
    """Whether all checks hold on the world as it is.

    Raises SuiteError for a kind of check that there is not.
    """
    return all(_holds(world, check) for check in checks)


def _holds(world: World, check: Check) -> bool:
    held = KINDS.get(check.kind)
    if held is None:
        raise SuiteError(
            f"there is no kind of check called {check.kind!r}",
            hint=f"kinds are {', '.join(KINDS)}",
        )
    return held(world, check.subject, check.expected)


def _file(world: World, path: str, expected: Any) -> bool:
    text = world.files.get(path)
    return text is not None and _same_content(path, text, expected)


def _archive(world: World, path: str, expected: Any) -> bool:
    """The name within an archive says nothing; its content's format is the expected one's."""
    data = world.files.get(path)
    text = None if data is None else _unpacked(data)
    return text is not None and _same_content("json", text, expected)


def _same_content(path: str, text: str, expected: Any) -> bool:
    """Structured files are compared as values, so that spaces and quotes do not matter."""
    kind = format_of(path)
    if kind is None:
        return same(text, expected)
    try:
        wanted = parse(expected, kind) if isinstance(expected, str) else expected
        return same(parse(text, kind), wanted)
    except ToolFault:
        return same(text, expected)


def _unpacked(data: str) -> str | None:
    """The text in a base64 gzip or zip of one member, else None; bounded, as bombs are."""
    try:
        raw = base64.b64decode(data, validate=True)
        return (_unzipped(raw) if raw[:2] == b"PK" else _ungzipped(raw)).decode()
    except Exception:  # noqa: BLE001  bytes of a model's own making: readers raise whatever they like
        return None


def _ungzipped(raw: bytes) -> bytes:
    with gzip.open(io.BytesIO(raw)) as packed:
        return packed.read(LONGEST)


def _unzipped(raw: bytes) -> bytes:
    """The first member's bytes. Of the ways to pack it only those that tools use are known."""
    if raw.count(_MEMBER) > MOST_MEMBERS:
        raise ValueError
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        first = archive.infolist()[0]
        if first.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError
        with archive.open(first) as member:
            return member.read(LONGEST)


def _post(world: World, url: str, expected: Any) -> bool:
    return any(post.url == url and same(post.body, expected) for post in world.posts)


def _post_once(world: World, url: str, expected: Any) -> bool:
    bodies = [post.body for post in world.posts if post.url == url]
    return len(bodies) == 1 and same(bodies[0], expected)


def _queue(world: World, name: str, expected: Any) -> bool:
    return same(world.queues.get(name, []), expected)


def _routed(world: World, destination: str, expected: Any) -> bool:
    return same(world.routed.get(destination, []), expected)


def _cache(world: World, key: str, expected: Any) -> bool:
    return key in world.cache and same(world.cache[key], expected)


def _notification(world: World, recipient: str, expected: Any) -> bool:
    """`contains` is a text or a list of texts; all must stand in the message, ignoring case."""
    return any(_fits(sent, expected) for sent in world.notifications if sent.recipient == recipient)


def _log(world: World, level: str, expected: Any) -> bool:
    return any(
        level in ("", entry.level) and _contains(entry.message, expected) for entry in world.log
    )


def _schedule(world: World, job: str, expected: Any) -> bool:
    return any(_fits(planned, expected) for planned in world.schedules if planned.job == job)


def _session(world: World, service: str, _: Any) -> bool:
    return service in world.sessions


def _connection(world: World, system: str, _: Any) -> bool:
    return system in world.connections


def _tracked(world: World, name: str, expected: Any) -> bool:
    return name in world.tracked and same(world.tracked[name], expected)


def _result(world: World, name: str, expected: Any) -> bool:
    return any(
        name in (result.handle, result.tool) and same(result.value, expected)
        for result in world.results.values()
    )


def _fits(record: Struct, expected: Mapping[str, Any]) -> bool:
    fields = structs.asdict(record)
    wanted = {name: value for name, value in expected.items() if name != "contains"}
    return _contains(fields.get("message", ""), expected.get("contains", ())) and all(
        same(fields.get(name), value) for name, value in wanted.items()
    )


def _contains(message: str, parts: str | Iterable[str]) -> bool:
    text = message.lower()
    return all(part.lower() in text for part in ((parts,) if isinstance(parts, str) else parts))


# --- sameness -----------------------------------------------------------------------------------


def same(found: Any, expected: Any) -> bool:
    """Equal structure; numbers within 1e-6 (relative or absolute), texts but for outer space."""
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(same(found[name], value) for name, value in expected.items())
        )
    if isinstance(expected, list | tuple):
        return (
            isinstance(found, list | tuple)
            and len(found) == len(expected)
            and all(map(same, found, expected))
        )
    if is_number(expected):
        return is_number(found) and _near(found, expected)
    if isinstance(expected, str):
        return isinstance(found, str) and _lines(found) == _lines(expected)
    return type(found) is type(expected) and bool(found == expected)


def _near(a: float, b: float) -> bool:
    try:
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    except OverflowError:  # integers beyond every double
        return a == b


def _lines(text: str) -> list[str]:
    """Lines without outer space: a last newline is nobody's mistake."""
    return [line.rstrip() for line in text.strip().splitlines()]


KINDS: Mapping[str, Held] = MappingProxyType(
    {
        "file": _file,
        "archive": _archive,
        "post": _post,
        "post_once": _post_once,
        "queue": _queue,
        "routed": _routed,
        "cache": _cache,
        "notification": _notification,
        "log": _log,
        "schedule": _schedule,
        "session": _session,
        "connection": _connection,
        "tracked": _tracked,
        "result": _result,
    }
)
"""Kind of check → whether it holds, of (world, subject, expected)."""
