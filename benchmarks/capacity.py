"""Share of true capacity delivered on real HTTP: the six worlds of worlds.py in scaled-down time.

    python benchmarks/capacity.py                         six worlds × three controllers
    python benchmarks/capacity.py --worlds caps --seeds 3 --controllers adaptive
    python benchmarks/capacity.py --seconds 300           the worlds as they are in the model

The real dispatcher and transport drive an emulator of its own process with work without end.
A run of 30 s has a tenth of all times of a world (but a quarter of latencies and caps, lighter
tails, windows of at least 1 s and bursts of at least 0.2 s); the controllers' own time constants
are as they always are, so a short run has less time to learn in. `delivered` is the share of what
an oracle gets from the first instant on, `after_6s` of what could be had from the sixth second on.
`simulated` is the same world in the discrete-event model, for as long. Requests in flight of an
endpoint with a cap are sampled at the server, other endpoints' admissions counted there. `late_s`
is how late this process's timers were (95th percentile): a busy machine shows here first.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf
from random import Random

import uvloop

import capacity_sim
from live import Ground, Stats, Work, drive_for, ground, say
from plain_controllers import Aimd, Workers
from stormproof.control.controller import Controller
from stormproof.emulator import Change, Latency, Outage, Rule
from stormproof.pool import Dispatcher
from stormproof.pool.bounds import Bounds
from worlds import SECONDS, WORLDS, Server

SIX = ("caps", "rate_buckets", "token_buckets", "fixed_windows", "drop", "outages")
SMALL = ("tiny_caps", "one_a_second", "sixty_a_minute")  # that the emulator can play as well
RUN_S = 30.0
WARM_S = 6.0
LEAST, LEAST_TAIL = 0.25, 0.6  # of latencies and caps, and of latencies' spread
TOKENS = 300.0  # of the mean request, where a limit counts them
LEAST_BURST_S = 0.2
LEAST_CAP = 2.0  # of those that are shrunk
LEAST_LOST_S = 8.0
RETRY_AFTER = {"honest": "right", "one": "1", "sixty": "60", "none": "absent"}
YARDSTICKS: dict[str, Callable[[], Controller] | None] = {
    "adaptive": None,
    "aimd": Aimd,
    "workers_50": lambda: Workers(50),
}


@dataclass(frozen=True)
class Scale:
    """How a run of so many seconds shrinks a world that is made for 300."""

    seconds: float

    @property
    def time(self) -> float:
        """Of all times but latencies."""
        return self.seconds / SECONDS

    @property
    def load(self) -> float:
        """Of latencies and caps."""
        return max(LEAST, self.time)

    @property
    def lost_s(self) -> float:
        """A request silent for so long is given up."""
        return max(LEAST_LOST_S, capacity_sim.LOST_S * self.load)

    def servers(self, world: str, seed: int) -> list[Server]:
        """The world's endpoints."""
        return [self._shrunk(server) for server in WORLDS[world](seed)]

    def _shrunk(self, server: Server) -> Server:
        rate, window_s = server.window / server.window_s, max(1.0, server.window_s * self.time)
        factor, time = server.scale, self.time
        return replace(
            server,
            median_s=server.median_s * self.load,
            sigma=server.sigma * max(LEAST_TAIL, time),
            cap=max(LEAST_CAP, round(server.cap * self.load))
            if LEAST_CAP < server.cap < inf
            else server.cap,
            burst_s=max(LEAST_BURST_S, server.burst_s * time),
            window=max(1.0, round(rate * window_s)) if server.window < inf else inf,
            window_s=window_s,
            scale=lambda t: factor(t / time),
            outages=tuple((a * time, b * time, kind) for a, b, kind in server.outages),
        )


def rule(server: Server, seconds: float) -> Rule:
    """The endpoint as the emulator plays it."""
    rate = server.rate if server.rate < inf else server.window / server.window_s
    rate = rate if rate < inf else 0.0
    times = [at / 10 for at in range(int(seconds * 10))]
    factors = [(at, server.scale(at)) for at in times]
    return Rule(
        match=server.name,
        max_workers=int(server.cap) if server.cap < inf else 0,
        qps=0.0 if server.in_tokens else rate,
        tpm=rate * 60 * TOKENS if server.in_tokens else 0.0,
        burst_s=max(server.burst_s, 1 / rate if rate else 0.0),
        window_s=server.window_s if server.window < inf else 0.0,
        retry_after=RETRY_AFTER[server.retry],
        rate_headers=False,
        latency=Latency(server.median_s, 0.0, server.sigma, sum(server.refusal_s) / 2),
        outages=tuple(Outage(a, b, kind) for a, b, kind in server.outages),
        changes=tuple(
            Change(at, new) for (_, old), (at, new) in itertools.pairwise(factors) if new != old
        ),
    )


