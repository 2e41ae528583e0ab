from pathlib import Path

import msgspec

from stormproof.plan import RunOptions, Shard, endpoints_for, make_plan
from stormproof.plan.folder_status import folder_status, recorded_runs
from stormproof.store import append_run

FEW = RunOptions(models=("kimi-k2",), prompt_types=("optimal",), num_instances=3)
MORE = msgspec.structs.replace(FEW, prompt_types=("optimal", "cot"), num_instances=2)


def test_runs_that_share_trials_are_counted_once() -> None:
    runs = [(options, endpoints_for(options)) for options in (FEW, MORE)]
    cells = folder_status(runs, {})
    planned = {(c.condition.prompt_type, c.task_type): c.planned for c in cells}
    assert set(planned.values()) == {3, 2}
    assert sum(planned.values()) == 5 * 3 + 5 * 2


def test_outcomes_are_counted_where_they_belong() -> None:
    endpoints = endpoints_for(FEW)
    ids = [trial.trial_id for _, trial in make_plan(FEW, endpoints).trials("kimi-k2")]
    outcomes = {ids[0]: "completed", ids[1]: "infrastructure", "of another plan": "completed"}
    cells = folder_status([(FEW, endpoints)], outcomes)
    assert sum(c.scored for c in cells) == 1
    assert sum(c.infrastructure for c in cells) == 1
    assert sum(c.remaining for c in cells) == 14


def test_a_run_is_remembered_as_it_was_asked(tmp_path: Path) -> None:
    endpoints = list(endpoints_for(FEW))
    append_run(tmp_path, {"options": FEW, "endpoints": endpoints, "at": 1.0})
    append_run(tmp_path, {"options": MORE, "endpoints": endpoints})
    assert recorded_runs(tmp_path) == [(FEW, endpoints), (MORE, endpoints)]


def test_a_line_that_a_crash_cut_short_is_passed_over(tmp_path: Path) -> None:
    record = {"options": FEW, "endpoints": []}
    append_run(tmp_path, record)
    with (tmp_path / "runs.jsonl").open("ab") as file:
        file.write(b'\n{"options": {"mod')
    append_run(tmp_path, record)
    assert recorded_runs(tmp_path) == [(FEW, []), (FEW, [])]
    assert recorded_runs(tmp_path / "nowhere") == []


def test_shards_put_together_plan_the_whole(tmp_path: Path) -> None:
    """Also where an endpoint's one slot could not be divided, as for o3 of the shipped pool."""
    options = RunOptions(models=("kimi-k2", "o3-0416-global"), prompt_types=("optimal",))
    for number in (1, 2, 3):
        one = msgspec.structs.replace(options, shard=Shard(number, 3))
        plan = make_plan(one, endpoints_for(one), simulated=True)
        append_run(tmp_path, {"options": plan.options, "endpoints": plan.pool})
    cells = folder_status(recorded_runs(tmp_path), {})
    assert sum(c.planned for c in cells) == 2 * 5 * 20
    assert {c.planned for c in cells} == {20}
