"""What a response means for the dispatcher. Pure.

    2xx with a choice           Ok          2xx empty, unpaid, unreasoned, or unreadable  Transient
    429, 529, 503 "slow down"   Refused     408 409 424 425 499 5xx                       Transient
    402, an empty balance       Refused, exhausted
    400 413 422, other 4xx      Rejected    401 403 404 405 407 410, redirects            Denied
    whatever the status: too long for the context window, Overlong; a filter's work, Blocked;
    a tool call that the service could not read, Ok with what the model had said

Sources: OpenAI, Azure OpenAI, Anthropic (529 is "overloaded": nothing was served) and DeepSeek
(402 is an empty balance) name these; 424 is what Azure's hosted open models answer when the
model server behind them failed; Groq sends the text of a call that it cannot read under 400. An
error object inside a 200 is judged by the code it carries.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from time import gmtime, strftime
from typing import Any

import msgspec

from stormproof.domain.calls import (
    LENGTH,
    MALFORMED,
    Blocked,
    Denied,
    Ok,
    Overlong,
    Refused,
    Rejected,
    Reply,
    Transient,
    Usage,
    Verdict,
)
from stormproof.domain.durations import DAY_S, HOUR_S
from stormproof.wire.complaints import LONGEST_REASON, Complaint, complaint_in
from stormproof.wire.finish_reasons import FULL, INTERRUPTED
from stormproof.wire.headers import (
    LONGEST_RETRY_AFTER_S,
    Headers,
    asked_wait_s,
    day_resets_in_s,
    rate_headers,
    retry_after_s,
)
from stormproof.wire.replies import Unreadable, as_raw, load, read_reply, read_usage

_REFUSED = frozenset({429, 529})
_NEVER_S = 366 * DAY_S  # a wait as long is no word about a quota
_SUCCESS, _REDIRECTS = int(HTTPStatus.OK), int(HTTPStatus.MULTIPLE_CHOICES)
_SERVERS = HTTPStatus.INTERNAL_SERVER_ERROR  # from here on it is the server's fault
_TRANSIENT = frozenset({408, 409, 421, 424, 425, 499})
_DENIED = frozenset({401, 403, 404, 405, 407, 410})


def succeeded(status: int) -> bool:
    """Whether a status is 2xx: whatever comes with it may have been paid for."""
    return _SUCCESS <= status < _REDIRECTS


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
        return _without_reply(headers, value, body, now)
    return _with_reply(reply, headers, body)


def classify_head(status: int, headers: Headers, why: str, now: float) -> Verdict:
    """The verdict on an error of which the head alone can be read; `why` says what of the rest."""
    return _failure(status, headers, Complaint(why), now)


def _with_reply(reply: Reply, headers: Headers, body: bytes) -> Verdict:
    """A 200 with a choice: the model's own, unless it says that it is not."""
    reason = reply.finish_reason
    if reason in INTERRUPTED:
        return _thrown_away(f"the server broke the reply off ({reason})", body, reply)
    if reason == FULL:
        reply = msgspec.structs.replace(reply, finish_reason=LENGTH)
    if _says_something(reply) or reply.usage.completion_tokens:
        return Ok(reply, rate_headers(headers))
    if reason == FULL:
        return Overlong(f"HTTP 200 {FULL}")
    if not reason:
        return _thrown_away("empty reply that was not paid for", body, reply)
    return Ok(reply, rate_headers(headers))  # the model's silence, or what a filter left of it


def _unreadable(status: int, headers: Headers, body: bytes, now: float) -> Verdict:
    """A body that is not JSON: an error page of something in between, or a broken reply."""
    kind = (headers.get("content-type") or "").partition(";")[0].strip() or "unnamed type"
    what = f"{len(body)} bytes of {kind}, not JSON" if body else "no body"
    if succeeded(status):
        begun = body[:200].lstrip()
        broken = begun.startswith((b"{", b"["))
        if begun.startswith(b"<"):
            what += ": a web page, no model; base_url mostly ends in /v1"
        reason = _clip(f"HTTP {status} with {what}")
        return Transient(reason, raw=as_raw(body), paid=True, unreached=not broken)
    text = what if b"<" in body[:200] else as_raw(body[:LONGEST_REASON]) or what
    return _failure(status, headers, Complaint(text), now)


