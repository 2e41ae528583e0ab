"""How things stand in a World: whether its task's checks hold, and what else was done to it.

| kind | subject | expected | holds when |
|---|---|---|---|
| `file` | path | text or structure | the file is there and its content is the same |
| `archive` | path | text or structure | the gzip or zip there holds the same content |
| `post` | URL | body | a body received there is the same |
| `post_once` | URL | body | the body is received, and nothing else was received there |
| `queue` | queue name | list of messages | the queue holds exactly these |
| `routed` | destination | list of records | exactly these were routed there |
| `cache` | key | value | the key holds the same value |
| `notification` | recipient | fields | one sent has these `channel`, `message`, or words |
| `log` | level, or empty | text(s), or words | an entry of the level (any, if empty) has them |
| `schedule` | job | fields | it is planned with these `every`, `at` |
| `session` | service | ignored | a session is open |
| `connection` | system | ignored | it is connected |
| `tracked` | name | status | its latest status is this |
| `result` | tool or handle, or empty | value | a result of it (any, if empty) is the same |
| `checked` | what was to be checked | records, filled, unique | a tool has looked at all of it |
| `seen` | path or URL | ignored | its content has been read, or searched |
| `probed` | host or URL | ignored | all its addresses have been looked at |

"The same" is as `likeness` has it: records in any order, unless the check says `ordered`, and a
text stands for what it holds. Files with an ending that tells a format must be of that format;
`expected` may be a value, or text of the format.

Words are `contains` and `lacks`, each a text or several: all of the one and none of the other must
stand in the message, as whole words, in whatever case. A log's other entries of the level, too,
must lack them.

`checked` leaves open which tool did it: some tool has looked for gaps in the fields `filled` and
for repetitions in `unique`, in data that held all these `records`, as far as those fields go.
"""

from __future__ import annotations

import base64
import gzip
import io
import operator
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct, structs

from stormproof.domain.tasks import Check, Standing
from stormproof.errors import SuiteError
from stormproof.suites.workflows.collateral import collateral
from stormproof.suites.workflows.likeness import alike, canonical, same
from stormproof.suites.workflows.values import ToolFault
from stormproof.suites.workflows.values.documents import LONGEST
from stormproof.suites.workflows.values.formats import format_of, parse, recognise
from stormproof.suites.workflows.words import each_of, has_word
from stormproof.suites.workflows.world import Examination, World, host_of

MOST_MEMBERS = 100  # of a zip that is looked into
_NO_EFFECTS = ("checked", "seen", "probed", "result")  # kinds of check of what was found out
_MEMBER = b"PK\x01\x02"  # begins each entry of a zip's directory

Evidence = tuple[Any, ...]


class Kind(Struct, frozen=True):
    """A kind of check: what of a World it looks at, and whether that is as it should be.

    `piecewise`: nothing is ever taken from the evidence, and any one piece of it is enough. So
    what held once holds, and else only new pieces have to be looked at.
    """

    find: Callable[[World, str], Evidence]
    holds: Callable[[Evidence, Check], bool]
    piecewise: bool = False


def standing(world: World) -> Standing:
    """How things stand in a World by its own task.

    While data that was to be checked is not, no effect counts as progress: it was made blindly.
    Where the goal is met, whatever way led there, all of the way is behind one.
    """
    checks = world.task.checks
    reached = [_holds(world, check) for check in checks]
    passed = reached + [_holds(world, milestone) for milestone in world.task.milestones]
    if any(
        not held and check.kind == "checked" for check, held in zip(checks, reached, strict=True)
    ):
        judged = zip((*checks, *world.task.milestones), passed, strict=True)
        passed = [held and check.kind in _NO_EFFECTS for check, held in judged]
    met = all(reached)
    return Standing(
        goal_met=met,
        progress=1.0 if met else sum(passed) / len(passed),
        collateral=collateral(world),
    )


def goal_met(world: World, checks: Iterable[Check]) -> bool:
    """Whether all checks hold on the world as it is.

    Raises SuiteError for a kind of check that there is not.
    """
    return all(_holds(world, check) for check in checks)


def _holds(world: World, check: Check) -> bool:
    """Judged anew only where there is other evidence: tables are long, and most stay."""
    kind = KINDS.get(check.kind)
    if kind is None:
        raise SuiteError(
            f"there is no kind of check called {check.kind!r}",
            hint=f"kinds are {', '.join(KINDS)}",
        )
    evidence = kind.find(world, check.subject)
    known = world.judged.get(id(check))
    if known is None or known[0] is not check:
        held = kind.holds(evidence, check)
    elif kind.piecewise:
        held = known[2] or kind.holds(evidence[len(known[1]) :], check)
    elif _identical(known[1], evidence):
        return known[2]
    else:
        held = kind.holds(evidence, check)
    world.judged[id(check)] = (check, evidence, held)
    return held


def _identical(one: Evidence, other: Evidence) -> bool:
    return len(one) == len(other) and all(map(operator.is_, one, other))


# --- files -------------------------------------------------------------------------------------


def _at(values: Mapping[str, Any], name: str) -> Evidence:
    return (values[name],) if name in values else ()


def _file(evidence: Evidence, check: Check) -> bool:
    return any(_same_content(text, check, format_of(check.subject)) for text in evidence)


def _archive(evidence: Evidence, check: Check) -> bool:
    """Its name says nothing of what is inside; text that is expected says its format."""
    wanted = check.expected
    kind = recognise(wanted) if isinstance(wanted, str) else None
    return any(
        text is not None and _same_content(text, check, kind) for text in map(_unpacked, evidence)
    )


