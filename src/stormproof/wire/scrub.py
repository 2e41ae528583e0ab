"""Taking credentials out of whatever a provider says before anything else reads it.

A key that a provider repeats may come in any spelling that some decoder turns back into the key:
JSON escapes (also those of JSON within JSON), percent signs, HTML entities, base64, hex, another
case, broken over lines. So the bytes are looked at as all those decoders together would read them,
again and again until nothing changes, and what spells the key there is taken out where it stands.
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable

SCRUBBED = b"[key]"
# Servers without keys are given placeholders ("EMPTY", "none"). Those are no secrets, and
# taking them out would change what a model said.
SHORTEST_SECRET = 8
MOST_LAYERS = 6  # of one escape within another

_HEX = (
    rb"(?<=\\)u00([0-9a-f]{2})|(?<=\\)u\{0{0,6}([0-9a-f]{2})\}"
    rb"|(?<=\\)x([0-9a-f]{2})|(?<=%)([0-9a-f]{2})"
)
_OTHER = (
    rb"(?<=&)#x0{0,6}([0-9a-f]{2});?|(?<=&)#0{0,6}([0-9]{2,3});?"
    rb"|(?<=&)(amp|plus|equals|sol|quot|apos|lt|gt);|(?<=\\)([/\\\"'])"
)
_ESCAPE = re.compile(rb"[\\%%&](?:%s|%s)" % (_HEX, _OTHER), re.IGNORECASE)
_CODED = re.compile(rb"%[0-9A-Fa-f]|&[#A-Za-z]|\\[UXux]")  # what calls for decoders
_CODES = (b"%", b"&", b"\\u", b"\\x")  # one of which it begins with, in lower case
_BLANK = re.compile(rb"\\[nrt]|[\s\0]+")
_BLANKS = b" \t\r\n\v\f\0"
_ENTITIES = {
    b"amp": b"&", b"plus": b"+", b"equals": b"=", b"sol": b"/",
    b"quot": b'"', b"apos": b"'", b"lt": b"<", b"gt": b">",
}  # fmt: skip
_DECIMAL, _ENTITY = 6, 7  # groups of _ESCAPE; those before are hex, the one after stands for itself


class Scrubber:
    """Takes credentials, in whatever spelling, out of bytes and texts."""

    __slots__ = ("_backslashed", "_cased", "_caseless", "_patterns")

    def __init__(self, secrets: Iterable[str]) -> None:
        known = [s.encode() for s in dict.fromkeys(secrets) if len(s) >= SHORTEST_SECRET]
        forms = [form for secret in known for form in (secret, secret.hex().encode())]
        # What is looked for: () of placeholders alone; fixed.
        self._cased = tuple(dict.fromkeys(core for s in known for core in _base64_cores(s)))
        self._caseless = tuple(form.translate(None, _BLANKS).lower() for form in forms)
        self._backslashed = any(b"\\" in secret for secret in known)
        # The same, to find where it stands.
        self._patterns = tuple(
            [re.compile(re.escape(form)) for form in self._cased]
            + [re.compile(re.escape(form), re.IGNORECASE) for form in self._caseless]
        )

    def __repr__(self) -> str:
        return "Scrubber()"

    def body(self, body: bytes) -> bytes:
        """`body` without the credentials; the same object where it holds none."""
        if not self._caseless or not self._stands_in(body):
            return body
        clean = self._without(body)
        return SCRUBBED if self._stands_in(clean) else clean

    def text(self, text: str) -> str:
        """`text` without the credentials."""
        raw = text.encode("utf-8", "replace")
        clean = self.body(raw)
        return text if clean is raw else clean.decode("utf-8", "replace")

    def _stands_in(self, body: bytes) -> bool:
        """Whether a decoder, or several one after the other, could read a credential in it."""
        layer = _without_blanks(body)
        # Without backslashes all is found that holds none itself, escaped or not.
        if self._is_plain_in(layer.replace(b"\\", b"")):
            return True
        if self._backslashed and self._is_plain_in(layer):
            return True
        if not self._backslashed and not _is_coded(layer):
            return False  # as nearly always
        for _ in range(MOST_LAYERS):
            above, layer = layer, _without_blanks(_ESCAPE.sub(_meant, layer))
            if layer == above:
                break
            if self._is_plain_in(layer):
                return True
        return False

    def _is_plain_in(self, layer: bytes) -> bool:
        # Loops, as every body passes here: a generator costs more than what it looks for.
        for form in self._cased:
            if form in layer:
                return True
        low = layer.lower()
        for form in self._caseless:  # noqa: SIM110
            if form in low:
                return True
        return False

    def _without(self, body: bytes) -> bytes:
        """Each place that is read as a credential in some layer, replaced."""
        layer, at = _placed(body, list(range(len(body) + 1)), _BLANK)
        spans: set[tuple[int, int]] = set()
        for _ in range(MOST_LAYERS):
            for pattern in self._patterns:
                spans.update((at[m.start()], at[m.end()]) for m in pattern.finditer(layer))
            layer, at = _placed(*_placed(layer, at, _ESCAPE), _BLANK)
        parts: list[bytes] = []
        end = 0
        for start, stop in sorted(spans):
            if start >= end:
                parts += [body[end:start], SCRUBBED]
            end = max(end, start + len(body[start:stop].rstrip(_BLANKS)))
        return b"".join([*parts, body[end:]])


def _base64_cores(secret: bytes) -> Iterable[bytes]:
    """What base64 makes of the secret wherever it begins among other bytes, in both alphabets.

    Characters that hold bits of a neighbour too are left out.
    """
    for before in range(3):
        first, end = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(b"\0" * before + secret)[first:end]


def _without_blanks(text: bytes) -> bytes:
    """Without white space, as decoders of base64 skip it, and without its escapes."""
    for escaped in (b"\\n", b"\\r", b"\\t"):
        text = text.replace(escaped, b"")
    return text.translate(None, _BLANKS)


def _is_coded(layer: bytes) -> bool:
    """Whether anything calls for a decoder; most texts hold not even what such a call begins with.

    A loop, and the pattern last: every body passes here.
    """
    low = layer.lower()
    for begin in _CODES:
        if begin in low:
            return _CODED.search(layer) is not None
    return False


def _meant(escape: re.Match[bytes]) -> bytes:
    """What an escape stands for."""
    group = escape.lastindex or 0
    if group < _DECIMAL:
        return bytes.fromhex(escape[group].decode())
    if group == _DECIMAL:
        return bytes([min(int(escape[group]), 255)])
    return _ENTITIES[escape[group].lower()] if group == _ENTITY else escape[group]


def _placed(text: bytes, at: list[int], replaced: re.Pattern[bytes]) -> tuple[bytes, list[int]]:
    """The text without what is replaced, and the place of each byte, and of the end, in the body.

    `at` holds the places of `text`'s bytes and of its end.
    """
    parts: list[bytes] = []
    places: list[int] = []
    end = 0
    for found in replaced.finditer(text):
        meant = b"" if replaced is _BLANK else _meant(found)
        parts += [text[end : found.start()], meant]
        places += [*at[end : found.start()], *at[found.start() : found.start() + len(meant)]]
        end = found.end()
    return b"".join([*parts, text[end:]]), [*places, *at[end:]]
