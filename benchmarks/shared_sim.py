"""Several endpoints under one hidden limit of their key: what the real scheduler gets from it.

    python benchmarks/shared_sim.py                         all worlds × 5 seeds, JSON lines
    python benchmarks/shared_sim.py --worlds shared_cap --seeds 2

Four deployments at one key, each of a model of its own with more work than it can take. In
`shared_cap` the key takes 20 to 200 requests at once, in `shared_rate` 5 to 60 a second from a
bucket, and nobody says so. `shared_and_own` has such a cap, and one deployment a smaller one. In
`own` each has limits of its own; in `own_alike` equal ones, so that refusals come together. A key
that takes one request a second in all is `shared_slow`, four `shared_four`; in `own_slow` each of
fifty deployments takes one. Two share a bucket in `shared_by_two`, twenty a bucket or a cap in
`shared_by_twenty`. From `own_caps` on the eleven endpoints of that world of `worlds.py` hang on one
key, which has no limit: some refuse by chance, some fail, some let through more than they did.

Delivered = slot-seconds used over those that the cap allows, requests admitted over those that the
bucket lets through, or (`own…`) what an oracle gets from each. Refused = refusals and errors over
sends.
`fairness` is what the deployment that got least has of an equal share (in its best case 1).
`blamed` is how often the key was taken for the limit: in `own…` it never should be.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, inf, log
from pathlib import Path
from random import Random
from statistics import mean

sys.path.insert(0, str(Path(__file__).parent))
from capacity_sim import TICK_S, TOKENS_PER_S, oracle
from stormproof.control.adaptive import Adaptive
from stormproof.control.controller import Sent
from stormproof.control.shared_limit import Member
from stormproof.domain.calls import Request
from stormproof.domain.pool import Endpoint
from stormproof.pool import Ask
from stormproof.pool.endpoint import Lane
from stormproof.pool.jobs import ActiveJob, PendingRequest, Status
from stormproof.pool.scheduler import Scheduler
from worlds import RETRIES, SECONDS, Server
from worlds import WORLDS as ALONE

DEPLOYMENTS = 4
AHEAD = 300  # requests that wait at each endpoint


@dataclass
class World:
    """Servers, and the hidden limit above them, if there is one. `possible` is by it, in all."""

    servers: list[Server]
    shared: Server | None = None
    by_slots: bool = False


async def play(ask: Ask) -> None:
    """A job that the scheduler never starts: its requests are made here."""
    del ask


@dataclass
class Drive:
    """A discrete-event drive of all servers of a world by the scheduler."""

    world: World
    seed: int
    until: float = SECONDS
    sends: int = 0
    refused: int = 0
    slot_s: float = 0.0
    blamed: int = 0
    blames: Adaptive | None = None  # the key's controller, as it was last seen
    events: list[tuple[float, int, str, Lane | None, Sent | None, float]] = field(
        default_factory=list
    )

    def run(self) -> Drive:
        """Drive to the end."""
        self.net = Random(f"net/{self.seed}")
        self.serial = itertools.count()
        self.now = 0.0
        self.scheduler = Scheduler(
            [self._endpoint(n) for n in range(len(self.world.servers))], "adaptive"
        )
        for server in (*self.world.servers, *filter(None, [self.world.shared])):
            server.ends_at = self.until
        self._refill()
        self.scheduler.open_at(0.0)
        self._act()
        looks_at = 0.0
        self._push(0.0, "look")
        while self.events[0][0] < self.until:
            self.now, _, kind, lane, sent, more = heapq.heappop(self.events)
            if kind == "look":
                if self.now != looks_at:
                    continue
                looks_at = inf
                self.scheduler.wake(self.now)
                self._act()
            elif lane and sent:
                self._handle(kind, lane, sent, more)
            self._refill()
            if (wake := self.scheduler.next_wake()) < looks_at:
                looks_at = max(wake, self.now + TICK_S)
                self._push(looks_at, "look")
        return self

    def _endpoint(self, number: int) -> Endpoint:
        name = f"d{number}"
        return Endpoint(name, number, name, "p", "openai", "http://x", name, "env:K")

    def _refill(self) -> None:
        for model in self.scheduler.models.values():
            while len(model.common) < AHEAD:
                job = ActiveJob(play, model.lanes[0], pinned=False)
                job.status = Status.WAITING  # uncounted: each model has the same work left
                request = Request("t", 1, model.name, ())
                model.common.push(PendingRequest(job, request, self.now, 1.0), 1.0)

    def _act(self) -> None:
        """Send what was granted."""
        for pending in self.scheduler.decided:
            assert pending.flight  # noqa: S101  no endpoint ever stops
            self.sends += 1
            at = self.now + self.net.uniform(0.005, 0.02)
            self._push(at, "arrive", pending.flight.lane, pending.flight.sent)
        self.scheduler.decided.clear()

    def _handle(self, kind: str, lane: Lane, sent: Sent, more: float) -> None:
        now, server, shared = self.now, self.world.servers[lane.place], self.world.shared
        if kind == "arrive":
            self._arrive(lane, sent, server, shared)
            return
        if kind == "done":
            server.in_flight -= 1
            if shared:
                shared.in_flight -= 1
            self._push(now + self.net.uniform(0.005, 0.02), "heard", lane, sent, more)
            return
        if kind == "heard":
            lane.controller.answered(sent, now, 1.0, more)
        elif kind == "503":
            self.refused += 1
            lane.controller.failed(sent, now, kind)
        else:
            self.refused += 1
            lane.controller.refused(sent, now, None if more < 0 else more)
        lane.give_back(now, 0.0)
        self._look_at(lane)
        self.scheduler.freed(lane, now)
        self._act()

    def _look_at(self, lane: Lane) -> None:
        """Whether the key has come to be blamed, or anew."""
        assert isinstance(lane.controller, Member)  # noqa: S101  two endpoints or more at one key
        found = lane.controller.limit.learned
        self.blamed += found is not None and found is not self.blames
        self.blames = found

    def _arrive(self, lane: Lane, sent: Sent, server: Server, shared: Server | None) -> None:
        now = self.now
        limits = [x for x in (server, shared) if x]
        blocking = next((x for x in limits if x.blocked_until(now, 1.0) > now), None)
        if server.trouble(now):
            self._push(now + self.net.uniform(0.01, 0.05), "503", lane, sent)
        elif blocking is None and server.is_unlucky():
            self._push(now + self.net.uniform(*server.refusal_s), "refused", lane, sent, -1.0)
        elif blocking is None:
            took = server.admit(now, 1.0)
            if shared:
                shared.admit(now, 1.0)
            self.slot_s += min(took, self.until - now)
            tokens = server.service_s * TOKENS_PER_S * exp(self.net.gauss(0, 0.3))
            self._push(now + took, "done", lane, sent, tokens)
        else:
            told = blocking.retry_after(now, 1.0)
            at = now + self.net.uniform(*server.refusal_s)
            self._push(at, blocking.refusal, lane, sent, -1.0 if told is None else told)

    def _push(
        self, at: float, kind: str, lane: Lane | None = None, sent: Sent | None = None,
        more: float = 0.0,
    ) -> None:  # fmt: skip
        heapq.heappush(self.events, (at, next(self.serial), kind, lane, sent, more))


# --- worlds ------------------------------------------------------------------------------------


def _between(rng: Random, low: float, high: float) -> float:
    """Log-uniform."""
    return exp(rng.uniform(log(low), log(high)))


def _server(rng: Random, seed: int, name: str, **limits: float) -> Server:
    return Server(
        name=name, seed=seed, median_s=_between(rng, 1.0, 8.0), sigma=rng.uniform(0.5, 1.0),
        retry=rng.choice(RETRIES), **limits,  # type: ignore[arg-type]
    )  # fmt: skip


def _four(rng: Random, seed: int) -> list[Server]:
    return [_server(rng, seed, str(n)) for n in range(DEPLOYMENTS)]


def shared_cap(rng: Random, seed: int) -> World:
    """The key takes so many at once."""
    shared = _server(rng, seed, "key", cap=round(_between(rng, 20, 200)))
    return World(_four(rng, seed), shared, by_slots=True)


def shared_rate(rng: Random, seed: int) -> World:
    """The key takes so many a second."""
    rate, burst = _between(rng, 5, 60), _between(rng, 0.2, 20)
    return World(_four(rng, seed), _server(rng, seed, "key", rate=rate, burst_s=burst))


def shared_and_own(rng: Random, seed: int) -> World:
    """The key takes so many at once, and the first deployment a tenth of that."""
    world = shared_cap(rng, seed)
    assert world.shared  # noqa: S101  made above
    world.servers[0].cap = max(2, round(world.shared.cap / 10))
    return world


def own(rng: Random, seed: int) -> World:
    """A cap or a bucket for each."""
    limits = [
        {"cap": round(_between(rng, 3, 200))}
        if n % 2
        else {"rate": _between(rng, 2, 60), "burst_s": _between(rng, 0.2, 60)}
        for n in range(DEPLOYMENTS)
    ]
    return World([_server(rng, seed, str(n), **each) for n, each in enumerate(limits)])


def own_alike(rng: Random, seed: int) -> World:
    """The same cap or bucket for each, and the same times."""
    cap = {"cap": round(_between(rng, 5, 50))}
    bucket = {"rate": _between(rng, 2, 20), "burst_s": _between(rng, 0.2, 20)}
    median_s = _between(rng, 1, 8)
    world = World(
        [_server(rng, seed, str(n), **(cap if seed % 2 else bucket)) for n in range(DEPLOYMENTS)]
    )
    for server in world.servers:
        server.median_s, server.sigma = median_s, 0.7
    return world


def shared_slow(rng: Random, seed: int) -> World:
    """The key takes one request a second, one at a time, whatever the model: Mistral's free tier.

    help.mistral.ai/en/articles/225174-what-are-the-limits-of-the-free-tier
    """
    return World(_four(rng, seed), _server(rng, seed, "key", rate=1.0, burst_s=0.0))


def shared_four(rng: Random, seed: int) -> World:
    """The key takes four a second."""
    return World(_four(rng, seed), _server(rng, seed, "key", rate=4.0, burst_s=1.0))


def own_slow(rng: Random, seed: int) -> World:
    """Fifty deployments at one key take one request a second each."""
    return World([_server(rng, seed, str(n), rate=1.0, burst_s=0.0) for n in range(50)])


def shared_by_two(rng: Random, seed: int) -> World:
    """A bucket that two deployments share."""
    world = shared_rate(rng, seed)
    return World(world.servers[:2], world.shared)


def shared_by_twenty(rng: Random, seed: int) -> World:
    """A bucket or a cap that twenty deployments share."""
    world = (shared_rate, shared_cap)[seed % 2](rng, seed)
    world.servers = [_server(rng, seed, str(n)) for n in range(20)]
    return world


def _alone(name: str) -> Callable[[Random, int], World]:
    """The eleven endpoints of one of the worlds of `worlds.py`, all at one key."""

    def make(rng: Random, seed: int) -> World:
        del rng
        return World(ALONE[name](seed))

    make.__name__, make.__doc__ = f"own_{name}", ALONE[name].make.__doc__
    return make


WORLDS = {
    x.__name__: x
    for x in (shared_cap, shared_rate, shared_and_own, shared_slow, shared_four, shared_by_two,
              shared_by_twenty, own, own_alike, own_slow,
              *map(_alone, ("caps", "rate_buckets", "replicas", "outages", "caps_503",
                           "fixed_windows", "drop", "cold_start")))
}  # fmt: skip


def _world(name: str, seed: int) -> World:
    return WORLDS[name](Random(f"{name}/{seed}"), seed)


def measure(
    name: str, seed: int, seconds: float = SECONDS, network: int | None = None
) -> dict[str, object]:
    """One world to its end, the network drawn from the seed, or from a number of its own."""
    world = _world(name, seed)
    drive = Drive(world, seed if network is None else network, seconds).run()
    counts = [server.admitted for server in world.servers]
    shared = world.shared
    if shared is None:
        best = [oracle(server, seconds)[-1] for server in _world(name, seed).servers]
        delivered = sum(counts) / sum(best)
        fairness = min(c / b for c, b in zip(counts, best, strict=True)) / delivered
    else:
        if world.by_slots:
            delivered = drive.slot_s / (shared.cap * seconds)
        else:
            delivered = shared.admitted / (
                shared.rate * seconds + max(1.0, shared.rate * shared.burst_s)
            )
        fairness = min(counts) / mean(counts)
    return {
        "benchmark": "shared_sim",
        "world": name,
        "seed": seed,
        "delivered": round(delivered, 4),
        "refused": round(drive.refused / drive.sends, 4),
        "fairness": round(fairness, 2),
        "blamed": drive.blamed,
        "sends": drive.sends,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a JSON line per world and seed, then one with the means per world."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    given = parser.parse_args(arguments)
    for world in given.worlds.split(","):
        rows = [measure(world, given.first_seed + n) for n in range(given.seeds)]
        for row in rows:
            print(json.dumps(row), flush=True)
        means = {
            key: round(mean(float(str(row[key])) for row in rows), 4)
            for key in ("delivered", "refused", "fairness", "blamed")
        }
        print(
            json.dumps({"benchmark": "shared_sim", "world": world, "mean_of": given.seeds} | means)
        )


if __name__ == "__main__":
    main()
