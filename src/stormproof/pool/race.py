"""Two copies of one request on two endpoints: the first answer wins, the other is cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from stormproof.control.controller import Sent
from stormproof.domain.calls import Ok, Rejected, Verdict
from stormproof.pool.lane import Lane
from stormproof.pool.queue import Waiting

Send = Callable[[Lane, Sent, Waiting], Awaitable[Verdict]]
Room = Callable[[Waiting, Lane], Awaitable[tuple[Lane, Sent]]]

LEAST_S = 0.1  # of silence; a copy that comes sooner saves nothing that anyone would notice


class Flight:
    """One copy of a request in flight; `verdict` stays None where it was cancelled."""

    __slots__ = ("lane", "sent", "verdict")

    def __init__(self, lane: Lane, sent: Sent) -> None:
        self.lane = lane
        self.sent = sent
        self.verdict: Verdict | None = None

    @property
    def decides(self) -> bool:
        """Whether no other copy could bring anything better."""
        return isinstance(self.verdict, (Ok, Rejected))


class Race:
    """A request that gets a second copy when it is silent for longer than answers take.

    `send` sends one copy and does its accounts, also when it is cancelled; `room` waits until
    another endpoint has room that nobody else wants. A copy that is refused or fails leaves the
    race to the other; the request has failed when both have.
    """

    def __init__(self, waiting: Waiting, send: Send, room: Room) -> None:
        self._waiting = waiting
        self._send = send
        self._room = room
        self._flights: list[Flight] = []
        self._flying = 0
        self._won: Flight | None = None

    async def run(self, lane: Lane, sent: Sent, now: Callable[[], float]) -> Flight:
        """The copy whose verdict counts, after all others have ended."""
        async with anyio.create_task_group() as tasks:
            self._start(tasks, lane, sent)
            await anyio.sleep(max(LEAST_S, lane.latency_p99_s))
            self._start(tasks, *await self._room(self._waiting, lane))
        assert self._won is not None  # noqa: S101  each copy ends in a verdict, or all are cancelled
        for flight in self._flights:
            if flight is not self._won and (flight.verdict is None or flight.decides):
                flight.lane.lost_race(now() - flight.sent.at)
        return self._won

    def _start(self, tasks: TaskGroup, lane: Lane, sent: Sent) -> None:
        self._waiting.attempts += 1
        self._waiting.hedged = self._waiting.hedged or self._flying > 0
        self._flying += 1
        self._flights.append(flight := Flight(lane, sent))
        tasks.start_soon(self._fly, tasks, flight)

    async def _fly(self, tasks: TaskGroup, flight: Flight) -> None:
        flight.verdict = await self._send(flight.lane, flight.sent, self._waiting)
        self._flying -= 1
        if self._won is None and (flight.decides or not self._flying):
            self._won = flight
            tasks.cancel_scope.cancel()
