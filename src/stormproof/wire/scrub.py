"""Taking credentials out of whatever a provider says before anything else reads it."""

from __future__ import annotations

from urllib.parse import quote

SCRUBBED = b"[key]"
# Servers without keys are given placeholders ("EMPTY", "none"). Those are no secrets, and
# taking them out would change what a model said.
SHORTEST_SECRET = 8


class Scrubber:
    """Takes one credential, in each form that a body may hold it, out of bytes."""

    __slots__ = ("_forms",)

    def __init__(self, secret: str) -> None:
        forms = (secret, secret.replace("/", "\\/"), quote(secret, safe=""))
        unique = dict.fromkeys(form.encode() for form in forms if len(secret) >= SHORTEST_SECRET)
        self._forms = tuple(unique)  # () for a placeholder; fixed

    def __repr__(self) -> str:
        return "Scrubber()"

    def bytes(self, body: bytes) -> bytes:
        """`body` without the credential; the same object where it holds none."""
        for form in self._forms:
            if form in body:
                body = body.replace(form, SCRUBBED)
        return body

    def text(self, text: str) -> str:
        """`text` without the credential."""
        return self.bytes(text.encode("utf-8", "replace")).decode()
