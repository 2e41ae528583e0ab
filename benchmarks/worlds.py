"""Worlds of endpoints with hidden limits, for the capacity benchmark: seeded, and sans I/O.

Each world is a list of `Server`s. A server admits or refuses as its limits say, and answers
after a heavy-tailed time. The k-th request that a server admits takes the same time whoever drives
it, and the sizes of requests come in the same order (a refused one comes again first), so that
controllers and the oracle are compared on the same draws.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from math import ceil, exp, inf, log
from random import Random
from typing import Literal

Retry = Literal["honest", "one", "sixty", "none"]
Trouble = Literal["503", "hang", "reset"]
ROUNDING = 1e-9  # of a request
SECONDS = 300.0  # simulated, per endpoint
GROWTH_S = 60.0  # over which a limit on growth takes the mean
GROWTH_FLOOR = 2.0  # requests/s that it always lets through


@dataclass
class Server:
    """One endpoint as it truly is. Limits that are inf do not exist.

    `cap` is in flight at once; `rate` fills a bucket of `burst_s` seconds' worth, counted in
    requests or (`in_tokens`) in tokens, continuously or once in `lump_s`; `window` is requests per
    fixed window of `window_s`, or (`sliding`) per any such stretch. The last second may not exceed
    `growth` times the mean. A refusal is a 429 or a 503, and may count as a request
    (`counts_refused`). `scale(t)` multiplies all limits. A queueing server (`slots`) never
    refuses: it makes wait, or fails what has waited for `queue_s`; with `slows_at` in flight,
    answers take twice as long as alone. A share of `dice` is refused whatever the load.
    """

    name: str
    seed: int
    median_s: float = 2.0
    sigma: float = 0.8
    cap: float = inf
    rate: float = inf
    burst_s: float = 1.0
    in_tokens: bool = False
    lump_s: float = 0.0
    window: float = inf
    window_s: float = 1.0
    sliding: bool = False
    growth: float = inf
    counts_refused: bool = False
    refusal: str = "refused"
    slots: float = inf
    slows_at: float = inf
    queue_s: float = inf
    dice: float = 0.0
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
    _recent: deque[float] = field(default_factory=deque, init=False)  # when requests counted

    def __post_init__(self) -> None:
        self._draws = Random(f"{self.seed}/{self.name}")
        self._luck = Random(f"{self.seed}/{self.name}/luck")
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
        if (again := self._recently_too_many(now, scale)) > now:
            return again
        part = min(1.0, (self.ends_at + self._phase) / self.window_s - self._window_no)
        if not self.sliding and self._in_window + 1 > max(1.0, self.window * scale * part):
            return (self._window_no + 1) * self.window_s - self._phase
        cost = size if self.in_tokens else 1.0
        missing = min(cost, self._depth) - self._level
        if self.rate < inf and missing > ROUNDING:
            at = self._filled_at + missing / (self.rate * scale)
            return max(now + ROUNDING, ceil(at / self.lump_s) * self.lump_s if self.lump_s else at)
        return now

    def admit(self, now: float, size: float) -> float:
        """Admit a request; how long its answer takes."""
        self.in_flight += 1
        self.admitted += 1
        self._count(now, size)
        took = self.service_s = min(
            60.0, max(0.5, self.median_s * exp(self._draws.gauss(0, self.sigma)))
        )
        took *= 1 + min(self.in_flight, self.slots) / self.slows_at
        if self.slots == inf:
            return took
        self._busy_until = [t for t in self._busy_until if t > now]
        starts = now
        if len(self._busy_until) >= self.slots:
            starts = sorted(self._busy_until)[-int(self.slots)]
        self._busy_until.append(starts + took)
        return starts + took - now

    def is_unlucky(self) -> bool:
        """Whether this request is refused for no reason of ours."""
        return self.dice > 0 and self._luck.random() < self.dice

    def gives_up(self, now: float) -> bool:
        """Whether a request that arrives now would wait for too long."""
        if self.queue_s == inf:
            return False
        busy = sorted(t for t in self._busy_until if t > now)
        return len(busy) >= self.slots and busy[-int(self.slots)] - now > self.queue_s

    def refuse(self, now: float, size: float) -> None:
        """A refusal was sent."""
        if self.counts_refused:
            self._count(now, size)
            self._level = max(self._level, -self._depth)

    def retry_after(self, now: float, size: float) -> float | None:
        """What a refusal says."""
        until = self.blocked_until(now, size)
        honest = None if until == inf else until - now
        return {"honest": honest, "one": 1.0, "sixty": 60.0, "none": None}[self.retry]

    def _count(self, now: float, size: float) -> None:
        self._in_window += 1
        self._level -= size if self.in_tokens else 1.0
        if self.sliding or self.growth < inf:
            self._recent.append(now)

    def _recently_too_many(self, now: float, scale: float) -> float:
        """When a request may come, as far as those of the last seconds say."""
        recent, span = self._recent, self.window_s if self.sliding else GROWTH_S
        while recent and recent[0] <= now - span:
            recent.popleft()
        if self.sliding and len(recent) + 1 > self.window * scale:
            return recent[0] + span + ROUNDING
        if self.growth < inf:
            allowed = max(GROWTH_FLOOR, self.growth * len(recent) / GROWTH_S)
            last = len(recent) - bisect_right(recent, now - 1.0)
            if last + 1 > allowed:
                return recent[-last] + 1.0 + ROUNDING
        return now

    def _refill(self, now: float) -> None:
        until = now - now % self.lump_s if self.lump_s else now
        if self.rate < inf and until > self._filled_at:
            gained = (until - self._filled_at) * self.rate * self.scale(now)
            self._level = min(self._depth, self._level + gained)
        self._filled_at = max(self._filled_at, until)
        number = int((now + self._phase) // self.window_s)
        if number != self._window_no:
            self._window_no, self._in_window = number, 0.0


Make = Callable[[Random, int, int], Server]


@dataclass(frozen=True)
class World:
    """`count` endpoints drawn by `make(rng, seed, number)`, each driven for `seconds`.

    Where `by_finished`, what counts is answers; elsewhere, requests that were admitted.
    """

    make: Make
    count: int
    seconds: float
    by_finished: bool

    def __call__(self, seed: int) -> list[Server]:
        """The endpoints, as they are before the first request."""
        rng = Random(f"{self.make.__name__}/{seed}")
        return [self.make(rng, seed, number) for number in range(self.count)]


WORLDS: dict[str, World] = {}
RETRIES: tuple[Retry, ...] = ("honest", "one", "sixty", "none")


def _world(
    *, count: int = 11, seconds: float = SECONDS, by_finished: bool = False
) -> Callable[[Make], Make]:
    """Register a world under its function's name."""

    def register(make: Make) -> Make:
        WORLDS[make.__name__] = World(make, count, seconds, by_finished)
        return make

    return register


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


