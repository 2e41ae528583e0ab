"""Share of true capacity delivered in simulated worlds: our controllers beside plain ones.

    python benchmarks/capacity_sim.py                  all worlds × 5 seeds, JSON lines
    python benchmarks/capacity_sim.py --worlds caps --seeds 2 --controllers adaptive

Each endpoint has more work than it can take. Delivered = requests admitted, over those that an
oracle would have got admitted, which sees the server's state and always sends at once. Refused =
refusals and errors over sends, `refused_late` the same in the second half. `first_5_to_15_s` is
delivered between the 5th and the 15th second, `after_60_s` after the first minute. `stretch` is the
median of answer time over service time. In queues and blips, what counts is what was finished.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, inf
from pathlib import Path
from random import Random
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
from plain_controllers import Aimd, Workers
from stormproof.control.adaptive import Adaptive
from stormproof.control.controller import Controller, Sent
from stormproof.domain.pool import Limits
from stormproof.pool.tail import Tail
from worlds import SECONDS, WORLDS, Server

TICK_S = 0.002  # the dispatcher's own
LOST_S = 30.0  # a request silent for so long is given up
TOKENS_PER_S = 50.0
MISJUDGED = 0.1  # spread of what is believed of a request's tokens over what they are
STEP_S = 1.0  # of the recorded series

CONTROLLERS: dict[str, Callable[[], Controller]] = {
    "adaptive": lambda: Adaptive(Limits()),
    "aimd": Aimd,
    "workers": lambda: Workers(100),
}


@dataclass
class Result:
    """What one drive of one endpoint came to, and its course second by second."""

    sends: int = 0
    admitted: int = 0
    finished: int = 0
    refused: int = 0
    errors: int = 0
    lost_falsely: int = 0  # answers that would have been given up before they came
    done_by: list[int] = field(default_factory=list)  # cumulative, per second
    sent_by: list[tuple[int, int]] = field(default_factory=list)  # sends; refused or broken
    course: list[tuple[float, int, float, float, int, str]] = field(default_factory=list)
    stretch: list[float] = field(default_factory=list)


class Drive:
    """A discrete-event drive of one server by one controller with endless work."""

    def __init__(
        self, server: Server, controller: Controller, seed: int, *, by_finished: bool = False
    ) -> None:
        self.server = server
        self.by_finished = by_finished
        self.controller = controller
        self.result = Result()
        self._net = Random(f"net/{seed}/{server.name}")
        self._serial = itertools.count()
        self._sizes = server.sizes()
        self._again = deque[float]()  # sizes of requests that were refused
        self._flying: dict[Sent, float] = {}
        self._tail = Tail()
        self._patience_s: dict[Sent, float] = {}
        self._served: dict[Sent, None] = {}  # at the server
        self._events: list[tuple[float, int, str, Sent | None, float | None]] = []

    def run(self, until: float = SECONDS) -> Result:
        """Drive to the end."""
        self._push(0.0, "look", None)
        for start, _, trouble in self.server.outages:
            if trouble == "reset":
                self._push(start, "restart", None)
        next_sample = looks_at = 0.0
        self.server.ends_at = until
        while self._events and self._events[0][0] < until:
            now, _, kind, sent, told = heapq.heappop(self._events)
            while now >= next_sample:
                self._sample(next_sample)
                next_sample += STEP_S
            if kind == "look":
                if now != looks_at:
                    continue  # superseded by an earlier look
                looks_at = inf
            self._handle(kind, sent, told, now)
            ready = self._send_all(now)
            if ready < looks_at and ready < inf:
                looks_at = max(ready, now + TICK_S)
                self._push(looks_at, "look", None)
        while next_sample <= until:
            self._sample(next_sample)
            next_sample += STEP_S
        return self.result

    def _send_all(self, now: float) -> float:
        while (ready := self.controller.ready_at(now)) <= now:
            size = self._again.popleft() if self._again else next(self._sizes)
            sent = self.controller.sent(now, size * exp(self._net.gauss(0, MISJUDGED)))
            self._flying[sent] = size
            self._patience_s[sent] = max(LOST_S, self._tail.patience_s(sent.number))
            self.result.sends += 1
            self._push(now + self._net.uniform(0.005, 0.02), "arrive", sent)
        return ready

    def _handle(self, kind: str, sent: Sent | None, told: float | None, now: float) -> None:
        if kind == "restart":
            for each in self._served:
                self.server.in_flight -= 1
                self._push(now + self._net.uniform(0.005, 0.02), "killed", each)
            self._served.clear()
        if kind == "done" and sent:
            if sent not in self._served:
                return  # it was reset
            del self._served[sent]
            self.result.finished += 1
            self.server.in_flight -= 1
            self._push(now + self._net.uniform(0.005, 0.02), "heard", sent, told)
        if sent is None or kind in {"look", "done", "restart"}:
            return
        size = self._flying[sent] if kind == "arrive" else self._flying.pop(sent)
        match kind:
            case "arrive":
                self._arrive(sent, now, size)
            case "heard":
                self.result.lost_falsely += now - sent.at > self._patience_s.pop(sent)
                self._tail.answered(sent.at, now, sent.number)
                self.controller.answered(sent, now, size, told or 0.0)
            case "refused":
                self.result.refused += 1
                self._again.append(size)
                self.controller.refused(sent, now, told)
            case _:
                self.result.errors += kind != "killed"  # which no controller could have spared
                self.controller.failed(sent, now, kind)

    def _arrive(self, sent: Sent, now: float, size: float) -> None:
        server, net = self.server, self._net
        trouble = server.trouble(now)
        if trouble in {"503", "reset"}:
            self._push(now + net.uniform(0.01, 0.05), trouble, sent)
        elif trouble == "hang":
            self._push(now + LOST_S, "silent", sent)
        elif server.gives_up(now):
            self._push(now + server.queue_s, "504", sent)
        elif server.blocked_until(now, size) <= now and not server.is_unlucky():
            took = server.admit(now, size)
            self.result.admitted += 1
            self._served[sent] = None
            self.result.stretch.append(took / server.service_s)
            tokens = server.service_s * TOKENS_PER_S * exp(net.gauss(0, 0.3))
            self._push(now + took, "done", sent, tokens)
        else:
            told = server.retry_after(now, size)
            server.refuse(now, size)
            self._push(now + net.uniform(*server.refusal_s), server.refusal, sent, told)

    def _push(self, at: float, kind: str, sent: Sent | None, told: float | None = None) -> None:
        heapq.heappush(self._events, (at, next(self._serial), kind, sent, told))

    def _sample(self, at: float) -> None:
        view = self.controller.view()
        result = self.result
        result.done_by.append(result.finished if self.by_finished else result.admitted)
        result.sent_by.append((result.sends, result.refused + result.errors))
        result.course.append(
            (
                at,
                self.controller.in_flight,
                view.window,
                view.pace_rps,
                result.refused,
                view.decision,
            )
        )


def oracle(server: Server, until: float = SECONDS, *, by_finished: bool = False) -> list[int]:
    """Admitted (or finished) requests by second, when every chance to send is used at once."""
    now, counts, done, lost = 0.0, list[int](), list[float](), 0
    server.ends_at = until
    resets = deque(at for at, _, kind in server.outages if kind == "reset")
    sizes = server.sizes()
    size = next(sizes)
    while now < until:
        if resets and resets[0] <= now:
            resets.popleft()
            lost += len(done)
            server.in_flight, done = 0, []
        while done and done[0] <= now:
            heapq.heappop(done)
            server.in_flight -= 1
        while len(counts) * STEP_S <= now:
            counts.append(server.admitted - (lost + len(done)) * by_finished)
        outage = next((b for a, b, _ in server.outages if a <= now < b), None)
        again = outage or server.blocked_until(now, size)
        if again <= now and server.in_flight < server.slots:
            heapq.heappush(done, now + server.admit(now, size))
            size = next(sizes)
        else:
            look = max(again, now + 1e-3) if again > now else inf
            next_s = min(now + STEP_S, resets[0] if resets else inf)
            now = min(look, done[0] if done else inf, next_s)
    counts.append(server.admitted - (lost + len(done)) * by_finished)
    return counts


def measure(world: str, controller: str, seed: int, seconds: float = 0.0) -> dict[str, object]:
    """One world under one controller: shares over all its endpoints."""
    makes = WORLDS[world]
    seconds = seconds or makes.seconds
    finished = makes.by_finished
    best = [oracle(server, seconds, by_finished=finished) for server in makes(seed)]
    results = [
        Drive(s, CONTROLLERS[controller](), seed, by_finished=finished).run(seconds)
        for s in makes(seed)
    ]
    within = [sum(r.done_by[second] for r in results) for second in range(int(seconds) + 1)]
    could = [sum(b[second] for b in best) for second in range(int(seconds) + 1)]
    late, half = int(seconds // 5), int(seconds // 2)
    sends, broken = (sum(r.sent_by[half][n] for r in results) for n in (0, 1))
    all_sends, all_broken = (sum(r.sent_by[-1][n] for r in results) for n in (0, 1))
    return {
        "benchmark": "capacity_sim",
        "world": world,
        "controller": controller,
        "seed": seed,
        "delivered": round(within[-1] / could[-1], 4),
        "worst_endpoint": round(
            min(r.done_by[-1] / max(1, b[-1]) for r, b in zip(results, best, strict=True)), 3
        ),
        "refused": round(all_broken / all_sends, 4),
        "refused_late": round((all_broken - broken) / max(1, all_sends - sends), 4),
        "first_5_to_15_s": round((within[15] - within[5]) / max(1, could[15] - could[5]), 3),
        "after_60_s": round((within[-1] - within[late]) / max(1, could[-1] - could[late]), 4),
        "t90_s": _seconds_to_90(within, could),
        "stretch": round(median([s for r in results for s in r.stretch] or [1.0]), 2),
        "lost_falsely": sum(r.lost_falsely for r in results),
        "sends": all_sends,
    }


def _seconds_to_90(within: list[int], could: list[int]) -> int | None:
    """Until as much is admitted in one second as 90 % of the oracle's mean over the run."""
    enough = 0.9 * could[-1] / (len(could) - 1)
    seconds = range(1, len(within))
    return next((s for s in seconds if within[s] - within[s - 1] >= enough), None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a JSON line per world, controller and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--controllers", default=",".join(CONTROLLERS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--plain-seeds", type=int, default=2, help="for the plain controllers")
    parser.add_argument("--first-seed", type=int, default=100, help="none that was tuned on")
    given = parser.parse_args(arguments)
    for world in given.worlds.split(","):
        for controller in given.controllers.split(","):
            count = given.seeds if controller == "adaptive" else given.plain_seeds
            for seed in range(given.first_seed, given.first_seed + count):
                print(json.dumps(measure(world, controller, seed)), flush=True)


if __name__ == "__main__":
    main()
