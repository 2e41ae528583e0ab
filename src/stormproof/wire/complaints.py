"""What a provider says when it gives no reply: the error object in its many forms. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

LONGEST_REASON = 300  # characters that are told
LONGEST_TEXT = 4_000  # characters that are looked at: patterns are never let loose on more
LONGEST_CODE = 100

# Codes outrank the status: gateways send them under 400, 402, 403 and 429 alike.
_EXHAUSTED = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_balance",
        "insufficient balance",
        "arrearage",
    }
)
_UNUSABLE = frozenset(
    {
        "model_not_found",
        "deploymentnotfound",
        "invalid_api_key",
        "operationnotsupported",
        "api_key_invalid",
        "no_db_connection",  # how the litellm proxy says that it does not know a key
    }
)
_EXHAUSTED_TEXT = re.compile(r"credit balance is too low|insufficient balance", re.IGNORECASE)
_UNUSABLE_TEXT = re.compile(r"api key not valid|invalid model name", re.IGNORECASE)


class Complaint(Struct, frozen=True):
    """A provider's error in its own words: `text` for people, and codes in lower case."""

    text: str = ""
    codes: tuple[str, ...] = ()

    @property
    def exhausted(self) -> bool:
        """Whether it means a quota that waiting does not refill."""
        return not _EXHAUSTED.isdisjoint(self.codes) or bool(_EXHAUSTED_TEXT.search(self.text))

    @property
    def asks_to_slow_down(self) -> bool:
        """Whether a 503 means our rate rather than its own trouble."""
        return "slow_down" in self.codes or "slow down" in self.text.lower()

    @property
    def unusable(self) -> bool:
        """Whether it means the endpoint, though it comes as a bad request."""
        return not _UNUSABLE.isdisjoint(self.codes) or bool(_UNUSABLE_TEXT.search(self.text))


def complaint_in(value: Any) -> Complaint:
    """The error object in its many forms: OpenAI's, a bare string, FastAPI's, Gemini's list."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Complaint(str(value)[:LONGEST_REASON] if isinstance(value, str) else "")
    error = value.get("error")
    if isinstance(error, str):
        error = {"message": error, "code": value.get("code")}
    if not isinstance(error, dict):
        error = value if "choices" not in value else {}
    message = next((error[k] for k in ("message", "detail", "msg") if error.get(k)), "")
    text = message if isinstance(message, str) else repr(message)[:LONGEST_REASON]
    return Complaint(text[:LONGEST_TEXT], tuple(_codes(error)))


def _codes(error: Mapping[str, Any]) -> list[str]:
    inner = error.get("innererror")
    found = [error.get(k) for k in ("code", "type", "status")]
    found.append(inner.get("code") if isinstance(inner, dict) else None)
    return [str(code)[:LONGEST_CODE].lower() for code in found if isinstance(code, str | int)]
