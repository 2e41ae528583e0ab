import functools
import itertools
import statistics

from stormproof.domain.conditions import DIFFICULTIES, TASK_TYPES, Condition
from stormproof.domain.tasks import Task
from stormproof.suites.workflows.optimum import ceiling, optimal_plan, own_turns, turn_budget
from stormproof.suites.workflows.optimum.persistence import chances
from stormproof.suites.workflows.optimum.shown_plan import (
    EXTRA_TURNS,
    REFERENCE_RATE,
    SURE_ENOUGH,
)
from stormproof.suites.workflows.optimum.trial_run import reaches_goal
from stormproof.suites.workflows.tasks import load_task, task_ids


@functools.cache
def some_tasks(each: int = 1) -> tuple[Task, ...]:
    return tuple(
        load_task(task_id)
        for task_type in TASK_TYPES
        for difficulty in DIFFICULTIES[:4]
        for task_id in task_ids(task_type, difficulty, each)
    )


def test_plans_reach_the_goal_and_hold_the_solution_in_its_order() -> None:
    for task in some_tasks():
        for rate in (0.6, 1.0):
            plan = optimal_plan(task, rate, own_turns(task))
            assert reaches_goal(task, plan), task.task_id
            purposes = [step.purpose for step in task.solution]
            shown = [step.purpose for step in plan if step.purpose in purposes]
            assert shown == purposes
            for step in plan:
                assert all(place < plan.index(step) for place in step.after)


def test_useful_calls_work_on_the_tasks_own_data_as_their_words_say() -> None:
    """Whether they succeed there, the plans that reach the goal say."""
    bare = checked = 0
    for task in some_tasks(3):
        plan = optimal_plan(task, 0.6, own_turns(task))
        for at, step in enumerate(plan):
            if step.tool == "network_validator" and step.arguments:
                payloads = [each.arguments.get("input") for each in plan[at + 1 :]]
                assert step.arguments["input"] in payloads
                checked += 1
            if step.reads == "the data at hand" and step.arguments:
                assert step.tool == "data_processing_parser"
                texts = [
                    s for s in plan[:at] if s.tool in {"file_operations_reader", "network_fetcher"}
                ]
                assert len(texts) > 1
            bare += step.reads == "the data at hand"
    assert min(bare, checked) > len(some_tasks(3)) / 4


def test_at_rate_one_the_plan_is_the_solution_and_the_ceiling_is_one() -> None:
    for task in some_tasks():
        assert optimal_plan(task, 1.0, own_turns(task)) == task.solution
        assert ceiling(task, 1.0, own_turns(task)) == 1.0
        assert ceiling(task, 1.0, 0) == 0.0
        assert optimal_plan(task, 0.8, 1) == task.solution


def test_own_turns_make_plans_of_every_length_equally_likely_to_be_completed() -> None:
    reached = []
    for task in some_tasks():
        turns = own_turns(task)
        tools = tuple(step.tool for step in optimal_plan(task, REFERENCE_RATE, turns))
        found = list(itertools.islice(chances(tools, REFERENCE_RATE), turns))
        assert found[-1] >= SURE_ENOUGH > found[-2]
        reached.append(found[-1])
    assert statistics.fmean(reached) < SURE_ENOUGH + 0.02


def test_a_condition_may_set_its_own_number_of_turns() -> None:
    task = some_tasks()[0]
    own = Condition("baseline", "easy", 0.6)
    assert turn_budget(task, own) == own_turns(task)
    assert turn_budget(task, Condition("baseline", "easy", 0.6, max_turns=7)) == 7
    sticky = Condition("baseline", "easy", 0.6, weather="sticky")
    assert turn_budget(task, sticky) == own_turns(task) + EXTRA_TURNS["sticky"]
