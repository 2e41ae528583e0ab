from __future__ import annotations

from stormproof.cli.sample_size import paired_designs, sample_sizes
from stormproof.plan import RunOptions, plan_run

MODELS = ("DeepSeek-V3-0324", "qwen2.5-72b-instruct")


def test_the_comparisons_are_those_of_the_plan() -> None:
    plan = plan_run(RunOptions(models=MODELS, scenarios=("5.4",), replicates=2))
    found = {design.comparison: design for design in paired_designs(plan)}
    assert set(found) == {"two models", "two tool success rates"}
    assert (found["two models"].blocks, found["two models"].trials_a_task) == (5, 8)
    assert (found["two tool success rates"].trials_a_task, found["two models"].blocks) == (2, 5)


def test_a_task_tried_more_often_says_more_but_not_as_much_as_more_tasks() -> None:
    def needed(replicates: int) -> int:
        plan = plan_run(RunOptions(models=MODELS, scenarios=("5.1",), replicates=replicates))
        return next(s.tasks for s in sample_sizes(plan, 0.1) if s.rate == 0.5)

    assert needed(1) > needed(4) > needed(1) / 4
