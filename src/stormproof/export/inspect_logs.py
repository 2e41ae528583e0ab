"""Logs for Inspect (inspect_ai), through its own Python API.

There is one for each model, condition and task type. A sample is an episode: its id the task's,
its epoch the replicate + 1. What has no score (outcome `infrastructure` or `blocked`) is a sample
with an error, and in no metric.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stormproof.domain.calls import FILTERED, LENGTH, Message, ToolCall, Usage
from stormproof.domain.conditions import Condition, TaskType
from stormproof.domain.episodes import FINAL, Episode
from stormproof.domain.trials import digest
from stormproof.errors import ConfigError, StoreError
from stormproof.plan.folder_status import planned_cells
from stormproof.store import (
    CONDITION_COLUMNS,
    Header,
    episode_table,
    read_episodes,
    read_header,
    read_runs,
)
from stormproof.suites.workflows import WORKFLOWS

SCORER = "full_success"
SIMULATED = "SIMULATED"
UNFINISHED = "UNFINISHED"  # trials of the cell are not run, or infrastructure ended them
EPISODES_AT_A_TIME = 5_000  # held whole, but for a cell that has more


class Cell(NamedTuple):
    """What a log is of."""

    model: str
    condition: Condition
    task_type: TaskType


def write_inspect_logs(results: Path, folder: Path) -> list[Path]:
    """Write a log for each cell of the results; written again, it takes the former one's place.

    Raises ConfigError where inspect_ai is not installed, StoreError where a log cannot be kept.
    """
    try:
        from inspect_ai.log import write_eval_log  # noqa: PLC0415  an extra, and heavy
    except ImportError:
        raise ConfigError(
            "--inspect: inspect_ai is not installed", hint="pip install 'stormproof[inspect]'"
        ) from None
    header, planned = _dated(read_header(results), results), planned_cells(results)
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for cell, episodes in _cells(results):
            log = eval_log(header, cell, episodes, planned.get(cell, 0))
            path = folder / _file_name(log.eval)
            write_eval_log(log, str(path))
            written.append(path)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}", hint="name another folder") from None
    return written


def _dated(header: Header, results: Path) -> Header:
    """With the instant of the first run where the folder's own is not recorded."""
    first = next((run.get("at", 0.0) for run in read_runs(results)), 0.0)
    return msgspec.structs.replace(header, created_at=header.created_at or first)


def eval_log(header: Header, cell: Cell, episodes: Sequence[Episode], planned: int = 0) -> Any:
    """The cell's `EvalLog`.

    `episodes` are all of it that have ended, at least one, of so many `planned`.
    """
    from inspect_ai import log as logs  # noqa: PLC0415  an extra, and heavy

    scored = [episode for episode in episodes if episode.score]
    name = digest("inspect", header.suite, header.seed, *cell)[:22]
    usage = sum((episode.usage for episode in episodes), Usage())
    tasks = sorted({episode.trial.task_id for episode in episodes})
    tags = [SIMULATED] if header.simulated or any(e.simulated for e in episodes) else []
    tags += [UNFINISHED] if sum(e.outcome in FINAL for e in episodes) < planned else []
    began = min((e.started_at for e in episodes if e.started_at), default=header.created_at)
    rate = sum(e.score.success == "full" for e in scored if e.score) / max(1, len(scored))
    metric = logs.EvalMetric(name="accuracy", value=rate)
    score = logs.EvalScore(
        name=SCORER,
        scorer=SCORER,
        scored_samples=len(scored),
        unscored_samples=len(episodes) - len(scored),
        metrics={"accuracy": metric} if scored else {},
    )
    return logs.EvalLog(
        status="success",
        eval=logs.EvalSpec(
            eval_id=name,
            run_id=name,
            task_id=name,
            created=_instant(header.created_at),
            task=f"workflows-{cell.task_type.replace('_', '-')}",
            task_version=header.suite,
            task_args={"seed": header.seed, **msgspec.structs.asdict(cell.condition)},
            dataset=logs.EvalDataset(name="workflows", samples=len(tasks), sample_ids=tasks),
            model=cell.model,
            config=logs.EvalConfig(
                epochs=1 + max(episode.trial.replicate for episode in episodes),
                fail_on_error=False,
            ),
            packages={"stormproof": header.made_by},
            tags=tags,
        ),
        tags=tags,
        results=logs.EvalResults(
            total_samples=len(episodes), completed_samples=len(scored), scores=[score]
        ),
        stats=logs.EvalStats(
            started_at=_instant(began),
            completed_at=_instant(max(began, *(episode.ended_at for episode in episodes))),
            model_usage={cell.model: _usage(usage)},
        ),
        samples=[_sample(header, episode) for episode in episodes],
    )


