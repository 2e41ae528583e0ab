"""The seam between the dispatcher and the network."""

from __future__ import annotations

from typing import Protocol

from stormproof.domain.calls import Request, Verdict
from stormproof.domain.pool import Endpoint


class Transport(Protocol):
    """Sends one model call once. Never retries, never raises for what a provider does."""

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        """Send once and judge the answer; the whole call takes at most about `timeout_s`.

        `attempt` counts the sends of this turn from 1; it only marks the request for those who
        read the provider's logs.
        """
        ...
