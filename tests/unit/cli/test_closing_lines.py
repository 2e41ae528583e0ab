"""What a run says when it is over, and its exit code."""

from __future__ import annotations

from msgspec.structs import replace

from stormproof.cli.run import _closing, _exit_code
from stormproof.pool import EndpointState
from stormproof.session import RunSummary, _blamed

DONE = RunSummary(
    "r", planned=9, scored=9, infrastructure=0, ran=9, calls=40, tokens=4000, elapsed_s=3.0,
    simulated=False,
)  # fmt: skip


def test_each_reason_stands_with_its_count() -> None:
    summary = replace(
        DONE, scored=4, infrastructure=3, blocked=2,
        reasons=("2 × m: HTTP 500", "1 × KeyError in tool.py:3, work"),
        faults=("1 × KeyError in tool.py:3, work",),
    )  # fmt: skip
    lines = _closing(summary)
    assert "blocked: a provider's filter ended 2 trials" in lines
    assert "infrastructure: 2 × m: HTTP 500" in lines
    assert "broken suite: 1 × KeyError in tool.py:3, work" in lines
    assert lines[-1].startswith("some trials got no answer: 3 left.")


def test_what_may_have_to_be_paid_for_nothing_is_told() -> None:
    lines = _closing(replace(DONE, discarded=2, discarded_tokens=1234, hedged=1))
    assert (
        "thrown away: 2 answers under status 200 with no reply in it; 1,234 tokens by their own "
        "account"
    ) in lines
    assert "given up: 1 call, sent again elsewhere" in lines
    early = _closing(replace(DONE, hedged=3, false_alarms=2))
    assert "given up: 3 calls, sent again elsewhere, 2 of them too early" in early
    assert not any(line.startswith(("thrown", "given")) for line in _closing(DONE))


def test_the_exit_code_says_whose_turn_it_is() -> None:
    broken = replace(DONE, scored=8, infrastructure=1, faults=("1 × KeyError",))
    assert _exit_code(DONE) == 0
    assert _exit_code(replace(DONE, scored=7, blocked=2)) == 0
    assert _exit_code(replace(DONE, scored=8, infrastructure=1)) == 1
    assert _exit_code(broken) == 70
    assert _exit_code(replace(broken, interrupted=True)) == 130


def test_an_endpoint_that_was_given_up_is_never_named_without_a_reason() -> None:
    state = EndpointState(
        "m@k", "m", 0, 1.0, 0.0, 5, 0, 0, "stopped: 402", "", stopped="402", troubled_at=0.0
    )
    assert _blamed(state) == "m@k: 402"  # an answer that came later has cleared its trouble
    later = replace(state, trouble="402", troubled_at=86_400.0)
    assert _blamed(later) == "m@k: 402 (no answer since 1970-01-02 00:00:00 UTC)"
