"""How services word what they refuse: bodies of errors, and the headers of a 429.

One service's wording for each dialect; a fake of another service brings a file like this one.
"""

from __future__ import annotations

import math
import time
from email.utils import formatdate

import msgspec

from stormproof.domain.pool import Dialect
from stormproof.emulator.limits import Cause

_encode = msgspec.json.Encoder().encode


def error(code: str, message: str, kind: str = "invalid_request_error") -> bytes:
    """An error object as both dialects send it."""
    return _encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


def denied(dialect: Dialect) -> bytes:
    """The body of a 401."""
    if dialect == "azure":
        return error(
            "401", "Access denied due to invalid subscription key or wrong API endpoint.", "auth"
        )
    return error("invalid_api_key", "Incorrect API key provided.")


def gone(dialect: Dialect, deployment: str) -> bytes:
    """The body of a 404 for a deployment."""
    if dialect == "azure":
        return error("DeploymentNotFound", "The API deployment for this resource does not exist.")
    return error("model_not_found", f"The model {deployment[:100]!r} does not exist.")


def exhausted() -> bytes:
    """The body of a 429 that no waiting helps."""
    message = "You exceeded your current quota, please check your plan and billing details."
    return error("insufficient_quota", message, "insufficient_quota")


def too_many(cause: Cause) -> bytes:
    """The body of a 429; like the services, it does not say which limit where that is a cap."""
    names = {"rate": "requests per minute (RPM)", "tokens": "tokens per minute (TPM)"}
    reason = f"Rate limit reached on {names[cause]}." if cause in names else "Too many requests."
    return error("rate_limit_exceeded", f"{reason} Please retry later.", "requests")


def retry_headers(how: str, wait_s: float) -> dict[str, str]:
    """When to come back: `right`, as a `date`, `absent`, or any text as it stands.

    Nothing can be right where the wait is not known (`inf`).
    """
    if how == "absent" or (how in {"right", "date"} and math.isinf(wait_s)):
        return {}
    if how == "right":
        milliseconds = math.ceil(wait_s * 1000)
        return {"retry-after": str(math.ceil(wait_s)), "retry-after-ms": str(milliseconds)}
    if how == "date":
        return {"retry-after": formatdate(time.time() + math.ceil(wait_s), usegmt=True)}
    return {"retry-after": how}
