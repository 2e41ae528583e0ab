"""Inspect's own reader on what is written for it. Skipped where inspect_ai is not installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from msgspec.structs import replace

from stormproof.cli import main
from stormproof.errors import ConfigError
from stormproof.export import write_inspect_logs
from stormproof.plan import RunOptions
from stormproof.store import append_run, read_header
from stormproof.store.header import write_header
from stormproof.testing.records import an_endpoint

IS_THERE = find_spec("inspect_ai") is not None
needs_inspect = pytest.mark.skipif(not IS_THERE, reason="inspect_ai is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Inspect's own


@pytest.mark.skipif(IS_THERE, reason="inspect_ai is installed")
def test_without_inspect_the_extra_is_named(results: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        write_inspect_logs(results, tmp_path / "logs")
    assert caught.value.hint == "pip install 'stormproof[inspect]'"
    assert not (tmp_path / "logs").exists()


@needs_inspect
def test_inspect_lists_a_log_for_each_cell_and_reads_what_came_of_it(
    results: Path, tmp_path: Path
) -> None:
    from inspect_ai.log import list_eval_logs, read_eval_log  # noqa: PLC0415  an extra

    folder = tmp_path / "logs"
    assert main(["export", str(results), "--inspect", str(folder)]) == 0
    assert main(["export", str(results), "--inspect", str(folder)]) == 0  # in the former's place
    logs = {log.eval.model: log for log in map(read_eval_log, list_eval_logs(str(folder)))}
    assert len([*folder.iterdir()]) == len(logs) == 2
    one, two = logs["one"], logs["two"]
    assert one.status == "success"
    assert one.eval.task == "workflows-data-pipeline"
    assert one.eval.task_args["prompt_type"] == "cot"
    assert one.eval.tags == one.tags == ["SIMULATED"]
    assert (one.results.total_samples, one.results.completed_samples) == (3, 2)
    assert one.results.scores[0].metrics["accuracy"].value == 0.5
    assert [sample.epoch for sample in one.samples] == [1, 1, 2]
    values = [s.scores and s.scores["full_success"].value for s in one.samples]
    assert values == ["I", None, "C"]
    assert one.samples[1].error.message == 'infrastructure: a "b", c\nd'
    assert two.results.scores[0].metrics == {}
    assert two.samples[0].error.message.startswith("blocked: ")


@needs_inspect
def test_a_log_is_dated_by_the_first_run(results: Path, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log  # noqa: PLC0415  an extra

    write_header(results, replace(read_header(results), created_at=0.0))
    append_run(results, {"at": 1.6e9})
    [path, _] = write_inspect_logs(results, tmp_path / "logs")
    assert path.name.startswith("2020-09-13T12-26-40+00-00_workflows-data-pipeline_")
    assert read_eval_log(str(path)).eval.created.startswith("2020-09-13T12:26:40")


@needs_inspect
def test_a_cell_with_trials_to_come_is_tagged(results: Path, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log  # noqa: PLC0415  an extra

    def tags(instances: int) -> list[list[str]]:
        options = RunOptions(
            models=("one",),
            prompt_types=("cot",),
            task_types=("data_pipeline",),
            num_instances=instances,
        )
        append_run(results, {"options": options, "endpoints": [an_endpoint("one")]})
        logs = map(read_eval_log, map(str, write_inspect_logs(results, tmp_path / "logs")))
        return [log.eval.tags for log in logs if log.eval.model == "one"]

    assert tags(2) == [["SIMULATED"]]
    assert tags(3) == [["SIMULATED", "UNFINISHED"]]


@needs_inspect
def test_a_sample_holds_the_whole_conversation(results: Path, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log  # noqa: PLC0415  an extra

    written = write_inspect_logs(results, tmp_path / "logs")
    [one] = [log for log in map(read_eval_log, map(str, written)) if log.eval.model == "one"]
    sample = one.samples[2]
    assert [message.role for message in sample.messages] == ["system", "user", "assistant", "tool"]
    assert [sample.messages[1]] == sample.input
    assert sample.total_time == 5
    assert sample.messages[2].text == 'say "a, b"\n?'
    calls = sample.messages[2].tool_calls
    assert [call.arguments for call in calls] == [{"path": "a"}, {"text": "no json"}]
    assert calls[1].parse_error
    assert sample.messages[3].tool_call_id == "1"
    assert sample.model_usage["one"].total_tokens == 110
    assert sample.turn_count == 1
