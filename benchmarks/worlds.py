"""Worlds of endpoints with hidden limits, for the capacity benchmark: seeded, and sans I/O.

Each world is a list of `Server`s. A server admits or refuses as its limits say, and answers
after a heavy-tailed time. The k-th request that a server admits takes the same time whoever drives
it, and the sizes of requests come in the same order (a refused one comes again first), so that
controllers and the oracle are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import exp, inf, log
from random import Random
from typing import Literal

Retry = Literal["honest", "one", "sixty", "none"]
Trouble = Literal["503", "hang"]
ROUNDING = 1e-9  # of a request
SECONDS = 300.0  # simulated, per endpoint


@dataclass
class Server:
    """One endpoint as it truly is. Limits that are inf do not exist.

    `cap` is in flight at once; `rate` fills a bucket of `burst_s` seconds' worth, counted in
    requests or (`in_tokens`) in tokens; `window` is requests per fixed window of `window_s`.
    `scale(t)` multiplies all limits. A queueing server (`slots`) never refuses: it makes wait.
    """

    name: str
    seed: int
    median_s: float = 2.0
    sigma: float = 0.8
    cap: float = inf
    rate: float = inf
    burst_s: float = 1.0
    in_tokens: bool = False
    window: float = inf
    window_s: float = 1.0
    slots: float = inf
    retry: Retry = "none"
    refusal_s: tuple[float, float] = (0.02, 0.15)
    scale: Callable[[float], float] = lambda _t: 1.0
    outages: tuple[tuple[float, float, Trouble], ...] = ()

    ends_at: float = inf  # for the oracle: an allowance that outlasts the run counts in part
    service_s: float = 0.0  # of the request admitted last, without any waiting
    in_flight: int = 0
    admitted: int = 0
    _level: float = field(default=-1.0, init=False)
    _filled_at: float = field(default=0.0, init=False)
    _window_no: int = field(default=-1, init=False)
    _in_window: float = field(default=0.0, init=False)
    _busy_until: list[float] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._draws = Random(f"{self.seed}/{self.name}")
        self._phase = self._draws.uniform(0, self.window_s)
        self._level = self._depth

    @property
    def _depth(self) -> float:
        return max(1.0, self.rate * self.burst_s) if self.rate < inf else inf

    def trouble(self, now: float) -> Trouble | None:
        """What is broken now."""
        return next((kind for a, b, kind in self.outages if a <= now < b), None)

    def sizes(self) -> Iterator[float]:
        """Tokens of one request after the other, relative to the mean: a lognormal with mean 1."""
        rng = Random(f"{self.seed}/{self.name}/tokens")
        while True:
            yield exp(rng.gauss(-0.18, 0.6))

    def blocked_until(self, now: float, size: float) -> float:
        """`now` when a request arriving now is admitted, else when to look again (inf: unknown)."""
        self._refill(now)
        scale = self.scale(now)
        if self.in_flight >= max(1.0, self.cap * scale):
            return inf
        part = min(1.0, (self.ends_at + self._phase) / self.window_s - self._window_no)
        if self._in_window + 1 > max(1.0, self.window * scale * part):
            return (self._window_no + 1) * self.window_s - self._phase
        cost = size if self.in_tokens else 1.0
        missing = min(cost, self._depth) - self._level
        if self.rate < inf and missing > ROUNDING:
            return now + missing / (self.rate * scale)
        return now

    def admit(self, now: float, size: float) -> float:
        """Admit a request; how long its answer takes."""
        self.in_flight += 1
        self.admitted += 1
        self._in_window += 1
        self._level -= size if self.in_tokens else 1.0
        took = self.service_s = min(
            60.0, max(0.5, self.median_s * exp(self._draws.gauss(0, self.sigma)))
        )
        if self.slots == inf:
            return took
        self._busy_until = [t for t in self._busy_until if t > now]
        starts = now
        if len(self._busy_until) >= self.slots:
            starts = sorted(self._busy_until)[-int(self.slots)]
        self._busy_until.append(starts + took)
        return starts + took - now

    def retry_after(self, now: float, size: float) -> float | None:
        """What a refusal says."""
        until = self.blocked_until(now, size)
        honest = None if until == inf else until - now
        return {"honest": honest, "one": 1.0, "sixty": 60.0, "none": None}[self.retry]

    def _refill(self, now: float) -> None:
        if self.rate < inf:
            gained = (now - self._filled_at) * self.rate * self.scale(now)
            self._level = min(self._depth, self._level + gained)
        self._filled_at = now
        number = int((now + self._phase) // self.window_s)
        if number != self._window_no:
            self._window_no, self._in_window = number, 0.0


World = Callable[[int], list[Server]]
WORLDS: dict[str, World] = {}
RETRIES: tuple[Retry, ...] = ("honest", "one", "sixty", "none")


def _world(make: Callable[[Random, int, int], Server]) -> World:
    """Register eleven endpoints drawn by `make(rng, seed, number)` under the function's name."""

    def servers(seed: int) -> list[Server]:
        rng = Random(f"{make.__name__}/{seed}")
        return [make(rng, seed, number) for number in range(11)]

    WORLDS[make.__name__] = servers
    return servers


