"""Which tool a written name means: exact, then ever more lenient, and never a guess between two."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from stormproof.suites.workflows import WORKFLOWS

_SEPARATORS = re.compile(r"[\s\-./:]+")
_EDGES = "_`'\"*()[]{}<>,;"
LONGEST_NAME = 80
_SHORTEST_FRAGMENT = 4
_NEAR = 0.84
_LEAD = 0.04


class Resolved(Struct, frozen=True):
    """The tool that a written name means, or why it means none.

    `repaired` is true where the name was not written exactly. `candidates` are the tools it
    could have meant; with `name` empty, more than one means that it was ambiguous.
    """

    name: str = ""
    repaired: bool = False
    candidates: tuple[str, ...] = ()


class Vocabulary:
    """The names a model may call, with the order and types of each tool's parameters.

    `parameters` maps a tool's name to its JSON Schema of type object.
    """

    def __init__(self, parameters: Mapping[str, Mapping[str, Any]]) -> None:
        # All of these say the same of the same tools, and none changes after __init__.
        self.names = tuple(parameters)
        self._properties: dict[str, dict[str, Any]] = {
            name: dict(schema.get("properties", {})) for name, schema in parameters.items()
        }
        self._in_need = frozenset(n for n, schema in parameters.items() if schema.get("required"))
        longest_first = sorted(self.names, key=len, reverse=True)
        any_name = "|".join(map(re.escape, longest_first)) or r"(?!)"
        # ASCII: else a long "s" (U+017F) would match, and mean no tool when looked up.
        self.pattern = re.compile(any_name, re.IGNORECASE | re.ASCII)
        self._lower = re.compile(any_name.lower())  # ten times as fast as one that ignores case
        self._squeezed = {name.replace("_", "").lower(): name for name in self.names}
        self._lowered = {name.lower(): name for name in self.names}
        # Bounded: a hostile model may write any number of names, none over LONGEST_NAME.
        self._known: Callable[[str], Resolved] = functools.lru_cache(4096)(self._resolve)

    def resolve(self, written: str) -> Resolved:
        """The tool that is meant; of an endless name only the beginning is looked at, and kept."""
        return self._known(written[:LONGEST_NAME])

    def properties(self, name: str) -> Mapping[str, Any]:
        """The tool's parameters, each with its schema, in declared order."""
        return self._properties.get(name, {})

    def needs_nothing(self, name: str) -> bool:
        """Whether it is a tool that can be called without arguments."""
        return name in self._properties and name not in self._in_need

    def mentioned(self, text: str) -> tuple[str, ...]:
        """Tools named in full within the text, each once, in order of appearance."""
        found = (self._lowered[match.group()] for match in self._lower.finditer(text.lower()))
        return tuple(dict.fromkeys(found))

    def is_in(self, text: str) -> bool:
        """Whether any tool is named in full within the text."""
        return self._lower.search(text.lower()) is not None

    def at_start(self, text: str, start: int) -> tuple[str, int] | None:
        """A tool named in full exactly at `start`, and where its name ends."""
        match = self.pattern.match(text, start)
        return match and (self._lowered[match.group().lower()], match.end())

    def _resolve(self, written: str) -> Resolved:
        if written in self._properties:
            return Resolved(written)
        plain = _SEPARATORS.sub("_", written.strip().lower()).strip(_EDGES)
        if not plain:
            return Resolved()
        same = self._lowered.get(plain) or self._squeezed.get(plain.replace("_", ""))
        if same:
            return Resolved(same, repaired=True)
        for read in (self.mentioned, self._containing, self._sharing_words, self._near):
            candidates = tuple(read(plain))
            if candidates:
                only = candidates[0] if len(candidates) == 1 else ""
                return Resolved(only, repaired=True, candidates=candidates)
        return Resolved(repaired=True)

    def _containing(self, plain: str) -> Iterable[str]:
        """Tools of whose name the text is a part."""
        if len(plain) < _SHORTEST_FRAGMENT:
            return ()
        return (name for low, name in self._lowered.items() if plain in low)

    def _sharing_words(self, plain: str) -> Iterable[str]:
        """Tools whose name has every word of the text: `file_writer`."""
        words = {word for word in plain.split("_") if word}
        return (name for low, name in self._lowered.items() if words <= set(low.split("_")))

    def _near(self, plain: str) -> Iterable[str]:
        """Tools spelled nearly so; several when none of them leads clearly."""
        near = difflib.get_close_matches(plain, self._lowered, n=2, cutoff=_NEAR)
        scores = [difflib.SequenceMatcher(None, name, plain).ratio() for name in near]
        clear = len(scores) > 1 and scores[0] - scores[1] >= _LEAD
        return [self._lowered[name] for name in (near[:1] if clear else near)]


@functools.cache
def catalogue_vocabulary() -> Vocabulary:
    """The names of all catalogue tools, with their parameters; one for all episodes."""
    return Vocabulary({name: spec.parameters for name, spec in WORKFLOWS.tools.items()})
