"""Which part of a request a refusal is about, by its words, and what would mend it. Pure.

Wordings: OpenAI and Azure ("Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens'"),
Gemini ("Developer instruction is not enabled"), Gemma's chat template ("System role not
supported"), DashScope ("only support stream mode", "Range of max_tokens should be [1, 8192]"),
pydantic's servers ("Extra inputs are not permitted", with the field's name in `loc`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from stormproof.domain.pool import Endpoint
from stormproof.probe.endpoint_findings import Mend

TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")

_ONLY_STREAMS = re.compile(
    r"\b(?:only|must|enable|required?)\b[^.]{0,60}\bstream|\bstream\w*\b[^.]{0,40}\b(?:must|required)",
    re.IGNORECASE,
)
_NO_STREAM = re.compile(r"\bstream(?:ing)?\b[^._]{0,40}\b(?:not|un)", re.IGNORECASE)
_SYSTEM = re.compile(
    r"\b(?:system|developer)\b[^.]{0,40}\b(?:role|instruction|message|prompt)s?\b"
    r"|\broles?\b[^.]{0,80}\b(?:system|developer)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+")


def mend_for(endpoint: Endpoint, reason: str) -> Mend | None:
    """What the refusal names first, of all that was sent; None where it names nothing of it."""
    named = sorted(_named(endpoint, reason), key=lambda pair: pair[0])
    return named[0][1] if named else None


def guesses(endpoint: Endpoint, reason: str) -> Iterator[Mend]:
    """What may be left out, one after the other, where a refusal names nothing."""
    if endpoint.parameters.get("seed") != "":
        yield Mend(("parameters", "seed"), "", reason)
    if endpoint.system_role == "system":
        yield Mend(("system_role",), "user", reason)
    if not endpoint.stream:
        yield Mend(("stream",), value=True, why=reason)


def mended(endpoint: Endpoint, mend: Mend) -> Endpoint:
    """The endpoint as it is once the mend stands in the pool file."""
    *table, name = mend.place
    if not table and name not in TOKEN_LIMITS:
        return msgspec.structs.replace(endpoint, **{name: mend.value})
    others = {k: v for k, v in endpoint.parameters.items() if table or k not in TOKEN_LIMITS}
    return msgspec.structs.replace(endpoint, parameters=others | {name: mend.value})


def _named(endpoint: Endpoint, reason: str) -> Iterator[tuple[int, Mend]]:
    """Each part that was sent and is named, with the place where it is."""
    if endpoint.stream:
        if at := re.search(r"\bstream_options\b|include_usage", reason):
            yield at.start(), Mend(("parameters", "stream_options"), "", reason)
        elif at := _NO_STREAM.search(reason):
            yield at.start(), Mend(("stream",), value=False, why=reason)
    elif at := _ONLY_STREAMS.search(reason):
        yield at.start(), Mend(("stream",), value=True, why=reason)
    if endpoint.system_role == "system" and (at := _SYSTEM.search(reason)):
        yield at.start(), Mend(("system_role",), "user", reason)
    for name in {"seed": None, **endpoint.parameters}:
        if endpoint.parameters.get(name) == "" or not (at := re.search(rf"\b{name}\b", reason)):
            continue
        limit = endpoint.parameters.get(name)
        if name in TOKEN_LIMITS and isinstance(limit, int):
            yield at.start(), _token_mend(name, limit, reason)
        else:
            yield at.start(), Mend(("parameters", name), "", reason)


def _token_mend(name: str, limit: int, reason: str) -> Mend:
    """The limit under its other name; or lowered, where the refusal names what it takes at most."""
    other = TOKEN_LIMITS[name == TOKEN_LIMITS[0]]
    if other in reason:
        return Mend((other,), limit, reason)
    smaller = [n for n in map(int, _NUMBER.findall(reason)) if 1 < n < limit]
    return Mend((name,), max(smaller), reason) if smaller else Mend((other,), limit, reason)
