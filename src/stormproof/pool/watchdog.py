"""Names what is stuck, and ends what no endpoint has served for too long."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import anyio

from stormproof.control.bounds import Bounds
from stormproof.pool.failures import unserved
from stormproof.pool.lane import Lane, ModelQueue
from stormproof.pool.records import EventKind
from stormproof.pool.scheduler import Scheduler

LOOK_S = 5.0


class Watchdog:
    """`say` tells an event (kind, subject, text); `stop` gives a lane up (lane, why, now)."""

    def __init__(
        self,
        scheduler: Scheduler,
        bounds: Bounds,
        now: Callable[[], float],
        say: Callable[[EventKind, str, str], None],
        stop: Callable[[Lane, str, float], None],
    ) -> None:
        self._scheduler = scheduler
        self._bounds = bounds
        self._now = now
        self._say = say
        self._stop = stop

    async def watch(self) -> None:
        """Name what is stuck; end requests that no endpoint has served for too long."""
        while True:
            await anyio.sleep(LOOK_S)
            now = self._now()
            for model in self._scheduler.models.values():
                self._give_up_if_silent(model, now)
                if model.waiting():
                    self._check_stuck(model, now)

    def _give_up_if_silent(self, model: ModelQueue, now: float) -> None:
        """Without this, a model that nobody serves would cost each of its trials all its tries.

        A request's own bound comes first.
        """
        since = max((lane.troubled_since for lane in model.live if lane.trouble), default=inf)
        longest = self._bounds.unserved_s + self._bounds.stuck_s
        if now - since <= longest or not all(lane.trouble for lane in model.live):
            return
        for lane in model.live:
            lane.silent = True
            minutes = (now - lane.troubled_since) / 60
            self._stop(lane, f"no answer for {minutes:.0f} min: {lane.trouble}", now)

    def _check_stuck(self, model: ModelQueue, now: float) -> None:
        silent = now - max(model.served_at, model.sent_at)
        if silent > self._bounds.stuck_s:
            states = ", ".join(f"{x.endpoint.endpoint_id}: {x.state().state}" for x in model.lanes)
            self._say(
                "stuck",
                model.name,
                f"{model.waiting()} requests wait, none sent for {silent:.0f} s; {states}",
            )
        if now - model.served_at > self._bounds.unserved_s and not any(
            lane.controller.in_flight for lane in model.lanes
        ):
            for line in (model.line, *(lane.line for lane in model.lanes)):
                for waiting in line.drain():
                    waiting.fail(unserved(model, now - model.served_at))
