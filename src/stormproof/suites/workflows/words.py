"""Whether a message names something: as a whole word, in whatever case."""

from __future__ import annotations

import re
from collections.abc import Iterable


def has_word(message: str, word: str) -> bool:
    """Whether the word stands in the message and is no part of a longer word or number.

    `61.5` does not stand in `161.5` or `61.52`, nor `import` in `import-v2`; it does in `61.5.`.
    """
    place = -1
    text, wanted = message.casefold(), word.casefold()
    while (place := text.find(wanted, place + 1)) >= 0:
        before = text[max(0, place - 2) : place]
        if not (_BEFORE.search(before) or _AFTER.match(text, place + len(wanted))):
            return True
    return False


def each_of(words: str | Iterable[str]) -> Iterable[str]:
    """One text, or several."""
    return (words,) if isinstance(words, str) else words


_BEFORE = re.compile(r"(?:[\w-]|\d[.,])\Z")
_AFTER = re.compile(r"[\w-]|[.,]\d")