def _cells(results: Path) -> Iterator[tuple[Cell, list[Episode]]]:
    """Every cell with its episodes, by epoch and task, few of them in memory at a time."""
    table = episode_table(results, ["trial_id", "model", "task_type", *CONDITION_COLUMNS])
    ids: dict[Cell, list[str]] = defaultdict(list)
    for row in table.to_pylist():
        condition = Condition(**{name: row[name] for name in CONDITION_COLUMNS})
        ids[Cell(row["model"], condition, row["task_type"])].append(row["trial_id"])
    for group in _grouped(ids):
        found: dict[Cell, list[Episode]] = {cell: [] for cell in group}
        for episode in read_episodes(results, [one for cell in group for one in ids[cell]]):
            trial = episode.trial
            found[Cell(trial.model, trial.condition, trial.task_type)].append(episode)
        for cell, episodes in found.items():
            if episodes:
                yield cell, sorted(episodes, key=lambda e: (e.trial.replicate, e.trial.task_id))


def _grouped(ids: dict[Cell, list[str]]) -> Iterator[list[Cell]]:
    group: list[Cell] = []
    for cell in ids:
        if group and sum(len(ids[one]) for one in [*group, cell]) > EPISODES_AT_A_TIME:
            yield group
            group = []
        group.append(cell)
    if group:
        yield group


def _sample(header: Header, episode: Episode) -> Any:
    from inspect_ai import log as logs  # noqa: PLC0415
    from inspect_ai.scorer import Score  # noqa: PLC0415

    trial, score = episode.trial, episode.score
    opening = _messages(_opening(header, episode))
    facts = {"trial_id": trial.trial_id, "outcome": episode.outcome, "ending": episode.ending}
    scores = error = None
    if score:
        scores = {
            SCORER: Score(
                value="C" if score.success == "full" else "I",
                answer=score.success,
                metadata=msgspec.structs.asdict(score),
            )
        }
    else:
        said = _clean(f"{episode.outcome}: {episode.error or episode.ending}")
        error = logs.EvalError(message=said, traceback=said, traceback_ansi=said)
    return logs.EvalSample(
        id=trial.task_id,
        epoch=trial.replicate + 1,
        uuid=trial.trial_id,
        input=[message for message in opening if message.role != "system"] or trial.task_id,
        target="",
        messages=[*opening, *_messages(_said(episode))],
        output=_output(episode),
        scores=scores,
        error=error,
        metadata=facts | {"task_type": trial.task_type, "ceiling": episode.ceiling},
        model_usage={trial.model: _usage(episode.usage)},
        started_at=_instant(episode.started_at) if episode.started_at else None,
        completed_at=_instant(episode.ended_at) if episode.ended_at else None,
        total_time=episode.ended_at - episode.started_at if episode.started_at else None,
        turn_count=len(episode.turns),
    )


def _opening(header: Header, episode: Episode) -> Sequence[Message]:
    """What the model was shown first; none where another version of the suite showed it."""
    if header.suite != WORKFLOWS.version or episode.source != "run":
        return ()
    task = WORKFLOWS.load_task(episode.trial.task_id, header.seed)
    return WORKFLOWS.opening(task, episode.trial.condition)


def _said(episode: Episode) -> Iterator[Message]:
    """What the model said, and what it was shown next."""
    for turn in episode.turns:
        reply = turn.answer.reply
        yield Message("assistant", reply.text, tool_calls=reply.tool_calls)
        yield from turn.observation


def _messages(messages: Iterator[Message] | Sequence[Message]) -> list[Any]:
    from inspect_ai import model  # noqa: PLC0415

    made: list[Any] = []
    for message in messages:
        text = _clean(message.content)
        match message.role:
            case "system":
                made.append(model.ChatMessageSystem(content=text))
            case "user":
                made.append(model.ChatMessageUser(content=text))
            case "tool":
                made.append(
                    model.ChatMessageTool(content=text, tool_call_id=_clean(message.tool_call_id))
                )
            case "assistant":
                calls = [_tool_call(call) for call in message.tool_calls]
                made.append(model.ChatMessageAssistant(content=text, tool_calls=calls or None))
    return made


def _tool_call(call: ToolCall) -> Any:
    """Arguments that are no JSON object stand as the text that they are."""
    from inspect_ai.tool import ToolCall as InspectToolCall  # noqa: PLC0415

    text = _clean(call.arguments)
    try:
        arguments = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        return InspectToolCall(_clean(call.id), _clean(call.name), {"text": text}, str(error))
    return InspectToolCall(_clean(call.id), _clean(call.name), arguments)


def _output(episode: Episode) -> Any:
    from inspect_ai import model  # noqa: PLC0415

    if not episode.turns:
        return model.ModelOutput(model=episode.trial.model)
    reply = episode.turns[-1].answer.reply
    reasons = {LENGTH: "max_tokens", FILTERED: "content_filter", "tool_calls": "tool_calls"}
    output = model.ModelOutput.from_content(
        episode.trial.model, _clean(reply.text), reasons.get(reply.finish_reason, "stop")
    )
    output.usage = _usage(episode.usage)
    return output


def _usage(usage: Usage) -> Any:
    from inspect_ai.model import ModelUsage  # noqa: PLC0415

    return ModelUsage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
    )


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which models do write and UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()


def _instant(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")


def _file_name(spec: Any) -> str:
    """As Inspect names its logs; the same for the same cell of the same results."""
    return f"{spec.created.replace(':', '-')}_{spec.task}_{spec.task_id}.eval"
