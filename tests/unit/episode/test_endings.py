from __future__ import annotations

import pytest

from stormproof.domain.episodes import FAILURES_IN_A_ROW, REPEATED_SUCCESSES, Action, Ending
from stormproof.domain.tasks import Execution
from stormproof.episode.endings import ending_of, stuck

FAILED = Execution("a", {}, ok=False)
WORKED = Execution("a", {"n": 1}, ok=True)
OTHERWISE = Execution("a", {"n": 2}, ok=True)


@pytest.mark.parametrize(
    ("executions", "ending"),
    [
        ([], None),
        ([FAILED] * (FAILURES_IN_A_ROW - 1), None),
        ([FAILED] * FAILURES_IN_A_ROW, "failures"),
        ([WORKED, *[FAILED] * FAILURES_IN_A_ROW], "failures"),
        ([*[FAILED] * FAILURES_IN_A_ROW, WORKED], None),
        ([WORKED] * (REPEATED_SUCCESSES - 1), None),
        ([WORKED] * REPEATED_SUCCESSES, "repetition"),
        ([*[WORKED] * (REPEATED_SUCCESSES - 1), OTHERWISE], None),
        ([*[WORKED] * (REPEATED_SUCCESSES - 1), FAILED, WORKED], None),
    ],
)
def test_five_failures_or_one_success_five_times_is_stuck(
    executions: list[Execution], ending: Ending | None
) -> None:
    assert stuck(executions) == ending


@pytest.mark.parametrize(
    ("action", "executions", "spent", "ending"),
    [
        ("call", [WORKED], 2, None),
        ("call", [WORKED], 3, "max_turns"),
        ("none", [], 3, "max_turns"),
        ("done", [], 3, "done"),
        ("done", [FAILED] * FAILURES_IN_A_ROW, 3, "done"),
        ("call", [FAILED] * FAILURES_IN_A_ROW, 3, "failures"),
    ],
)
def test_done_comes_before_stuck_and_stuck_before_the_budget(
    action: Action, executions: list[Execution], spent: int, ending: Ending | None
) -> None:
    assert ending_of(action, executions, spent, 3) == ending
