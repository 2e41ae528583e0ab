"""The old harness's rules, run again over what was said in its recordings (`--rules recorded`).

They are kept to prove that the reader reads right, and used for nothing else. Facts they rest on
were taken from the recordings and from the public description of that harness.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from stormproof.domain.episodes import Episode, Turn
from stormproof.errors import ConfigError
from stormproof.store import read_episodes

RecordedEnd = Literal["done", "failures", "successes", "repetition", "api_failure", "max_turns"]

# Categories and tools in the old registry's order, as far as substring matches show it.
REGISTRY = tuple(
    f"{category}_{tool}"
    for category, tools in (
        ("file_operations", ("reader", "scanner", "writer", "converter", "compressor")),
        ("network", ("fetcher", "validator", "poster", "monitor", "router")),
        ("data_processing", ("parser", "validator", "transformer", "filter", "aggregator")),
        ("computation", ("calculator", "analyzer", "optimizer", "predictor", "simulator")),
        ("integration", ("authenticator", "connector", "mapper", "queue", "scheduler")),
        ("utility", ("cache", "helper", "logger", "notifier", "tracker")),
    )
    for tool in tools
)
_COMPLETION_PHRASES = (
    "task_completed",
    "task completed",
    "task is complete",
    "task has been completed",
    "successfully completed the task",
    "finished executing",
    "all steps completed",
    "workflow complete",
    "done with the task",
)
_SEARCH = re.compile(r"<tool_search>.*?</tool_search>", re.DOTALL)
_INFO = re.compile(r"<tool_info>.*?</tool_info>", re.DOTALL)
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_PLAN = re.compile(r"## Workflow Execution Plan(.*?)(?:### Execution Summary|\Z)", re.DOTALL)
_STEP = re.compile(r"^\s*\d+\. Execute (\w+)", re.MULTILINE)

MAX_TURNS = 10
_FAILURES_IN_A_ROW = 5
_MOST_SUCCESSES = 15
_SAME_IN_A_ROW = 5


class Rerun(Struct, frozen=True):
    """What the old rules make of an episode: tools executed, where and why it ended, the score."""

    executed: tuple[str, ...]
    turn: int
    end: RecordedEnd
    workflow_score: float


class Disagreement(Struct, frozen=True):
    """One field in which the recomputed episode differs from the stored one."""

    episode_id: str
    field: str
    recorded: str
    recomputed: str


class Recomputed(Struct, frozen=True):
    """What the old harness's rules give when they are run again over its own recordings."""

    recordings: int
    executed_tools: int
    end_point: int
    workflow_score: int
    disagreements: tuple[Disagreement, ...]


def tool_calls(text: str) -> tuple[str, ...]:
    """The tools that the old harness would execute for this message, in order."""
    if _SEARCH.search(text) or _INFO.search(text):
        return ()
    found = (_tool(written) for written in _CALL.findall(text))
    return tuple(tool for tool in found if tool)


def plan_of(prompt: str) -> tuple[str, ...]:
    """The plan that the prompt shows: the flawed one, if flawed."""
    section = _PLAN.search(prompt)
    return tuple(_STEP.findall(section.group(1))) if section else ()


def workflow_score(executions: Sequence[tuple[str, bool]], plan: Sequence[str]) -> float:
    """0.4 coverage + 0.3 LCS/|plan| + 0.2 share succeeded + 0.02 for the exact order.

    Coverage, like the rest, is of the plan in the prompt and not of the required tools: the
    corpus says so (with a plan that lacks a step, 43 of 640 scores hold only thus).
    """
    succeeded = [tool for tool, ok in executions if ok]
    share = len(succeeded) / len(executions) if executions else 0.0
    if not plan:
        return 0.2 * share
    coverage = len(set(succeeded) & set(plan)) / len(set(plan))
    order = common_subsequence(succeeded, plan) / len(plan)
    exact = 0.2 if succeeded == list(plan) else 0.0
    return 0.4 * coverage + 0.3 * order + 0.2 * share + 0.1 * exact