def _same_content(text: str, check: Check, kind: Any) -> bool:
    """Structured files are compared as values, so that spaces and quotes do not matter."""
    wanted = check.expected
    if kind is None or same(text, wanted):
        return alike(text, wanted, ordered=check.ordered)
    try:
        value = parse(wanted, kind) if isinstance(wanted, str) else wanted
        return same(parse(text, kind), value, ordered=check.ordered)
    except ToolFault:
        return False


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


# --- data that was delivered or kept -----------------------------------------------------------


def _any(evidence: Evidence, check: Check) -> bool:
    return any(alike(each, check.expected, ordered=check.ordered) for each in evidence)


def _one(evidence: Evidence, check: Check) -> bool:
    return len(evidence) == 1 and _any(evidence, check)


def _all(evidence: Evidence, check: Check) -> bool:
    """Exactly the values expected, each in whatever form."""
    return same(evidence, check.expected, ordered=check.ordered) or (
        len(evidence) == len(check.expected)
        and all(
            alike(found, wanted, ordered=check.ordered)
            for found, wanted in zip(evidence, check.expected, strict=True)
        )
    )


def _as_it_stands(evidence: Evidence, check: Check) -> bool:
    """A text is not yet the value that it holds: to make one of it is a step on the way."""
    return any(same(each, check.expected, ordered=check.ordered) for each in evidence)


def _results(world: World, name: str) -> Evidence:
    results = world.results.values()
    return tuple(r.value for r in results if name in ("", r.handle, r.tool))


def _is_there(evidence: Evidence, _: Check) -> bool:
    return bool(evidence)


# --- messages and plans ------------------------------------------------------------------------


def _one_fits(evidence: Evidence, check: Check) -> bool:
    return any(_fits(record, check.expected) for record in evidence)


def _fits(record: Struct, expected: Mapping[str, Any]) -> bool:
    """Whether a record has the words and all other fields that are expected."""
    fields = structs.asdict(record)
    message = fields.get("message", "")
    return (
        _has(message, expected.get("contains", ()))
        and not _has_any(message, expected.get("lacks", ()))
        and all(same(fields.get(n), v) for n, v in expected.items() if n not in _WORDS)
    )


_WORDS = ("contains", "lacks")


def _logged(evidence: Evidence, check: Check) -> bool:
    wanted = check.expected
    words = wanted if isinstance(wanted, dict) else {"contains": wanted}
    messages = [entry.message for entry in evidence]
    return any(_has(each, words.get("contains", ())) for each in messages) and not any(
        _has_any(each, words.get("lacks", ())) for each in messages
    )


def _has(message: str, words: str | Iterable[str]) -> bool:
    return all(has_word(message, word) for word in each_of(words))


def _has_any(message: str, words: str | Iterable[str]) -> bool:
    return any(has_word(message, word) for word in each_of(words))


# --- what was looked at ------------------------------------------------------------------------


def _checked(evidence: Evidence, check: Check) -> bool:
    return any(_covers(each, check.expected) for each in evidence)


def _covers(examined: Examination, wanted: Mapping[str, Any]) -> bool:
    filled, unique = wanted.get("filled", ()), wanted.get("unique", ())
    if not (examined.filled.issuperset(filled) and examined.unique.issuperset(unique)):
        return False
    names = [*filled, *unique]
    sides = wanted["records"], examined.records
    return any(  # thousands of records are mostly there as they stand, which is seen at once
        operator.le(*(_cut(side, names, form) for side in sides)) for form in (repr, canonical)
    )


def _cut(
    records: Iterable[Mapping[str, Any]], names: Sequence[str], form: Callable[[Any], str]
) -> Counter[str]:
    return Counter(form([record.get(name) for name in names]) for record in records)


def _not_probed(world: World, place: str) -> Evidence:
    return tuple(
        url
        for url in world.resources
        if place in (url, host_of(url)) and url not in world.probed and url not in world.seen
    )


def _seen(world: World, place: str) -> Evidence:
    """A search shows what a file does not hold, too; that an address answers shows nothing."""
    searched = place in world.probed and place in world.files
    return (place,) if searched or place in world.seen else ()


def _nothing_left(evidence: Evidence, _: Check) -> bool:
    return not evidence


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "file": Kind(lambda world, path: _at(world.files, path), _file),
        "archive": Kind(lambda world, path: _at(world.files, path), _archive),
        "post": Kind(lambda world, url: tuple(p.body for p in world.posts if p.url == url), _any),
        "post_once": Kind(
            lambda world, url: tuple(p.body for p in world.posts if p.url == url), _one
        ),
        "queue": Kind(lambda world, name: tuple(world.queues.get(name, ())), _all),
        "routed": Kind(lambda world, name: tuple(world.routed.get(name, ())), _all),
        "cache": Kind(lambda world, key: _at(world.cache, key), _any),
        "notification": Kind(
            lambda world, to: tuple(n for n in world.notifications if n.recipient == to), _one_fits
        ),
        "log": Kind(
            lambda world, level: tuple(e for e in world.log if level in ("", e.level)), _logged
        ),
        "schedule": Kind(
            lambda world, job: tuple(s for s in world.schedules if s.job == job), _one_fits
        ),
        "session": Kind(lambda world, service: _at(world.sessions, service), _is_there),
        "connection": Kind(
            lambda world, system: tuple(s for s in world.connections if s == system), _is_there
        ),
        "tracked": Kind(lambda world, name: _at(world.tracked, name), _any),
        "result": Kind(_results, _as_it_stands, piecewise=True),
        "checked": Kind(lambda world, _: tuple(world.examined), _checked, piecewise=True),
        "seen": Kind(_seen, _is_there),
        "probed": Kind(_not_probed, _nothing_left),
    }
)
"""Name of a kind of check → the kind."""
