"""What a response means for the dispatcher. Pure.

    2xx with a choice           Ok          2xx empty and unpaid, unreadable     Transient
    429, 529, 503 "slow down"   Refused     408 409 424 425 499 5xx              Transient
    402, insufficient_quota     Refused, exhausted
    400 413 422, other 4xx      Rejected    401 403 404 405 407 410, redirects   Denied

Sources: OpenAI, Azure OpenAI, Anthropic (529 is "overloaded": nothing was served) and DeepSeek
(402 is an empty balance) name these; 424 is what Azure's hosted open models answer when the
model server behind them failed. An error object inside a 200 is judged by the code it carries.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from stormproof.domain.calls import (
    Denied,
    Ok,
    Refused,
    Rejected,
    Reply,
    Transient,
    Verdict,
)
from stormproof.wire.complaints import LONGEST_REASON, Complaint, complaint_in
from stormproof.wire.headers import Headers, rate_headers, retry_after_s
from stormproof.wire.replies import Unreadable, as_raw, load, read_reply

_REFUSED = frozenset({429, 529})
_SERVERS = HTTPStatus.INTERNAL_SERVER_ERROR  # from here on it is the server's fault
_TRANSIENT = frozenset({408, 409, 421, 424, 425, 499})
_DENIED = frozenset({401, 403, 404, 405, 407, 410})
# Finish reasons that are the server's doing: OpenRouter's, DeepSeek's.
_INTERRUPTED = frozenset({"error", "insufficient_system_resource"})


def succeeded(status: int) -> bool:
    """Whether a status is 2xx: whatever comes with it may have been paid for."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def classify(status: int, headers: Headers, body: bytes, now: float) -> Verdict:
    """The verdict on a response that came whole. `now` is wall-clock epoch seconds."""
    try:
        value, whole = load(body)
    except Unreadable:
        return _unreadable(status, headers, body, now)
    if not succeeded(status):
        return _failure(status, headers, complaint_in(value), now)
    reply = read_reply(value, body, whole=whole) if isinstance(value, dict) else None
    if reply is None:
        return _without_reply(headers, complaint_in(value), body, now)
    if reply.finish_reason in _INTERRUPTED:
        return Transient(
            f"the server broke the reply off ({reply.finish_reason})", raw=as_raw(body)
        )
    if _unpaid(reply):
        detail = f" ({reply.finish_reason})" if reply.finish_reason else ""
        return Transient(f"empty reply{detail} that was not paid for", raw=as_raw(body))
    return Ok(reply, rate_headers(headers))


def _unreadable(status: int, headers: Headers, body: bytes, now: float) -> Verdict:
    """A body that is not JSON: an error page of something in between, or a broken reply."""
    kind = (headers.get("content-type") or "").partition(";")[0].strip() or "unnamed type"
    what = f"{len(body)} bytes of {kind}, not JSON" if body else "no body"
    if succeeded(status):
        return Transient(_clip(f"HTTP {status} with {what}"), raw=as_raw(body))
    text = what if b"<" in body[:200] else as_raw(body[:LONGEST_REASON]) or what
    return _failure(status, headers, Complaint(text), now)


def _without_reply(headers: Headers, complaint: Complaint, body: bytes, now: float) -> Verdict:
    """A 200 without a choice to read; an error object in it may carry a status of its own."""
    status_inside = next(
        (int(code) for code in complaint.codes if re.fullmatch(r"[45]\d\d", code)), None
    )
    if status_inside is not None or complaint.exhausted or complaint.unusable:
        return _failure(status_inside or 400, headers, complaint, now, inside="in a 200")
    said = f"an error: {complaint.text}" if complaint.text else "no reply in it"
    return Transient(_clip(f"HTTP 200 with {said}"), raw=as_raw(body))


def _failure(
    status: int, headers: Headers, complaint: Complaint, now: float, inside: str = ""
) -> Verdict:
    reason = _reason(status, complaint, inside)
    wait_s = retry_after_s(headers, now, complaint.text)
    if status < _SERVERS and (status == HTTPStatus.PAYMENT_REQUIRED or complaint.exhausted):
        return Refused(reason, wait_s, exhausted=True, rates=rate_headers(headers))
    if status in _REFUSED or (status >= _SERVERS and complaint.asks_to_slow_down):
        return Refused(reason, wait_s, rates=rate_headers(headers))
    if status >= _SERVERS or status in _TRANSIENT or status < HTTPStatus.OK:
        return Transient(reason, wait_s)
    if status < HTTPStatus.BAD_REQUEST:
        return Denied(f"HTTP {status}: a redirect, which is never followed with a key")
    if status in _DENIED or complaint.unusable:
        return Denied(reason)
    return Rejected(reason)


def _unpaid(reply: Reply) -> bool:
    """Nothing said and nothing counted: the server's failure, not the model's silence."""
    said = reply.text.strip() or reply.tool_calls or reply.reasoning
    return not said and reply.usage.completion_tokens == 0


def _reason(status: int, complaint: Complaint, inside: str) -> str:
    """One line: the status, the code where it says more, and what the provider wrote."""
    code = next((c for c in complaint.codes if not c.isdigit()), "")
    parts = (f"HTTP {status}", inside, code)
    return _clip(
        " ".join(p for p in parts if p) + (f": {complaint.text}" if complaint.text else "")
    )


def _clip(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
