"""What each kind of fault looks like on the wire."""

from __future__ import annotations

from stormproof.domain.calls import Reply, Usage
from stormproof.emulator import refusals
from stormproof.emulator.behaviour import EmulatorOptions, Fault
from stormproof.emulator.chat_completions import completion
from stormproof.emulator.http11 import Exchange

FAILURE_S = 0.3  # a failing service fails after some work, in seconds before `time_scale`
_FILLER = b" " * 65_536
_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>upstream</body></html>"
_NOTHING = Reply("", usage=Usage())


def break_answer(
    kind: Fault,
    exchange: Exchange,
    options: EmulatorOptions,
    *,
    reply: Reply | None,
    model: str,
    answer_id: str,
) -> None:
    """End the exchange in the fault; `reply` is what would have been said, if that is known.

    `hang` is no answer at all, so it never comes here.
    """
    if kind in {"500", "503"}:
        exchange.answer(int(kind), refusals.error(kind, "The server had an error.", "server_error"))
    elif kind == "reset":
        exchange.reset()
    elif kind == "nonjson":
        exchange.answer(200, _PAGE, content_type="text/html")
    elif kind == "error_object":
        exchange.answer(200, refusals.error("500", "upstream failed", "server_error"))
    elif kind == "empty":
        exchange.answer(200, completion(_NOTHING, model, answer_id))
    else:
        _spoil(kind, exchange, options, completion(reply or _NOTHING, model, answer_id))


def _spoil(kind: Fault, exchange: Exchange, options: EmulatorOptions, body: bytes) -> None:
    """A right answer that comes wrongly: cut off, byte by byte, or far too long."""
    if kind == "truncated":
        exchange.truncated(body)
    elif kind == "drip":
        exchange.drip(body, options.drip_s)
    elif kind == "huge":
        times = options.huge_bytes // len(_FILLER)
        exchange.flood(b'{"padding":"', _FILLER, times, b'",' + body[1:])
