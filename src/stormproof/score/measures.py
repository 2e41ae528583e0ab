"""The measures of one episode, each a pure function of its task and its executions in order.

An execution is a tool call that was carried out or refused for its arguments; `ok` is what the
agent was shown. An ambiguous TIMEOUT that took effect is not ok, yet counts in the final World.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from stormproof.domain.tasks import Execution, Standing, Task

Success = Literal["full", "partial", "failed"]
PARTIAL_PROGRESS = 0.5
_encode = msgspec.json.Encoder(order="deterministic", enc_hook=str).encode


def succeeded(executions: Sequence[Execution]) -> set[str]:
    """The tools with at least one successful tool call."""
    return {e.tool for e in executions if e.ok}


def missing(task: Task, executions: Sequence[Execution]) -> tuple[str, ...]:
    """The required tools without a successful tool call, in the correct order."""
    done = succeeded(executions)
    return tuple(tool for tool in task.required_tools if tool not in done)


def final_standing(executions: Sequence[Execution]) -> Standing:
    """How things stand on the final World.

    That is what the last execution that took effect says: the others changed nothing. Nothing is
    reached before the first tool call.
    """
    last = next((e for e in reversed(executions) if e.took_effect), None)
    return _standing_after(last) if last else Standing()


def _standing_after(execution: Execution) -> Standing:
    return Standing(execution.goal_met, execution.progress, execution.collateral)


def tool_coverage(task: Task, executions: Sequence[Execution]) -> float:
    """|required tools that succeeded| / |required tools|."""
    required = set(task.required_tools)
    return len(required & succeeded(executions)) / len(required)


def respects_dependencies(task: Task, executions: Sequence[Execution]) -> bool:
    """Whether no required tool first succeeded before a required tool that it depends on.

    Dependencies on tools that the task does not require lower a tool call's chance and no more.
    """
    required = set(task.required_tools)
    seen: set[str] = set()
    for execution in executions:
        if not execution.ok or execution.tool in seen:
            continue
        seen.add(execution.tool)
        if execution.tool in required and required.intersection(execution.unmet):
            return False
    return True


def success(executions: Sequence[Execution]) -> Success:
    """Full: on the final World the goal is met, and nothing is there that nobody asked for.

    Partial: not full, at least half of the task's milestones and checks hold, and nothing unasked
    was done. Else failed. Which tools brought it about is no matter.
    """
    return _verdict(final_standing(executions))


def _verdict(standing: Standing) -> Success:
    if standing.is_full:
        return "full"
    far = not standing.collateral and standing.progress >= PARTIAL_PROGRESS
    return "partial" if far else "failed"


def settled_at(executions: Sequence[Execution]) -> int:
    """How many executions it took to reach full success; all of them where it never was.

    What comes after is in no measure of errors: an agent may look around when it has finished.
    (Should it undo or spoil its work, the final World says so in `success`.)
    """
    for count, execution in enumerate(executions, 1):
        if execution.took_effect and _standing_after(execution).is_full:
            return count
    return len(executions)


def order(task: Task, executions: Sequence[Execution]) -> float:
    """LCS(tools of the successful tool calls, those of the correct plan) / |correct plan|.

    The correct plan is the task's solution, whatever plan the prompt showed.
    """
    plan = [step.tool for step in task.solution]
    if not plan:
        return 0.0
    return _common_subsequence([e.tool for e in executions if e.ok], plan) / len(plan)


def execution_success(executions: Sequence[Execution]) -> float | None:
    """Successful tool calls / tool calls; None without any. Pass those up to `settled_at`."""
    return sum(e.ok for e in executions) / len(executions) if executions else None


def recovery(executions: Sequence[Execution]) -> float | None:
    """Failed tool calls whose tool succeeded later / failed ones; None where none failed."""
    good = failed = 0
    later: set[str] = set()
    for execution in reversed(executions):
        if execution.ok:
            later.add(execution.tool)
        else:
            failed += 1
            good += execution.tool in later
    return good / failed if failed else None


def redundant_calls(executions: Sequence[Execution]) -> int:
    """Successful tool calls with the tool and the arguments of an earlier successful one."""
    done = [(e.tool, _encode(e.arguments)) for e in executions if e.ok]
    return len(done) - len(set(done))


def _common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, row by row."""
    row = [0] * (len(second) + 1)
    for a in first:
        above, row = row, [0]
        for j, b in enumerate(second):
            row.append(above[j] + 1 if a == b else max(above[j + 1], row[j]))
    return row[-1]
