import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stormproof.domain.tasks import Cause, Check, Execution, Step, Task
from stormproof.score import (
    execution_success,
    final_standing,
    order,
    recovery,
    redundant_calls,
    respects_dependencies,
    settled_at,
    success,
    tool_coverage,
    weighted_success,
)

TASK = Task(
    task_id="data_pipeline.easy.00001",
    task_type="data_pipeline",
    difficulty="easy",
    description="Read, parse, transform.",
    required_tools=("read", "parse", "change", "write"),
    solution=tuple(Step(tool) for tool in ("read", "parse", "change", "write")),
    checks=(Check("file_equals", "out.txt", "x"),),
)


def ran(
    tool: str,
    *,
    ok: bool = True,
    goal: bool = False,
    cause: Cause = "weather",
    unmet: tuple[str, ...] = (),
    collateral: tuple[str, ...] = (),
    **arguments: object,
) -> Execution:
    return Execution(
        tool,
        dict(arguments),
        ok,
        cause="" if ok else cause,
        error_code=None if ok else "OPERATION_FAILED",
        took_effect=ok,
        goal_met=goal,
        unmet=unmet,
        progress=float(goal),
        collateral=collateral,
    )


WHOLE = [ran("read"), ran("parse"), ran("change"), ran("write", goal=True)]


def test_full_is_the_goal_alone_whatever_tools_reached_it() -> None:
    assert success(WHOLE) == "full"
    assert success([*WHOLE[:3], ran("write")]) == "failed"
    assert success([ran("other", goal=True)]) == "full"
    against = [ran("read"), ran("change", unmet=("parse",)), ran("parse"), WHOLE[3]]
    assert success(against) == "full"


def test_what_nobody_asked_for_makes_it_a_failure() -> None:
    done = ran("write", goal=True, collateral=("1 posts to https://press.example",))
    assert success([*WHOLE[:3], done]) == "failed"
    assert success([replace(ran("write"), progress=0.9, collateral=("file x",))]) == "failed"


def test_partial_is_half_of_what_is_to_be_reached() -> None:
    assert success([replace(ran("parse"), progress=0.5)]) == "partial"
    assert success([replace(ran("parse"), progress=0.49)]) == "failed"
    assert success([]) == "failed"


def test_the_final_world_is_judged() -> None:
    assert final_standing([*WHOLE, ran("write", ok=False, cause="arguments")]).goal_met
    assert not final_standing([*WHOLE, ran("write")]).goal_met
    timeout = Execution("write", {}, ok=False, cause="weather", goal_met=True)
    assert final_standing([timeout]).goal_met  # ambiguous: it did its work
    assert not final_standing([]).goal_met


def test_unrequired_dependencies_do_not_order_the_required() -> None:
    assert respects_dependencies(TASK, [ran("change", unmet=("other",)), ran("parse")])


def test_only_first_successes_are_in_the_order() -> None:
    failed = ran("change", ok=False, unmet=("parse",))
    assert respects_dependencies(TASK, [failed, ran("parse"), ran("change")])


def test_coverage_order_and_shares() -> None:
    calls = [ran("parse"), ran("read", ok=False), ran("read"), ran("write")]
    assert tool_coverage(TASK, calls) == 0.75
    assert order(TASK, calls) == 0.5
    assert execution_success(calls) == 0.75
    assert execution_success([]) is None


def test_recovery_is_the_share_of_failures_made_good() -> None:
    calls = [ran("a", ok=False), ran("a", ok=False), ran("a"), ran("b", ok=False)]
    assert recovery(calls) == pytest.approx(2 / 3)
    assert recovery([ran("a")]) is None
    assert recovery([ran("a"), ran("a", ok=False)]) == 0


def test_redundant_calls_repeat_a_success_with_its_arguments() -> None:
    calls = [ran("a", x=1), ran("a", x=1), ran("a", x=2), ran("a", ok=False, x=2), ran("a", x=1)]
    assert redundant_calls(calls) == 2


def test_settled_at_the_call_that_completed_the_task() -> None:
    assert settled_at([*WHOLE, ran("read", ok=False)]) == 4
    assert settled_at(WHOLE[:2]) == 2


def test_weighted_success() -> None:
    assert weighted_success(3, 2, 10) == 0.4
    assert weighted_success(0, 0, 0) is None


executions = st.builds(
    ran,
    st.sampled_from([*TASK.required_tools, "other"]),
    ok=st.booleans(),
    goal=st.booleans(),
    unmet=st.sampled_from([(), ("read",), ("other",)]),
)


@given(st.lists(executions, max_size=12))
def test_measures_lie_in_their_ranges(calls: list[Execution]) -> None:
    shares = [tool_coverage(TASK, calls), order(TASK, calls)]
    shares += [s for s in (execution_success(calls), recovery(calls)) if s is not None]
    assert all(0 <= share <= 1 for share in shares)
    assert 0 <= redundant_calls(calls) <= sum(e.ok for e in calls)
    assert 0 <= settled_at(calls) <= len(calls)
    if success(calls) == "full":
        assert success(calls[: settled_at(calls)]) == "full"