def rerun(episode: Episode) -> Rerun:
    """Run the old harness over an imported episode's messages and recorded tool results.

    The result of the k-th execution is the k-th recorded one: that was chance, and is data.
    """
    stored = episode.recorded or {}
    results = iter([bool(e["success"]) for e in stored["executions"]])
    helped = set(stored["helped_turns"])
    done: list[tuple[str, bool]] = []
    for turn in episode.turns:
        number = turn.index + 1
        end = _end_of(turn, number in helped, done, results, stored["required_tools"])
        if end:
            break
    else:
        number = len(episode.turns)
        end = "api_failure" if stored["api_issues"] else "max_turns"
    score = workflow_score(done, stored["plan"])
    return Rerun(tuple(tool for tool, _ in done), number, end, score)


def disagreements(episode: Episode) -> list[Disagreement]:
    """Where the old rules, run again, do not give what was stored."""
    stored, found = episode.recorded or {}, rerun(episode)
    executed = tuple(e["tool"] for e in stored["executions"])
    failed_at = [issue["turn"] for issue in stored["api_issues"]]
    last = len(episode.turns)
    expected_api = [last + 1] if found.end == "api_failure" else []
    early = found.end == "max_turns" and last != MAX_TURNS
    checks = (
        ("executed tools", executed, found.executed, executed == found.executed),
        ("end point", last, found.turn, last == found.turn and not early),
        ("API failure", failed_at, expected_api, failed_at == expected_api),
        (
            "workflow_score",
            stored["workflow_score"],
            found.workflow_score,
            abs(stored["workflow_score"] - found.workflow_score) <= 1e-9,  # noqa: PLR2004  exact
        ),
    )
    return [
        Disagreement(stored["episode_id"], name, str(was), str(now))
        for name, was, now, same in checks
        if not same
    ]


def recompute(episodes: Iterable[Episode]) -> Recomputed:
    """Run the old rules over imported episodes (`--rules recorded`); others are left out."""
    recordings, found = 0, []
    wrong: defaultdict[str, set[str]] = defaultdict(set)
    for episode in episodes:
        if episode.recorded is None:
            continue
        recordings += 1
        for disagreement in disagreements(episode):
            wrong[disagreement.field].add(episode.trial.trial_id)
            found.append(disagreement)
    ends = wrong["end point"] | wrong["API failure"]
    return Recomputed(
        recordings=recordings,
        executed_tools=recordings - len(wrong["executed tools"]),
        end_point=recordings - len(ends),
        workflow_score=recordings - len(wrong["workflow_score"]),
        disagreements=tuple(found),
    )


def recompute_folder(folder: Path) -> Recomputed:
    """`recompute` over a results folder. Raises ConfigError where no episode was imported."""
    found = recompute(read_episodes(folder))
    if not found.recordings:
        raise ConfigError(
            f"{folder}: no imported episode is stored here",
            hint="`--rules recorded` recomputes what `stormproof import` brought in",
        )
    return found


def _end_of(
    turn: Turn,
    helped: bool,  # noqa: FBT001  the old harness's own label of this turn
    done: list[tuple[str, bool]],
    results: Iterator[bool],
    required: Sequence[str],
) -> RecordedEnd | None:
    """Play one turn: a turn that got help with the format was answered and went no further."""
    text = turn.answer.reply.text
    if helped or _SEARCH.search(text) or _INFO.search(text):
        return None
    succeeded = {tool for tool, ok in done if ok}
    if required and succeeded.issuperset(required) and _says_complete(text):
        return "done"
    done.extend((tool, next(results, False)) for tool in tool_calls(text))
    return _stops(done)


def _stops(done: Sequence[tuple[str, bool]]) -> RecordedEnd | None:
    succeeded = [tool for tool, ok in done if ok]
    latest = [ok for _, ok in done[-_FAILURES_IN_A_ROW:]]
    if len(latest) == _FAILURES_IN_A_ROW and not any(latest):
        return "failures"
    if len(succeeded) > _MOST_SUCCESSES:
        return "successes"
    if len(succeeded) >= _SAME_IN_A_ROW and len(set(succeeded[-_SAME_IN_A_ROW:])) == 1:
        return "repetition"
    return None


def _tool(written: str) -> str | None:
    name = written.strip().lower()
    if name in REGISTRY:
        return name
    return next((tool for tool in REGISTRY if name in tool or tool in name), None)


def _says_complete(text: str) -> bool:
    lowered = text.lower()
    return any(phrase in lowered for phrase in _COMPLETION_PHRASES)


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for a in first:
        above = row
        row = [0]
        for j, b in enumerate(second):
            row.append(above[j] + 1 if a == b else max(above[j + 1], row[j]))
    return row[-1]
