"""Parsers of single option values, as a flag's text or as TOML's own types."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from stormproof.domain.durations import DAY_S, duration_in_words, duration_s
from stormproof.plan.mistakes import did_you_mean, shown, type_name
from stormproof.plan.shards import Shard

Parser = Callable[[Any], Any]

MAX_TEXT = 4_096
MAX_SHARDS = 10_000
LONGEST_WAIT_S = 30 * DAY_S


class Unfit(Exception):
    """A value that cannot be used; `lines` say what was found and what is allowed."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def text(raw: Any) -> str:
    """A non-empty text without control characters: a path or a name."""
    if not isinstance(raw, str):
        raise Unfit(f"found {type_name(raw)}; allowed: a text")
    if not raw.strip() or len(raw) > MAX_TEXT or not raw.isprintable():
        raise Unfit(f"found {shown(raw)}; allowed: a text of 1 to {MAX_TEXT:,} visible characters")
    return raw


def names(raw: Any) -> tuple[str, ...]:
    """Comma-separated names, each once; `all` is (), which means every one."""
    found = tuple(dict.fromkeys(text(item) for item in _items(raw)))
    return () if "all" in found else found


def one(choices: Sequence[str]) -> Parser:
    """One of the choices."""

    def parse(raw: Any) -> str:
        if raw in choices:
            return str(raw)
        raise Unfit(_wrong_choice(raw, choices))

    return parse


def many(choices: Sequence[str]) -> Parser:
    """Comma-separated choices, each once, or `all`."""

    def parse(raw: Any) -> tuple[str, ...]:
        items = tuple(dict.fromkeys(map(_plain, _items(raw))))
        if items == ("all",):
            return tuple(choices)
        if wrong := [item for item in items if item not in choices]:
            raise Unfit(*(_wrong_choice(item, (*choices, "all")) for item in wrong))
        return items

    return parse


def whole(least: int, most: int) -> Parser:
    """A whole number within bounds."""
    allowed = f"a whole number from {least:,} to {most:,}"

    def parse(raw: Any) -> int:
        if isinstance(raw, str) and re.fullmatch(r"[+-]?[0-9]{1,20}", raw.strip()):
            raw = int(raw)
        if not isinstance(raw, int) or isinstance(raw, bool) or not least <= raw <= most:
            raise Unfit(f"found {shown(raw)}; allowed: {allowed}")
        return raw

    return parse


def number(above: float, most: float) -> Parser:
    """A finite number above the one bound, up to the other."""
    return _number(lambda x: above < x <= most, f"a number above {above:g} and up to {most:,.15g}")


def numbers(least: float, most: float) -> Parser:
    """Comma-separated finite numbers within bounds, in the order given."""
    parse = _number(lambda x: least <= x <= most, f"numbers from {least:g} to {most:,.15g}")
    return lambda raw: tuple(parse(item) for item in _items(raw))


def duration(most_s: float) -> Parser:
    """Seconds, or a text as 90m, 12h or 1h30m, from 0 up to a bound."""
    allowed = f"seconds, or as 90m, 12h or 1h30m, up to {duration_in_words(most_s)}"

    def parse(raw: Any) -> float:
        found = None if isinstance(raw, bool) else duration_s(str(raw))
        if found is None or found > most_s:
            raise Unfit(f"found {shown(raw)}; allowed: {allowed}")
        return found

    return parse


def shard(raw: Any) -> Shard:
    """A part of a plan, as 2/5 or as it was read before."""
    text = str(raw).strip() if isinstance(raw, str | Shard) else ""
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    found = Shard(int(match[1]), int(match[2])) if match else Shard(0, 0)
    if not 1 <= found.number <= found.of <= MAX_SHARDS:
        raise Unfit(f"found {shown(raw)}; allowed: 1/N to N/N, as 2/5, with N up to {MAX_SHARDS:,}")
    return found


def switch(raw: Any) -> bool:
    """True or false, in the words that people use for it."""
    words = {"true": True, "1": True, "yes": True, "on": True}
    words |= {"false": False, "0": False, "no": False, "off": False}
    value = words.get(_plain(raw).strip().lower())
    if value is None:
        raise Unfit(f"found {shown(raw)}; allowed: true or false")
    return value


def _number(fits: Callable[[float], bool], allowed: str) -> Parser:
    def parse(raw: Any) -> float:
        try:
            value = float("nan" if isinstance(raw, bool) else raw)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if not fits(value):
            raise Unfit(f"found {shown(raw)}; allowed: {allowed}")
        return value + 0.0  # -0.0 is 0.0: equal rates are equal conditions

    return parse


def _items(raw: Any) -> list[Any]:
    """The items of `a,b` or of a TOML list; a single value is a list of one."""
    items = raw.split(",") if isinstance(raw, str) else raw if isinstance(raw, list) else [raw]
    items = [item.strip() if isinstance(item, str) else item for item in items]
    if not items or "" in items:
        raise Unfit(f"found {shown(raw)}; allowed: values with one comma between them")
    return items


def _plain(raw: Any) -> str:
    """A text as it is; a TOML number, true or false as it would be written."""
    return raw if isinstance(raw, str) else shown(raw).lower()


def _wrong_choice(raw: Any, choices: Sequence[str]) -> str:
    near = did_you_mean(raw, choices) if isinstance(raw, str) else ""
    return f"found {shown(raw)}; allowed: {', '.join(choices)}{near}"
