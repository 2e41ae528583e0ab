"""False data that looks true: what a reading shows under silent weather.

| how | what is shown | who finds it |
|---|---|---|
| `stale` | what the nearest namesake holds, as last month's copy | its dates; a second reading |
| `truncated` | the beginning | its size, a last record that is cut, a sum; a second reading |
| `wrong value` | one figure a hundred times what it is | outliers, a sum; a second reading |

The result is stored as it is shown, so that whoever works on it works on false data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import SequenceMatcher

from msgspec.structs import replace

from stormproof.suites.workflows.world import Result, World

FALSIFIABLE = frozenset({"file_operations_reader", "network_fetcher"})
_ALIKE = 0.8  # of two names that differ in a month or a day
_FIGURE = re.compile(r"(?<![\w.-])\d+\.\d+(?![\w.-])")
_LEAST_SHARE, _MOST_SHARE = 0.4, 0.9
_WORD = 2**32


def falsify(world: World, handle: str, pick: int) -> tuple[str, str]:
    """Replace the text stored under a handle by a false one; the text, and how it is false."""
    result = world.results[handle]
    ways = [(how, text) for how, make in _WAYS.items() if (text := make(world, result, pick))]
    how, text = ways[pick % len(ways)] if ways else ("truncated", "")
    world.results[handle] = replace(result, value=text)
    return text, how


def _stale(world: World, result: Result, _: int) -> str:
    """The text of the most similar name of the same place; none that is similar: none."""
    texts = {**world.task.files, **{url: each.body for url, each in world.resources.items()}}
    ratios = [
        (SequenceMatcher(None, name, result.source).ratio(), name)
        for name in texts
        if name != result.source and texts[name] != result.value
    ]
    nearest = max(ratios, default=(0.0, ""))
    return texts[nearest[1]] if nearest[0] >= _ALIKE else ""


def _truncated(__: World, result: Result, pick: int) -> str:
    share = _LEAST_SHARE + (_MOST_SHARE - _LEAST_SHARE) * pick / _WORD
    text: str = result.value
    return text[: int(len(text) * share)]


def _wrong(__: World, result: Result, pick: int) -> str:
    """A figure without its decimal point, with two digits behind it."""
    text: str = result.value
    figures = list(_FIGURE.finditer(text))
    if not figures:
        return ""
    found = figures[pick * len(figures) // _WORD]
    whole, part = found[0].split(".")
    return f"{text[: found.start()]}{int(whole + part[:2].ljust(2, '0'))}{text[found.end() :]}"


_WAYS: dict[str, Callable[[World, Result, int], str]] = {
    "stale": _stale,
    "truncated": _truncated,
    "wrong value": _wrong,
}
