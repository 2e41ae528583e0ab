import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stormproof.domain.conditions import TASK_TYPES, WEATHER_MODES, Condition, WeatherMode
from stormproof.domain.tasks import Check, Execution, Resource, Step, Task, ToolResult
from stormproof.errors import SuiteError
from stormproof.score import success
from stormproof.suites import Weathered
from stormproof.suites.weather import draw
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.optimum import optimal_plan
from stormproof.suites.workflows.suite import WorldEnvironment
from stormproof.suites.workflows.tasks import load_task, task_ids
from stormproof.suites.workflows.world import World

RATES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.3)
READ, PARSE = "file_operations_reader", "data_processing_parser"
LOG = "utility_logger"
INLET = "https://here.example/orders"
TASK = Task(
    task_id="simple_task.easy.99998",
    task_type="simple_task",
    difficulty="easy",
    description="Read the orders, parse them, post them once.",
    required_tools=(READ, PARSE, "network_poster"),
    solution=(
        Step(READ, {"path": "orders.csv"}),
        Step(PARSE),
        Step("network_poster", {"url": INLET}),
    ),
    checks=(Check("post_once", INLET, [{"id": 1}]),),
    files={"orders.csv": "id\n1\n"},
    resources={INLET: Resource(200, "{}")},
)


def environment(rate: float = 1.0, seed: int = 1, weather: WeatherMode = "before") -> Weathered:
    return Weathered(WORKFLOWS, TASK, Condition("baseline", "easy", rate, weather=weather), seed)


def world_of(env: Weathered) -> World:
    assert isinstance(env.environment, WorldEnvironment)
    return env.environment.world


def seed_where(tool: str, wanted: str, rate: float) -> int:
    """A seed whose first calls of a tool come out as wanted ("fs": fail, succeed) at a chance."""
    return next(
        seed
        for seed in itertools.count()
        if all((draw(seed, tool, k).u <= rate) == (w == "s") for k, w in enumerate(wanted))
    )


def test_a_whole_task_at_rate_one() -> None:
    env = environment()
    done = [env.call(step.tool, step.arguments) for step in TASK.solution]
    assert [e.ok for e in done] == [True] * 3
    assert [e.goal_met for e in done] == [False, False, True]
    assert [e.handle for e in done] == [f"{tool}_1" for tool in TASK.required_tools]
    assert done[1].probability == 1.0
    assert env.standing.goal_met
    assert tuple(e.tool for e in done) == TASK.required_tools
    assert success(done) == "full"


def test_the_value_is_what_the_latest_call_gave() -> None:
    env = environment()
    env.call(READ, {"path": "orders.csv"})
    assert env.value == "id\n1\n"
    env.call(READ, {"path": "nowhere.csv"})
    assert env.value is None


def test_a_storm_has_no_effect_and_says_so() -> None:
    env = environment(0.6, seed_where(READ, "fs", 0.6))
    failed = env.call(READ, {"path": "orders.csv"})
    assert (failed.ok, failed.cause, failed.took_effect, failed.handle) == (
        False,
        "weather",
        False,
        None,
    )
    assert failed.draw > failed.probability == 0.6
    assert failed.error_code
    assert failed.message
    assert not world_of(env).results
    assert not world_of(env).seen
    assert env.call(READ, {"path": "orders.csv"}).ok


