"""What lies next to a value: the slips of a hurried planner, taken from the task's own world.

Another state, another month, the file beside, somebody else in the house, a figure a tenth off.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from stormproof.domain.tasks import Step, Task
from stormproof.suites.workflows.tasks.lexicon import subjects
from stormproof.suites.workflows.tasks.materials import CITIES, SITES, STAGES
from stormproof.suites.workflows.tasks.messages import STATUSES

_QUOTED = re.compile(r"'([^']+)'")
_PERIOD = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)-(?P<month>[01]\d)(?:-(?P<day>[0-3]\d))?(?!\d)"
)
_HANDLE = re.compile(r"(?P<tool>[a-z_]+)_(?P<count>\d+)")
_NUMBER = re.compile(r"(?<![\w.'])\d+(?:\.\d+)?(?![\w.'])")
_RECORD_NUMBER = re.compile(r"\b(?P<kind>[A-Z]{1,3})(?P<digits>\d{4,})\b")
_WORD = re.compile(r"[A-Za-z_]\w*")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ENDING = re.compile(r"(?P<stem>.*[\w-])(?P<ending>\.[A-Za-z]\w{0,4}(?:\.gz|\.zip)?)")
_SUMMED = re.compile(r"(?<!\w)(?:sum|mean|max)_(?P<column>\w+)")
_ALIKE = 0.5
_LAST_SAFE_DAY = 28
_MADE: Mapping[str, str] = MappingProxyType(
    {
        "corrected": "original",
        "revised": "original",
        "gross": "net",
        "zone": "region",
        "target": "quota",
        "count": "total",
        "all": "total",
        "week": "month",
        "company": "address",
        "reach": "address",
        "id": "name",
        "proposal": "idea",
        "name": "title",
    }
)
"""What tasks call columns of their own making → what is near to it."""


class Slip(Struct, frozen=True):
    """A piece of text and what is said in its place."""

    right: str
    wrong: str

    def on(self, text: str) -> str:
        """The text with the wrong piece wherever the right one stood as a whole."""
        return self._pattern.sub(lambda _: self.wrong, text)

    def is_needed_in(self, text: str) -> bool:
        """Whether the right piece stands there."""
        return self._pattern.search(text) is not None

    @property
    def is_name(self) -> bool:
        """Whether it can mean but one thing, wherever it stands: a file, an address, a date."""
        return any(mark in self.right for mark in "/@_-")

    @property
    def _pattern(self) -> re.Pattern[str]:
        return _whole(self.right)


@functools.lru_cache(256)
def _whole(piece: str) -> re.Pattern[str]:
    """Where the piece stands by itself; a month may follow an underscore, as in a file's name."""
    beside = "[A-Za-z0-9]" if _PERIOD.fullmatch(piece) else r"\w"
    return re.compile(f"(?<!{beside}){re.escape(piece)}(?!{beside})")


class Surroundings(Struct, frozen=True):
    """What a task's world holds: names of files, addresses, services; the texts, its own first."""

    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @classmethod
    def of(cls, task: Task) -> Self:
        """Those of a task."""
        bodies = [resource.body for resource in task.resources.values()]
        texts = (task.description, *task.files.values(), *bodies)
        return cls((*task.files, *task.resources, *task.credentials), texts)

    def hold(self, piece: str) -> bool:
        """Whether it stands in one of them; where nothing is known, it may."""
        return not self.texts or any(piece in text for text in self.texts)


def slip_in(text: str, schema: Mapping[str, Any], world: Surroundings) -> Slip | None:
    """What a hurried planner would get wrong in an argument's text; None for an empty one."""
    others = [choice for choice in schema.get("enum", ()) if choice != text]
    if others:
        return Slip(text, others[0])
    finders = (
        _of_handle,
        _of_mail,
        _of_name,
        _of_status,
        _of_value,
        _of_period,
        _of_number,
        _of_column,
        _of_made,
    )
    found = (find(text, world) for find in finders)
    return next((slip for slip in found if slip), Slip(text, _renamed(text)) if text else None)


def _of_handle(text: str, _world: Surroundings) -> Slip | None:
    """The result before or after."""
    match = _HANDLE.fullmatch(text)
    if not match:
        return None
    count = int(match["count"])
    return Slip(text, f"{match['tool']}_{count - 1 if count > 1 else count + 1}")


def _of_mail(text: str, world: Surroundings) -> Slip | None:
    """Somebody else whom the task names, or the same house's front desk."""
    if not _MAIL.fullmatch(text):
        return None
    others = [m for m in _MAIL.findall(world.texts[0] if world.texts else "") if m != text]
    who, _, house = text.partition("@")
    desk = "info" if who == "office" else "office"
    return Slip(text, others[0] if others else f"{desk}@{house}")


