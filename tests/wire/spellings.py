"""The ways in which a service may repeat a key so that some decoder gives it back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus


def each(spell: Callable[[int], str]) -> Callable[[str], str]:
    return lambda key: "".join(spell(ord(c)) for c in key)


def in_base64(before: str, after: str, encode: Callable[[bytes], bytes]) -> Callable[[str], str]:
    return lambda key: encode(f"{before}{key}{after}".encode()).decode()


def in_lines(text: str, joint: str) -> str:
    return joint.join(text[at : at + 11] for at in range(0, len(text), 11))


def percent(key: str) -> str:
    return quote(key, safe="")


JSON_TEXT: dict[str, Callable[[str], str]] = {  # as they may stand between a JSON text's quotes
    "json escapes": each(lambda c: f"\\u{c:04x}"),
    "json escapes, upper case": each(lambda c: f"\\u{c:04X}"),
    "json escapes of what is no letter": lambda key: "".join(
        c if c.isalnum() else f"\\u{ord(c):04X}" for c in key
    ),
    "json slashes": lambda key: key.replace("/", "\\/"),
    "json escapes of percent escapes": lambda key: each(lambda c: f"\\u{c:04x}")(percent(key)),
    "json in json": each(lambda c: f"\\\\u{c:04x}"),
    "json slashes in json in json": lambda key: key.replace("/", "\\\\\\/"),
}
ANY_TEXT: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "swapped case": str.swapcase,
    "json in json in json": lambda key: json.dumps(json.dumps(each(lambda c: f"\\u{c:04x}")(key))),
    "percent": percent,
    "percent, lower case": lambda key: percent(key).lower(),
    "percent of a form": quote_plus,
    "percent of all": each(lambda c: f"%{c:02x}"),
    "percent twice": lambda key: percent(percent(key)),
    "percent three times": lambda key: percent(percent(percent(key))),
    "entities": each(lambda c: f"&#{c};"),
    "entities in hex": each(lambda c: f"&#x{c:X};"),
    "entities by name": lambda key: (
        key.replace("/", "&sol;").replace("+", "&plus;").replace("=", "&equals;")
    ),
    "hex": lambda key: key.encode().hex(),
    "hex, upper case": lambda key: key.encode().hex().upper(),
    "hex escapes": each(lambda c: f"\\x{c:02x}"),
    "script escapes": each(lambda c: f"\\u{{{c:x}}}"),
    "base64": in_base64("", "", base64.b64encode),
    "base64 as basic credentials": in_base64("user:", "", base64.b64encode),
    "base64 from its second byte on": in_base64("x", "yz", base64.b64encode),
    "base64 from its third byte on": in_base64("xx", "y", base64.b64encode),
    "base64 for addresses": in_base64("", "", base64.urlsafe_b64encode),
    "base64 for addresses, from its second byte on": in_base64("?", "", base64.urlsafe_b64encode),
    "base64 for addresses, from its third byte on": in_base64("??", "", base64.urlsafe_b64encode),
    "base64 in lines": lambda key: in_lines(in_base64("ab", "c", base64.b64encode)(key), "\n"),
    "base64 in percent escapes": lambda key: percent(in_base64("", "", base64.b64encode)(key)),
    "lines": lambda key: in_lines(key, "\n"),
    "utf-16": lambda key: key.encode("utf-16-le").decode("latin-1"),
}  # fmt: skip
SPELLINGS = JSON_TEXT | ANY_TEXT


def in_json(name: str, key: str) -> str:
    """The spelling as it stands between the quotes of a text in a JSON body."""
    text = SPELLINGS[name](key)
    return text if name in JSON_TEXT else json.dumps(text)[1:-1]


def marks(mark: str, key: str) -> list[bytes]:
    """What must not be left behind, in lower case; `mark` is the part of the key to look for."""
    encoded = [spell(key) for name, spell in SPELLINGS.items() if "base64" in name]
    inner = [text[len(text) // 3 : 2 * len(text) // 3] for text in encoded if "\n" not in text]
    spelled = [spell(mark) for name, spell in SPELLINGS.items() if "base64" not in name]
    return sorted({text.lower().encode() for text in inner + spelled})