def _between(rng: Random, low: float, high: float) -> float:
    """Log-uniform."""
    return exp(rng.uniform(log(low), log(high)))


def _plain(rng: Random, seed: int, number: int) -> Server:
    return Server(
        name=str(number),
        seed=seed,
        median_s=_between(rng, 1.0, 8.0),
        sigma=rng.uniform(0.5, 1.0),
        retry=rng.choice(RETRIES),
    )


@_world
def caps(rng: Random, seed: int, number: int) -> Server:
    """Requests in flight: 3 to 200."""
    server = _plain(rng, seed, number)
    server.cap = round(_between(rng, 3, 200))
    return server


@_world
def rate_buckets(rng: Random, seed: int, number: int) -> Server:
    """Requests per second: 2 to 60, bursts of 0.2 to 60 s."""
    return _bucket(rng, seed, number)


def _bucket(rng: Random, seed: int, number: int, *, in_tokens: bool = False) -> Server:
    plain = _plain(rng, seed, number)
    low = 2.0 if in_tokens else 0.2
    return Server(
        name=plain.name,
        seed=seed,
        median_s=plain.median_s,
        sigma=plain.sigma,
        retry=plain.retry,
        rate=_between(rng, 2, 60),
        burst_s=_between(rng, low, 60),
        in_tokens=in_tokens,
    )


@_world
def token_buckets(rng: Random, seed: int, number: int) -> Server:
    """Tokens per minute; requests differ in size by a lognormal with sigma 0.6."""
    return _bucket(rng, seed, number, in_tokens=True)


@_world
def fixed_windows(rng: Random, seed: int, number: int) -> Server:
    """Requests per fixed window of 1, 10 or 60 s."""
    plain = _plain(rng, seed, number)
    window_s = (1.0, 10.0, 60.0)[number % 3]
    return Server(
        name=plain.name,
        seed=seed,
        median_s=plain.median_s,
        sigma=plain.sigma,
        retry=plain.retry,
        window=max(1, round(_between(rng, 2, 60) * window_s)),
        window_s=window_s,
    )


def _either(rng: Random, seed: int, number: int) -> Server:
    return (caps_server if number % 2 else _bucket)(rng, seed, number)


def caps_server(rng: Random, seed: int, number: int) -> Server:
    """An endpoint of the first world."""
    server = _plain(rng, seed, number)
    server.cap = round(_between(rng, 3, 200))
    return server


@_world
def drop(rng: Random, seed: int, number: int) -> Server:
    """Caps and buckets that fall to 30 % for the middle third."""
    server = _either(rng, seed, number)
    server.scale = lambda t: 0.3 if SECONDS / 3 <= t < 2 * SECONDS / 3 else 1.0
    return server


@_world
def outages(rng: Random, seed: int, number: int) -> Server:
    """Caps and buckets; each breaks for a minute: 503, or silence."""
    server = _either(rng, seed, number)
    start = rng.uniform(20, SECONDS - 90)
    server.outages = ((start, start + 60, "hang" if number % 4 == 0 else "503"),)
    return server


@_world
def liars(rng: Random, seed: int, number: int) -> Server:
    """Invented: a cap and a bucket that bind at nearly the same load, slow refusals, lies."""
    server = _bucket(rng, seed, number)
    mean_s = server.median_s * exp(server.sigma**2 / 2)
    server.cap = max(2, round(server.rate * mean_s * rng.uniform(0.8, 1.25)))
    server.retry = rng.choice(("one", "sixty"))
    server.refusal_s = (0.3, 0.9)
    return server


@_world
def sawtooth(rng: Random, seed: int, number: int) -> Server:
    """Invented: limits that halve and return every 25 s, each endpoint in its own phase."""
    server = _either(rng, seed, number)
    half = 25.0
    phase = rng.uniform(0, 2 * half)
    server.scale = lambda t: 1.0 if (t + phase) % (2 * half) < half else 0.5
    return server


@_world
def queues(rng: Random, seed: int, number: int) -> Server:
    """Invented: self-hosted servers of 4 to 64 slots that never refuse and make wait instead."""
    server = _plain(rng, seed, number)
    server.slots = round(_between(rng, 4, 64))
    return server


def names() -> Iterator[str]:
    """All worlds, in order."""
    return iter(WORLDS)
