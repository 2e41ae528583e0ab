"""What more endpoints bring, on real HTTP: speed-up from 1 to 3 to 9, and an unequal pool.

    python benchmarks/scaling.py [--repeats 3]

A fixed amount of work per endpoint's capacity is run to the end, so that each size of pool is
busy for about as long. `speed_up` is the rate of answers over that of one endpoint in the same
repeat. In the unequal pool of 60, 30 and 10 requests/s (a burst of one second each), the lower
bound of the makespan is the time in which perfect endpoints would have let all requests in, and
answered the last; `even` gives each endpoint a third of the work beforehand.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import uvloop

from live import Work, ground, median, say
from stormproof.domain.pool import Sharding
from stormproof.emulator import Latency, Rule
from stormproof.pool import Dispatcher

SIZES = (1, 3, 9)
TARGETS = {3: 2.94, 9: 8.6}
CAP, LATENCY_S = 10, 0.5  # of each equal endpoint: 20 requests/s
EACH_S = 15.0  # of work at full capacity
UNEQUAL = (60.0, 30.0, 10.0)
BURST_S = 1.0
UNEQUAL_S = 12.0
QUICK = Latency(first_token_s=0.2, token_s=0.0, sigma=0.0, refusal_s=0.05)
STEADY = Latency(first_token_s=LATENCY_S, token_s=0.0, sigma=0.2, refusal_s=0.05)


async def makespan(
    rules: Sequence[Rule], work: Work, sharding: Sharding = "dynamic"
) -> tuple[float, int]:
    """Seconds from the start to the last answer, and refusals."""
    async with ground(rules) as place, place.transport() as transport:
        dispatcher = Dispatcher(place.endpoints, transport, sharding=sharding)
        began = time.perf_counter()
        await dispatcher.run(work)
        took = time.perf_counter() - began
        return took, sum(state.refused for state in dispatcher.snapshot())


def equal(repeats: int, each_s: float) -> None:
    """1, 3 and 9 endpoints with a cap each."""
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    for repeat in range(repeats):
        rates = {}
        for size in SIZES:
            count = int(size * CAP * each_s / LATENCY_S)
            rules = [
                Rule(str(n), max_workers=CAP, rate_headers=False, latency=STEADY)
                for n in range(size)
            ]
            took, refused = uvloop.run(makespan(rules, Work(count)))
            rates[size] = count / took
            found[size].append(rates[size] / rates[1])
            share = round(rates[size] * LATENCY_S / CAP / size, 3)
            say(
                "scaling",
                endpoints=size,
                repeat=repeat,
                answers_per_s=round(rates[size], 1),
                share_of_capacity=share,
                refused=refused,
            )
    for size, target in TARGETS.items():
        say("scaling", endpoints=size, speed_up=median(found[size]), target=target)


def lower_bound(count: int) -> float:
    """Seconds for `count` requests at the unequal pool."""
    return (count - sum(UNEQUAL) * BURST_S) / sum(UNEQUAL) + QUICK.first_token_s


def unequal(repeats: int, each_s: float) -> None:
    """60, 30 and 10 requests/s, pulled, and shared evenly beforehand."""
    count = int(sum(UNEQUAL) * min(UNEQUAL_S, each_s))
    ratios: dict[Sharding, list[float]] = {"dynamic": [], "even": []}
    rules = [
        Rule(str(n), qps=qps, burst_s=BURST_S, rate_headers=False, latency=QUICK)
        for n, qps in enumerate(UNEQUAL)
    ]
    for repeat in range(repeats):
        for sharding, found in ratios.items():
            work = Work(count)
            if sharding == "even":
                work.share(len(UNEQUAL))
            took, refused = uvloop.run(makespan(rules, work, sharding))
            found.append(took / lower_bound(count))
            say(
                "scaling",
                pool="60/30/10",
                sharding=sharding,
                repeat=repeat,
                makespan_s=round(took, 2),
                of_lower_bound=round(found[-1], 3),
                refused=refused,
            )
    dynamic, even = median(ratios["dynamic"]), median(ratios["even"])
    say("scaling", pool="60/30/10", of_lower_bound=dynamic, target=1.05)
    say("scaling", pool="60/30/10", even_of_lower_bound=even, gain=round(even / dynamic, 2))


def main() -> None:
    """Both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--each-s", type=float, default=EACH_S, help="of work, at most")
    given = parser.parse_args()
    equal(given.repeats, given.each_s)
    unequal(given.repeats, given.each_s)


if __name__ == "__main__":
    main()