def _without_reply(headers: Headers, value: Any, body: bytes, now: float) -> Verdict:
    """A 200 without a choice to read; an error object in it may carry a status of its own."""
    complaint = complaint_in(value)
    status_inside = next(
        (int(code) for code in complaint.codes if re.fullmatch(r"[45]\d\d", code)), None
    )
    if status_inside is None and any(
        (complaint.exhausted, complaint.quota, complaint.unusable, complaint.overlong,
         complaint.filtered)
    ):  # fmt: skip
        status_inside = 400
    if status_inside is not None:
        return _failure(status_inside, headers, complaint, now, inside="in a 200")
    said = f"an error: {complaint.text}" if complaint.text else "no reply in it"
    return Transient(
        _clip(f"HTTP 200 with {said}"),
        raw=as_raw(body),
        paid=True,
        usage=read_usage(value) if isinstance(value, dict) else Usage(),
        unreached=not complaint.text,
    )


def _thrown_away(reason: str, body: bytes, reply: Reply) -> Transient:
    """A reply that is none, though it came with a success."""
    return Transient(reason, raw=as_raw(body), paid=True, usage=reply.usage)


def _failure(
    status: int, headers: Headers, complaint: Complaint, now: float, inside: str = ""
) -> Verdict:
    reason = _reason(status, complaint, inside)
    verdict = _filtered(status, complaint, reason) or _refusal(
        status, headers, complaint, reason, now
    )
    if verdict:
        return verdict
    if status == HTTPStatus.BAD_REQUEST and complaint.malformed_call:
        return Ok(Reply(complaint.generated, finish_reason=MALFORMED), rate_headers(headers))
    if status >= HTTPStatus.BAD_REQUEST and complaint.overlong:
        return Overlong(reason)
    if status >= _SERVERS or status in _TRANSIENT or status < HTTPStatus.OK:
        return Transient(reason, retry_after_s(headers, now, complaint.text), paid=bool(inside))
    return _refused_for_good(status, complaint, reason)


def _refused_for_good(status: int, complaint: Complaint, reason: str) -> Denied | Rejected:
    """Of the endpoint, or of this request at this endpoint."""
    if status < HTTPStatus.BAD_REQUEST:
        return Denied(f"HTTP {status}: a redirect, which is never followed with a key")
    unusable = status in _DENIED or complaint.unusable
    return Denied(reason) if unusable else Rejected(reason)


def _filtered(status: int, complaint: Complaint, reason: str) -> Blocked | None:
    """Of a prompt; not under 402 and 429, which speak of the account, nor where a server fails."""
    speaks = status not in _REFUSED and status != HTTPStatus.PAYMENT_REQUIRED
    speaks = speaks and HTTPStatus.BAD_REQUEST <= status < _SERVERS
    return Blocked(reason) if speaks and complaint.filtered else None


def _refusal(
    status: int, headers: Headers, complaint: Complaint, reason: str, now: float
) -> Refused | None:
    """Of a limit or a quota; None for what is neither.

    `insufficient_quota` under 429 is a passing limit at some services, an empty account at others:
    that only time can tell. Under another status it is the account.
    """
    passing = status in _REFUSED or (status >= _SERVERS and complaint.asks_to_slow_down)
    passing = passing or (status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and complaint.names_a_rate)
    spent = status == HTTPStatus.PAYMENT_REQUIRED or complaint.exhausted
    spent = status < _SERVERS and (spent or (complaint.quota and not passing))
    if not (spent or passing):
        return None
    refill = None if spent else _refilled_in_s(headers, complaint, now)
    return Refused(
        reason if refill is None else f"{reason}; goes on at {_utc(now + refill)}",
        retry_after_s(headers, now, complaint.text),
        exhausted=spent,
        quota=complaint.quota and not spent,
        of_a_day=complaint.of_a_day and not spent,
        resumes_in_s=refill,
        rates=rate_headers(headers),
    )


def _refilled_in_s(headers: Headers, complaint: Complaint, now: float) -> float | None:
    """When a quota of a day, or of hours, is refilled; None where it is none, or that is not said.

    Gemini tells to retry in half a minute though the day is over, and what OpenAI and Groq count by
    the day is refilled all day long: less than `LONGEST_RETRY_AFTER_S` is the next request's wait.
    """
    wait_s = asked_wait_s(headers, now, complaint.text) or 0.0
    least_s = HOUR_S
    if complaint.of_a_day:
        wait_s = max(wait_s, day_resets_in_s(headers, now, complaint.reset))
        least_s = LONGEST_RETRY_AFTER_S
    return wait_s if least_s < wait_s < _NEVER_S else None


def _utc(at: float) -> str:
    return strftime("%Y-%m-%d %H:%M UTC", gmtime(at))


def _says_something(reply: Reply) -> bool:
    return bool(reply.text.strip() or reply.tool_calls or reply.reasoning)


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