@dataclass
class Watched:
    """One endpoint's truth beside what was got from it; both in requests, by time."""

    server: Server
    occupied_s: float = 0.0  # slots × seconds, for a cap
    at: float = 0.0
    got: float = 0.0

    @property
    def mean_s(self) -> float:
        """Of a latency."""
        return self.server.median_s * exp(self.server.sigma**2 / 2)

    def see(self, tally: Stats, now: float) -> None:
        """Take the emulator's tally at `now` seconds of its clock."""
        server = self.server
        if server.cap < inf:
            room = 0.0 if server.trouble(now) else server.cap * server.scale(now)
            self.occupied_s += min(tally["in_flight"], max(1.0, room)) * (now - self.at)
            self.got = self.occupied_s / self.mean_s
        else:
            tokens = (tally["prompt_tokens"] + tally["completion_tokens"]) / TOKENS
            mean = tokens / max(1, tally["answered"])
            self.got = tally["accepted"] * (mean if server.in_tokens else 1)
        self.at = now

    def offered(self, until: float) -> float:
        """What an oracle would have got."""
        server = self.server
        steps = [until * (n + 0.5) / 3000 for n in range(3000)]
        live_s = sum(server.scale(at) for at in steps if not server.trouble(at)) * until / 3000
        if server.cap < inf:
            return server.cap * live_s / self.mean_s
        if server.rate < inf:
            refilled_s = sum(min(b - a, server.burst_s) for a, b, _ in server.outages if b <= until)
            return server.rate * (live_s + refilled_s) + max(1.0, server.rate * server.burst_s)
        return server.window * until / server.window_s

    def offered_after(self, since: float, got: float, until: float) -> float:
        """What could be had from `since` on, when `got` had been got until then."""
        flowed = self.offered(until) - self.offered(since)
        if self.server.rate == inf:
            return flowed
        saved = min(self.server.rate * self.server.burst_s, self.offered(since) - got)
        return flowed + max(0.0, saved)


@dataclass
class Run:
    """A world under way, watched at the server."""

    place: Ground
    watched: list[Watched]
    early: list[float] = field(default_factory=list)
    early_s: float = 0.0
    stats: Stats = field(default_factory=dict)

    async def look(self) -> None:
        """Sample."""
        self.stats = await self.place.stats()
        now = self.stats["now_s"]
        for watched in self.watched:
            watched.see(self.stats["endpoints"][watched.server.name], now)
        if not self.early and now >= WARM_S:
            self.early, self.early_s = [w.got for w in self.watched], now

    def figures(self) -> dict[str, float]:
        """Shares over all endpoints."""
        now = self.stats["now_s"]
        tallies = self.stats["endpoints"].values()
        best = [w.offered(now) for w in self.watched]
        later = [
            w.offered_after(self.early_s, got, now)
            for w, got in zip(self.watched, self.early, strict=True)
        ]
        shares = [w.got / b for w, b in zip(self.watched, best, strict=True)]
        refused = sum(sum(t["refused"].values()) for t in tallies)
        sends = refused + sum(t["accepted"] + sum(t["faults"].values()) for t in tallies)
        got = sum(w.got for w in self.watched)
        return {
            "delivered": got / sum(best),
            "after_6s": (got - sum(self.early)) / sum(later),
            "worst_endpoint": min(shares),
            "refused": refused / sends,
            "sends_per_s": sends / now,
        }


async def live(world: str, controller: str, seed: int, scale: Scale) -> dict[str, float]:
    """One run on real HTTP."""
    servers = scale.servers(world, seed)
    sizes = Random(seed)

    def prompt() -> str:
        return "x" * max(4, int(4 * TOKENS * exp(sizes.gauss(-0.18, 0.6))) - 200)

    async with ground([rule(server, scale.seconds) for server in servers], seed) as place:
        run = Run(place, [Watched(server) for server in servers])
        async with place.transport() as transport:
            bounds = Bounds(request_timeout_s=scale.lost_s, backoff_s=0.05, tries=50)
            dispatcher = Dispatcher(place.endpoints, transport, bounds=bounds, rng_seed=seed)
            replace_controllers(dispatcher, controller)
            in_tokens = servers[0].in_tokens
            work = Work(prompt=prompt) if in_tokens else Work()
            late_s = await drive_for(scale.seconds, dispatcher, work, run.look)
        return run.figures() | {"late_s": late_s}


def replace_controllers(dispatcher: Dispatcher, name: str) -> None:
    """Put a yardstick in the place of every endpoint's controller."""
    make = YARDSTICKS[name]
    if make is not None:
        for lane in dispatcher._scheduler.lanes:  # noqa: SLF001  users cannot choose these
            lane.controller = make()


def simulated(world: str, controller: str, seed: int, scale: Scale) -> dict[str, float]:
    """The same world in the discrete-event model."""
    make = YARDSTICKS[controller] or capacity_sim.CONTROLLERS["adaptive"]
    lost_s, capacity_sim.LOST_S = capacity_sim.LOST_S, scale.lost_s
    drives = [
        capacity_sim.Drive(server, make(), seed).run(scale.seconds)
        for server in scale.servers(world, seed)
    ]
    capacity_sim.LOST_S = lost_s
    best = [capacity_sim.oracle(s, scale.seconds)[-1] for s in scale.servers(world, seed)]
    sends = sum(drive.sends for drive in drives)
    return {
        "delivered": sum(drive.admitted for drive in drives) / sum(best),
        "refused": sum(drive.refused for drive in drives) / sends,
    }


def measure(world: str, controller: str, seed: int, scale: Scale) -> None:
    """Print a line of a run and of the model beside it."""
    model = simulated(world, controller, seed, scale)
    run = uvloop.run(live(world, controller, seed, scale)) | {
        "simulated": model["delivered"],
        "simulated_refused": model["refused"],
    }
    shown = {name: round(value, 4) for name, value in run.items()}
    what = {"world": world, "controller": controller, "seconds": scale.seconds}
    say("capacity", **what, seed=seed, **shown)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", default=",".join(SIX))
    parser.add_argument("--controllers", default=",".join(YARDSTICKS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=RUN_S)
    given = parser.parse_args(arguments)
    for world in given.worlds.split(","):
        for controller in given.controllers.split(","):
            for seed in range(given.first_seed, given.first_seed + given.seeds):
                measure(world, controller, seed, Scale(given.seconds))


if __name__ == "__main__":
    main()
