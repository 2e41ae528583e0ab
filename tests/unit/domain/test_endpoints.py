from __future__ import annotations

from math import inf

import pytest

from stormproof.domain.pool import FEW_SLOTS, Endpoint, LimitGroup, Limits


@pytest.mark.parametrize(
    ("own", "shared", "slots"),
    [
        (Limits(), (), FEW_SLOTS),
        (Limits(rpm=60), (), inf),
        (Limits(qps=2), (), inf),
        (Limits(max_workers=3, rpm=60), (), 3),
        (Limits(), (LimitGroup("provider p", Limits(rpm=60)),), inf),
    ],
)
def test_in_fixed_mode_a_rate_gets_the_slots_that_it_needs(
    own: Limits, shared: tuple[LimitGroup, ...], slots: float
) -> None:
    endpoint = Endpoint(
        "e", 0, "m", "p", "openai", "http://x", "d", "env:K", limits=own, groups=shared
    )
    assert endpoint.fixed_slots == slots
