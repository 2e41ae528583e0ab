"""The debug log: a line for each send, with its verdict and its time, as JSON Lines."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self, TextIO

import structlog

from stormproof.domain.calls import Ok, Request, Verdict
from stormproof.domain.pool import Endpoint
from stormproof.wire.transport import Transport


class DebugLog:
    """Wraps a transport and writes what goes through it; texts and keys are left out.

    `shard` narrows it to the endpoint of that number, as `stormproof plan` shows them.
    """

    def __init__(self, transport: Transport, path: Path, shard: int | None) -> None:
        self._transport = transport
        self._path = path
        self._shard = shard

    def __enter__(self) -> Self:
        """Open the file for appending."""
        self._file: TextIO = self._path.open("a", encoding="utf-8")
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(self._file),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
                structlog.processors.JSONRenderer(),
            ],
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        """Send, and write what came of it."""
        call = self._transport.send(endpoint, request, timeout_s=timeout_s, attempt=attempt)
        if self._shard not in {None, endpoint.number}:
            return await call
        start = monotonic()
        verdict: Verdict | None = None
        try:
            verdict = await call
            return verdict
        finally:
            self._log.debug(
                type(verdict).__name__.lower() if verdict else "cancelled",
                shard=endpoint.number,
                endpoint=endpoint.endpoint_id,
                trial=request.trial_id,
                turn=request.turn,
                attempt=attempt,
                ms=round((monotonic() - start) * 1000, 1),
                **_details(verdict),
            )


def _details(verdict: Verdict | None) -> dict[str, object]:
    if verdict is None:
        return {}
    if isinstance(verdict, Ok):
        usage = verdict.reply.usage
        return {
            "tokens_in": usage.prompt_tokens,
            "tokens_out": usage.completion_tokens,
            "finish": verdict.reply.finish_reason,
        }
    wait = getattr(verdict, "retry_after_s", None)
    return {"reason": verdict.reason} | ({} if wait is None else {"retry_after_s": wait})
