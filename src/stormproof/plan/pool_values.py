"""What a pool file says of requests: which texts may stand there, and which must be references."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from stormproof.plan.mistakes import SECRET_LIKE, shown

REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,199}\Z")
SECRET_NAMES = re.compile(r"api[-_]?key|authorization|secret|password|credential", re.IGNORECASE)
ADDRESS = "https://HOST[:PORT][/PATH][?NAME=VALUE], or env:NAME"
CREDENTIAL = "what looks like a credential (not shown)"
LONGEST_VALUE = 2_000

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_PRINTABLE = re.compile(rf"[ -~]{{1,{LONGEST_VALUE}}}")
# What frames a request, and the mark that tells its sends apart.
_OURS = frozenset({"content-length", "transfer-encoding", "connection", "host",
                   "content-type", "accept-encoding", "x-client-request-id"})  # fmt: skip
# In a query, and as the last word of a header's name.
_CREDENTIALS = re.compile(r"(?:^|[-_])(?:key|token|code|sig|signature|auth|cookie)$", re.IGNORECASE)


def url_mistake(value: str) -> str:
    """Why the text is no base address, or ""; never shows the text, which may hold a password."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return "what is not an address"
    if "@" in parts.netloc:
        return "an address with credentials in it (not shown)"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return f"an address without http:// or https:// and a host ({shown(value)})"
    if parts.fragment or re.search(r"\s", value):
        return "an address with a fragment or blanks (not shown)"
    if _has_credential(parts.query):
        return "an address with a credential in its query (not shown)"
    return ""


def unfit_header(name: str, value: str) -> str:
    """Why this header cannot be sent, or ""; never shows the value."""
    if not _HEADER_NAME.fullmatch(name):
        return "a name that no header can have"
    if name.lower() in _OURS:
        return "a header that Stormproof sets itself"
    return _unfit(name, value)


def unfit_query(name: str, value: str) -> str:
    """Why this part of a query cannot be sent, or ""; never shows the value."""
    return _unfit(name, value)


def _unfit(name: str, value: str) -> str:
    if value.startswith("env:"):
        return "" if REFERENCE.match(value) else "a reference that names no variable"
    if _is_credential(name) or SECRET_LIKE.search(value):
        return CREDENTIAL
    return "" if _PRINTABLE.fullmatch(value) else "an empty, too long or unprintable text"


def _is_credential(name: str) -> bool:
    """Whether a header or a part of a query is named like one."""
    return bool(_CREDENTIALS.search(name) or SECRET_NAMES.search(name))


def _has_credential(query: str) -> bool:
    parts = parse_qsl(query, keep_blank_values=True)
    return any(_is_credential(name) or SECRET_LIKE.search(value) for name, value in parts)