@_world()
def caps(rng: Random, seed: int, number: int) -> Server:
    """Requests in flight: 3 to 200."""
    server = _plain(rng, seed, number)
    server.cap = round(_between(rng, 3, 200))
    return server


@_world()
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


@_world()
def token_buckets(rng: Random, seed: int, number: int) -> Server:
    """Tokens per minute; requests differ in size by a lognormal with sigma 0.6."""
    return _bucket(rng, seed, number, in_tokens=True)


@_world()
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


@_world()
def drop(rng: Random, seed: int, number: int) -> Server:
    """Caps and buckets that fall to 30 % for the middle third."""
    server = _either(rng, seed, number)
    server.scale = lambda t: 0.3 if SECONDS / 3 <= t < 2 * SECONDS / 3 else 1.0
    return server


@_world()
def outages(rng: Random, seed: int, number: int) -> Server:
    """Caps and buckets; each breaks for a minute: 503, or silence."""
    server = _either(rng, seed, number)
    start = rng.uniform(20, SECONDS - 90)
    server.outages = ((start, start + 60, "hang" if number % 4 == 0 else "503"),)
    return server


@_world()
def liars(rng: Random, seed: int, number: int) -> Server:
    """Invented: a cap and a bucket that bind at nearly the same load, slow refusals, lies."""
    server = _bucket(rng, seed, number)
    mean_s = server.median_s * exp(server.sigma**2 / 2)
    server.cap = max(2, round(server.rate * mean_s * rng.uniform(0.8, 1.25)))
    server.retry = rng.choice(("one", "sixty"))
    server.refusal_s = (0.3, 0.9)
    return server