def runs_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tools that are run from now on, in order."""
    ran: list[str] = []
    run = WorldEnvironment.run

    def counted(self: WorldEnvironment, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        ran.append(tool)
        return run(self, tool, arguments)

    monkeypatch.setattr(WorldEnvironment, "run", counted)
    return ran


def test_a_call_that_is_made_again_after_a_storm_is_not_worked_out_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env, calm = environment(0.6, seed_where(READ, "ffs", 0.6)), environment()
    ran = runs_of(monkeypatch)
    told = [env.call(READ, {"path": "orders.csv"}) for _ in range(3)]
    assert ran == [READ]
    assert [e.ok for e in told] == [False, False, True]
    assert env.value == "id\n1\n"
    calm.call(READ, {"path": "orders.csv"})
    assert world_of(env).seen == world_of(calm).seen
    assert world_of(env).results == world_of(calm).results
    assert world_of(env).weight == world_of(calm).weight


@pytest.mark.parametrize("other", [{"message": "x", "level": True}, {"message": "x", "level": 1.0}])
def test_equal_arguments_that_are_not_the_same_are_worked_out_anew(
    monkeypatch: pytest.MonkeyPatch, other: dict[str, Any]
) -> None:
    env = environment(0.6, seed_where(LOG, "ff", 0.6))
    ran = runs_of(monkeypatch)
    env.call(LOG, {"message": "x", "level": 1})
    env.call(LOG, other)
    assert ran == [LOG, LOG]


def test_what_was_done_between_a_storm_and_the_next_try_is_not_lost() -> None:
    seed = next(
        seed
        for seed in itertools.count()
        if draw(seed, READ, 0).u > 0.6 >= draw(seed, READ, 1).u and draw(seed, LOG, 0).u <= 0.3
    )
    env = environment(0.6, seed)
    assert not env.call(READ, {"path": "orders.csv"}).ok
    assert env.call(LOG, {"message": "meanwhile"}).ok
    assert env.call(READ, {"path": "orders.csv"}).ok
    assert [entry.message for entry in world_of(env).log] == ["meanwhile"]
    assert set(world_of(env).results) == {f"{LOG}_1", f"{READ}_1"}


def test_invalid_arguments_fail_by_themselves_in_any_weather() -> None:
    for wanted in ("ss", "fs"):
        env = environment(0.6, seed_where(READ, wanted, 0.6))
        wrong = env.call(READ, {"pathh": "orders.csv"})
        assert (wrong.ok, wrong.cause, wrong.error_code) == (False, "arguments", "INVALID_INPUT")
        assert not wrong.took_effect
        assert env.call(READ, {"path": "orders.csv"}).ok


def test_every_call_counts_for_the_next_ones() -> None:
    env, seed = environment(0.6, 3), 3
    for k in range(3):
        assert env.call(READ, {"pathh": "orders.csv"}).draw == draw(seed, READ, k).u
    assert env.call(PARSE, {}).probability == pytest.approx(0.6 * 0.9**3)


def test_a_tool_that_cannot_do_its_work_is_no_storm() -> None:
    missing = environment().call(READ, {"path": "nowhere.csv"})
    assert (missing.cause, missing.error_code) == ("tool", "FILE_NOT_FOUND")


def test_unmet_dependencies_stand_in_the_record() -> None:
    env = environment(0.8)
    early = env.call("network_poster", {"url": INLET, "input": "x"})
    assert early.unmet == ("data_processing_transformer", "integration_authenticator")
    assert early.probability == pytest.approx(0.2)
    assert env.call(READ, {"path": "orders.csv"}).unmet == ()


def timeout_with_effect(rate: float) -> int:
    """A seed where the poster's first call times out, though it is received, and then succeeds."""
    errors = ("INVALID_INPUT", "OPERATION_FAILED", "TIMEOUT", "NETWORK_ERROR", "INVALID_RESPONSE")
    return next(
        seed
        for seed in itertools.count()
        if (first := draw(seed, "network_poster", 0)).u > rate
        and first.error_code(errors) == "TIMEOUT"
        and first.took_effect
        and draw(seed, "network_poster", 1).u <= rate * 0.25
        and draw(seed, READ, 0).u <= rate
        and draw(seed, PARSE, 0).u <= rate
    )


def test_ambiguous_timeouts_may_have_done_their_work() -> None:
    seed = timeout_with_effect(0.8)
    ambiguous, before = environment(0.8, seed, "ambiguous"), environment(0.8, seed)
    for env in (ambiguous, before):
        for step in TASK.solution[:2]:
            assert env.call(step.tool, step.arguments).ok
    post = TASK.solution[2]
    told = [env.call(post.tool, post.arguments) for env in (ambiguous, before)]
    assert [e.ok for e in told] == [False, False]
    assert [e.error_code for e in told] == ["TIMEOUT", "TIMEOUT"]
    assert [e.took_effect for e in told] == [True, False]
    assert [e.goal_met for e in told] == [True, False]
    again = [env.call(post.tool, post.arguments) for env in (ambiguous, before)]
    assert [e.ok for e in again] == [True, True]
    assert [e.goal_met for e in again] == [False, True]  # a blind retry doubled the effect


def test_silent_weather_shows_false_data_and_says_that_all_is_well() -> None:
    env = environment(0.6, seed_where(READ, "fs", 0.6), "silent")
    false, true = (env.call(READ, {"path": "orders.csv"}) for _ in range(2))
    assert (false.ok, false.cause, false.took_effect) == (True, "weather", True)
    assert false.draw > false.probability
    assert false.tampered in {"truncated", "wrong value", "stale"}
    assert (true.ok, true.cause, true.tampered) == (True, "", "")
    shown = [world_of(env).results[each.handle or ""].value for each in (false, true)]
    assert shown[0] != shown[1] == TASK.files["orders.csv"]
    assert env.call(PARSE, {}).probability == 0.6  # nobody is told of a failure, nor remembers one


