import sys
from math import exp, inf
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import capacity_sim
from capacity import SIX, SMALL, Scale, Watched, rule
from stormproof.domain.pool import Limits
from stormproof.emulator.limits import enforced_limits
from worlds import Server

SHORT = Scale(30.0)


@pytest.mark.parametrize("world", SIX)
def test_what_is_reckoned_to_be_on_offer_is_what_an_oracle_gets(world: str) -> None:
    servers = [s for s in SHORT.servers(world, 3) if s.cap == inf or s.median_s > 1]
    offered = sum(Watched(server).offered(SHORT.seconds) for server in servers)
    oracle = sum(capacity_sim.oracle(server, SHORT.seconds)[-1] for server in servers)
    assert offered == pytest.approx(oracle, rel=0.04)


@pytest.mark.parametrize("world", SIX + SMALL)
def test_the_emulator_gets_the_limits_of_the_world(world: str) -> None:
    for server in SHORT.servers(world, 0):
        said = rule(server, SHORT.seconds)
        limits = Limits(
            max_workers=said.max_workers or None, qps=said.qps or None, tpm=said.tpm or None
        )
        gates = enforced_limits(limits, burst_s=said.burst_s or 0.0, window_s=said.window_s or 0.0)
        assert len(gates) == 1
        mean_s = server.median_s * exp(server.sigma**2 / 2)
        offered = gates[0].offered(SHORT.seconds, 300.0 if said.tpm else 1.0, mean_s)
        unhurt = Server(
            server.name, 0, server.median_s, server.sigma, server.cap, server.rate,
            server.burst_s, window=server.window, window_s=server.window_s,
        )  # fmt: skip
        expected = Watched(unhurt).offered(SHORT.seconds)
        if said.window_s:  # the emulator counts a window that has just begun
            expected += server.window
        assert offered == pytest.approx(expected, rel=0.02, abs=1.5)


def test_a_bucket_still_full_is_on_offer_later_a_slot_that_idled_is_not() -> None:
    bucket = Watched(Server("0", 0, rate=10.0, burst_s=2.0))
    assert bucket.offered_after(5.0, 70.0, 15.0) == pytest.approx(100, rel=0.01)
    assert bucket.offered_after(5.0, 60.0, 15.0) == pytest.approx(110, rel=0.01)
    assert bucket.offered_after(5.0, 0.0, 15.0) == pytest.approx(120, rel=0.01)
    cap = Watched(Server("0", 0, median_s=1.0, sigma=0.0, cap=10))
    assert cap.offered_after(5.0, 0.0, 15.0) == pytest.approx(100, rel=0.01)


def test_a_bucket_fills_while_its_endpoint_is_out() -> None:
    bucket = Server("0", 0, rate=10.0, burst_s=2.0, outages=((5.0, 8.0, "503"),))
    assert Watched(bucket).offered(20.0) == pytest.approx(10 * 17 + 20 + 20, rel=0.001)
    assert capacity_sim.oracle(bucket, 20.0)[-1] == pytest.approx(210, abs=2)


def test_slots_are_counted_by_time_and_never_beyond_the_cap() -> None:
    cap = Watched(Server("0", 0, median_s=2.0, sigma=0.0, cap=10))
    for second in range(1, 11):
        cap.see({"in_flight": 5 if second <= 5 else 12}, float(second))
    assert cap.got == pytest.approx((5 * 5 + 5 * 10) / 2)