@_world()
def sawtooth(rng: Random, seed: int, number: int) -> Server:
    """Invented: limits that halve and return every 25 s, each endpoint in its own phase."""
    server = _either(rng, seed, number)
    half = 25.0
    phase = rng.uniform(0, 2 * half)
    server.scale = lambda t: 1.0 if (t + phase) % (2 * half) < half else 0.5
    return server


@_world(by_finished=True)
def queues(rng: Random, seed: int, number: int) -> Server:
    """Invented: self-hosted servers of 4 to 64 slots that never refuse and make wait instead."""
    server = _plain(rng, seed, number)
    server.slots = round(_between(rng, 4, 64))
    return server


# --- met in the wild: each names where --------------------------------------------------------


@_world()
def other_buckets(rng: Random, seed: int, number: int) -> Server:
    """Buckets of another make: refilled once a second, a window that slides, a burst of one.

    Azure counts in stretches of 1 and 10 s (github.com/MicrosoftDocs/azure-docs/issues/110096),
    others in a window that slides (github.com/BerriAI/litellm/issues/3065), and a leaky bucket
    (nginx.org/r/limit_req) has no burst unless it is given one.
    """
    server = _plain(rng, seed, number)
    rate = _between(rng, 2, 60)
    match number % 3:
        case 0:
            server.rate, server.burst_s, server.lump_s = rate, _between(rng, 1, 20), 1.0
        case 1:
            server.window_s = (1.0, 10.0, 60.0)[number // 3 % 3]
            server.window, server.sliding = max(1, round(rate * server.window_s)), True
        case _:
            server.rate, server.burst_s = _between(rng, 2, 20), 0.0
    return replace(server)  # with a full bucket


@_world(count=60, seconds=120)
def sixty_endpoints(rng: Random, seed: int, number: int) -> Server:
    """Many keys of small accounts: caps of 1 to 20, or 0.2 to 5 a second.

    What gateways with key pools run: github.com/BerriAI/litellm, docs.litellm.ai/docs/routing.
    """
    server = _plain(rng, seed, number)
    if number % 2:
        server.cap = round(_between(rng, 1, 20))
    else:
        server.rate, server.burst_s = _between(rng, 0.2, 5), _between(rng, 1, 30)
    return replace(server)  # with a full bucket


def _slow(rng: Random, seed: int, number: int, rate: float, burst_s: float) -> Server:
    plain = _plain(rng, seed, number)
    plain.rate, plain.burst_s = rate, burst_s
    return replace(plain)  # with a full bucket


@_world()
def one_a_second(rng: Random, seed: int, number: int) -> Server:
    """1 request a second, one at a time.

    Mistral's free tier: help.mistral.ai/en/articles/225174-what-are-the-limits-of-the-free-tier.
    """
    return _slow(rng, seed, number, 1.0, 0.0)


@_world()
def two_a_second(rng: Random, seed: int, number: int) -> Server:
    """2 requests a second, one at a time."""
    return _slow(rng, seed, number, 2.0, 0.0)


@_world()
def sixty_a_minute(rng: Random, seed: int, number: int) -> Server:
    """60 requests a minute, all at once if need be: OpenAI's first 48 hours, and its like."""
    return _slow(rng, seed, number, 1.0, 60.0)


@_world(seconds=3600)
def three_a_minute(rng: Random, seed: int, number: int) -> Server:
    """3 requests a minute. OpenAI's trial says honestly when; Kimi's first tier says "1 s".

    platform.openai.com/docs/guides/rate-limits, github.com/LLM-Red-Team/kimi-cc/issues/16.
    """
    server = _slow(rng, seed, number, 0.05, 60.0 if number % 2 else 0.0)
    server.retry = "one" if (number + 1) % 4 == 0 else "honest"
    return server


@_world()
def tiny_caps(rng: Random, seed: int, number: int) -> Server:
    """1, 2 or 3 requests in flight: GLM's coding plan (github.com/zai-org/GLM-4/issues/802)."""
    server = _plain(rng, seed, number)
    server.cap = 1 + number % 3
    return server


@_world()
def growth(rng: Random, seed: int, number: int) -> Server:
    """A second may hold no more than twice the mean of the last minute, and a bucket above it.

    Alibaba's "Request rate increased too quickly": github.com/QwenLM/Qwen/issues/2069. By how much
    it may increase is nowhere said.
    """
    server = _slow(rng, seed, number, _between(rng, 10, 40), 2.0)
    server.growth = 2.0
    return server


@_world()
def caps_503(rng: Random, seed: int, number: int) -> Server:
    """Caps whose refusal is a 503: nginx.org/r/limit_conn, whose limit_conn_status is 503."""
    server = caps(rng, seed, number)
    server.refusal = "503"
    return server


@_world(by_finished=True)
def blips(rng: Random, seed: int, number: int) -> Server:
    """Every 25 s a restart of 1.5 s ends all that is in flight.

    Rolling updates: github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1065.
    """
    server = _either(rng, seed, number)
    phase = rng.uniform(5, 25)
    starts = [phase + 25 * n for n in range(int(SECONDS / 25))]
    server.outages = tuple((at, at + 1.5, "reset") for at in starts)
    return server


@_world(by_finished=True)
def no_knee(rng: Random, seed: int, number: int) -> Server:
    """An engine that batches what it has: up to 256 at once, each the slower, then a queue.

    vLLM's max_num_seqs: docs.vultr.com/inference-cookbook/cuda/optimization/concurrency-tuning has
    such curves measured.
    """
    server = _plain(rng, seed, number)
    server.slots, server.slows_at = 256, _between(rng, 20, 200)
    return server


@_world()
def refusals_count(rng: Random, seed: int, number: int) -> Server:
    """Buckets and sliding minutes from which a refused request takes its part too.

    "Unsuccessful requests contribute to your per-minute limit":
    cookbook.openai.com/examples/how_to_handle_rate_limits.
    """
    server = _plain(rng, seed, number)
    rate = _between(rng, 1, 20)
    if number % 2:
        server.rate, server.burst_s = rate, _between(rng, 5, 30)
    else:
        server.window_s = (10.0, 60.0)[number // 2 % 2]
        server.window, server.sliding = round(rate * server.window_s), True
    server.counts_refused = True
    return replace(server)  # with a full bucket


@_world()
def replicas(rng: Random, seed: int, number: int) -> Server:
    """Replicas behind one address, of which one in ten to one in three refuses whatever comes."""
    server = _either(rng, seed, number)
    server.dice = rng.uniform(0.1, 0.33)
    return server


# --- on which nothing was ever tuned ----------------------------------------------------------


@_world()
def neighbour(rng: Random, seed: int, number: int) -> Server:
    """Somebody else takes up to two thirds of the limit, another part every 5 to 20 s."""
    server = _either(rng, seed, number)
    steps = [0.0]
    while steps[-1] < SECONDS:
        steps.append(steps[-1] + rng.uniform(5, 20))
    left = [rng.uniform(0.33, 1.0) for _ in steps]
    server.scale = lambda t: left[bisect_right(steps, t) - 1]
    return server


@_world(by_finished=True)
def gateway(rng: Random, seed: int, number: int) -> Server:
    """A gateway that queues, and answers 504 to what has waited for 10 s."""
    server = queues(rng, seed, number)
    server.queue_s = 10.0
    return server


@_world()
def day_quota(rng: Random, seed: int, number: int) -> Server:
    """A bucket, and no more than so many in a day: used up in the midst of the run."""
    server = _bucket(rng, seed, number)
    server.window_s, server.sliding = 86400.0, True
    server.window = round(server.rate * SECONDS * rng.uniform(0.4, 0.8))
    return server


@_world()
def cold_start(rng: Random, seed: int, number: int) -> Server:
    """Nothing answers for the first 20 to 60 s: a model that is loaded when first asked for."""
    server = _either(rng, seed, number)
    server.outages = ((0.0, rng.uniform(20, 60), "hang" if number % 2 else "503"),)
    return server