def test_silent_weather_fails_openly_what_brings_in_no_data() -> None:
    env = environment(0.6, seed_where(PARSE, "f", 0.6), "silent")
    failed = env.call(PARSE, {"input": "id\n1\n"})
    assert (failed.ok, failed.cause, failed.tampered) == (False, "weather", "")


def seed_of_trouble(weather: WeatherMode, tool: str) -> int:
    return next(
        seed
        for seed in itertools.count()
        if (trouble := environment(1.0, seed, weather).trouble) and trouble.tool == tool
    )


def test_a_tool_that_is_down_is_down_for_the_whole_trial_whatever_the_rate() -> None:
    env = environment(1.0, seed_of_trouble("outage", PARSE), "outage")
    assert env.call(READ, {"path": "orders.csv"}).ok
    for _ in range(3):
        down = env.call(PARSE, {})
        assert (down.ok, down.cause, down.probability) == (False, "weather", 0.0)
        assert "out of service" in down.message
    assert env.call("file_operations_converter", {"to": "json"}).ok
    assert env.call(PARSE, {"inputt": "x"}).cause == "arguments"


def test_a_tool_that_waits_says_for_what_and_works_after_that() -> None:
    env = environment(1.0, seed_of_trouble("sticky", PARSE), "sticky")
    assert env.trouble is not None
    until = env.trouble.until
    assert env.call(READ, {"path": "orders.csv"}).ok
    assert env.call(until, {}).ok  # too early: nobody waits yet
    waits = env.call(PARSE, {})
    assert (waits.ok, waits.cause, waits.probability) == (False, "weather", 0.0)
    assert until in waits.message
    assert not env.call(PARSE, {}).ok
    assert env.call(until, {}).ok
    assert env.call(PARSE, {}).ok


def test_an_unknown_tool_is_a_bug_of_the_caller() -> None:
    with pytest.raises(SuiteError):
        environment().call("no_such_tool", {})


def test_the_task_is_never_changed() -> None:
    before = repr(TASK)
    env = environment()
    written = env.call("file_operations_writer", {"path": "new.txt", "input": "text"})
    assert written.ok, written.message
    assert "new.txt" in world_of(env).files
    assert repr(TASK) == before


# --- the same draws for everybody -------------------------------------------------------------


def fixed_script(task: Task, rate: float, seed: int, mode: WeatherMode) -> list[Execution]:
    """The plan's steps twice over, whatever happens."""
    condition = Condition("optimal", task.difficulty, rate, weather=mode)
    env = Weathered(WORKFLOWS, task, condition, seed)
    return [env.call(s.tool, s.arguments) for _ in range(2) for s in optimal_plan(task, 0.8, 10)]


def persistent(task: Task, rate: float, seed: int, mode: WeatherMode) -> list[Execution]:
    """One plan for all rates, each step until it succeeds, ten calls at most."""
    condition = Condition("optimal", task.difficulty, rate, weather=mode)
    env = Weathered(WORKFLOWS, task, condition, seed)
    done: list[Execution] = []
    for step in optimal_plan(task, 0.8, 10):
        while len(done) < 10:
            done.append(env.call(step.tool, step.arguments))
            if done[-1].ok:
                break
    return done


def tasks() -> list[Task]:
    return [load_task(i) for kind in TASK_TYPES for i in task_ids(kind, "easy", 4)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**53), st.integers(0, 19))
def test_success_never_rises_when_the_rate_falls(seed: int, at: int) -> None:
    """Under `before`: who repeats what took effect unseen does more harm with a second success."""
    task = tasks()[at]
    full = [success(persistent(task, rate, seed, "before")) == "full" for rate in RATES]
    assert full == sorted(full, reverse=True)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**53), st.integers(0, 19), st.sampled_from(WEATHER_MODES))
@example(114477, 2, "before")
def test_no_call_of_a_fixed_script_gains_by_a_lower_rate(
    seed: int, at: int, mode: WeatherMode
) -> None:
    runs = [fixed_script(tasks()[at], rate, seed, mode) for rate in RATES]
    for better, worse in itertools.pairwise(runs):
        for high, low in zip(better, worse, strict=True):
            if high.cause in {"arguments", "tool"}:
                break  # an earlier success has changed what this call works on
            assert is_true(high) or not is_true(low)


def is_true(execution: Execution) -> bool:
    return execution.ok and not execution.tampered


def test_the_same_calls_give_the_same_records() -> None:
    task = tasks()[5]
    first, again = (persistent(task, 0.7, 11, "ambiguous") for _ in range(2))
    assert first == again