def _of_name(text: str, world: Surroundings) -> Slip | None:
    """The file, address or service whose name is most like it."""
    others = [name for name in world.names if name != text and _ending(name) == _ending(text)]
    alike = max(others, key=lambda name: _in_common(name, text), default="")
    return Slip(text, alike) if _in_common(alike, text) >= _ALIKE * len(text) else None


def _ending(name: str) -> str:
    match = _ENDING.fullmatch(name)
    return match["ending"] if match else ""


def _in_common(first: str, second: str) -> int:
    """How many characters both begin with."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _of_status(text: str, _world: Surroundings) -> Slip | None:
    """Another state that work can be in."""
    return Slip(text, next(o for o in STATUSES if o != text)) if text in STATUSES else None


def _of_value(text: str, world: Surroundings) -> Slip | None:
    """Another value of the same column, such as can stand between the same quotes."""
    for value in _QUOTED.findall(text):
        others = [o for o in _values().get(value, ()) if "'" not in o and world.hold(o)]
        if others:
            return Slip(value, others[0])
    return None


def _of_period(text: str, _world: Surroundings) -> Slip | None:
    """The month before."""
    match = _PERIOD.search(text)
    if not match:
        return None
    months = int(match["year"]) * 12 + int(match["month"]) - 2
    before = f"{months // 12}-{months % 12 + 1:02}"
    day = match["day"]
    return Slip(match[0], f"{before}-{min(int(day), _LAST_SAFE_DAY):02}" if day else before)


def _of_number(text: str, _world: Surroundings) -> Slip | None:
    """A figure misread; a record's number, too."""
    if match := _NUMBER.search(text):
        return Slip(match[0], _text_of(near_number(_number_of(match[0]))))
    if match := _RECORD_NUMBER.search(text):
        digits = str(near_number(int(match["digits"]))).zfill(len(match["digits"]))
        return Slip(match[0], match["kind"] + digits)
    return None


def _number_of(text: str) -> float | int:
    return float(text) if "." in text else int(text)


def _text_of(number: float) -> str:
    return str(number)


def near_number(number: float) -> float | int:
    """About a tenth more: a figure misread."""
    if isinstance(number, int):
        return number + max(1, number // 10)
    return round(number * 1.1, 2) if round(number * 1.1, 2) != number else number + 0.1


def _of_column(text: str, world: Surroundings) -> Slip | None:
    """Another column of the same table."""
    for word in _WORD.findall(text):
        others = [o for o in _columns().get(word, ()) if world.hold(o)]
        if others and world.hold(word):
            return Slip(word, others[0])
    return None


def _of_made(text: str, _world: Surroundings) -> Slip | None:
    """Another name for what the plan itself makes; of a column of sums, its name before."""
    if "/" in text:
        return None
    if match := _SUMMED.search(text):
        return Slip(match[0], match["column"])
    made = (word for word in _WORD.findall(text) if word in _MADE)
    return next((Slip(word, _MADE[word]) for word in made), None)


def _renamed(text: str) -> str:
    """The older one, in form: `out/list_old.csv`, `old.house.example`, `data/old/*`."""
    if text.endswith("*"):
        return f"{text[:-1]}old/*"
    if text.endswith(".example"):
        _, _, domain = text.partition(".")
        return f"old.{domain if '.' in domain else text}"
    if match := _ENDING.fullmatch(text):
        return f"{match['stem']}_old{match['ending']}"
    return f"{text}-old" if "-" in text else f"{text}_old"


@functools.cache
def _values() -> Mapping[str, Sequence[str]]:
    """Each value of a column of few values → the others."""
    columns = [c for each in subjects() for c in (each.groups, tuple(each.states))]
    return _others([*columns, STAGES, SITES, CITIES])


@functools.cache
def _columns() -> Mapping[str, Sequence[str]]:
    """Each column of a table → the one that is most easily taken for it."""
    pairs = [p for s in subjects() for p in ((s.amount, s.count), (s.group, s.state))]
    return {**{s.id: (s.group,) for s in subjects()}, **_others([*pairs, ("points", "cost")])}


def _others(groups: Iterable[Sequence[str]]) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for group in groups:
        for at, value in enumerate(group):
            found.setdefault(value, []).extend((*group[at + 1 :], *group[:at]))
    return found


def restated(step: Step, slips: Iterable[Slip]) -> Step:
    """The step with the slips in its words."""
    words = {"purpose": step.purpose, "reads": step.reads, "makes": step.makes}
    for slip in slips:
        big = Slip(slip.right.upper(), slip.wrong.upper())  # JSON text
        words = {name: big.on(slip.on(text)) for name, text in words.items()}
    return replace(step, **words)


def texts_in(value: Any) -> Iterator[str]:
    """All texts in an argument's value, or in arguments."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each)
