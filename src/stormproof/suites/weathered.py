"""Tool calls under weather, and the record of every one.

A tool call goes through three gates. Invalid arguments fail by themselves, in any weather. Then the
weather may fail it, and only then the tool works (or fails at its own work). What a failure by
weather is, under which kind of it, says `weather`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from stormproof.domain.conditions import Condition
from stormproof.domain.tasks import Cause, Execution, Standing, Task, ToolResult
from stormproof.errors import SuiteError
from stormproof.suites.seam import Environment, Suite
from stormproof.suites.weather import (
    INVALID,
    TIMEOUT,
    Draw,
    History,
    befalling,
    draw,
    drawable,
    success_probability,
)

_MESSAGES = {
    "OPERATION_FAILED": "The operation failed.",
    "TIMEOUT": "No answer within the time limit.",
    "PERMISSION_DENIED": "Access was denied for the moment.",
    "NETWORK_ERROR": "The connection broke.",
    "INVALID_RESPONSE": "The response broke off and could not be read.",
}


T = TypeVar("T")


def _suite_error(what: str, error: Exception) -> SuiteError:
    """What a part of a suite raised, told without anything that a model wrote.

    So that the message is the same whenever the same place breaks in the same way.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return SuiteError(
        f"{what} raised {type(error).__name__}{place}",
        hint="this is a bug in the suite; its episode is not scored, and is run again",
    )


class _Tried(Struct, frozen=True):
    """A tool call that was tried out: on which copy of the environment, and what it gave there."""

    tool: str
    arguments: dict[str, Any]
    environment: Environment
    result: ToolResult

    def is_of(self, call: Execution) -> bool:
        """Whether that is the same call. 1, 1.0 and true are equal, and not the same."""
        mine, its = self.arguments, call.arguments
        return self.tool == call.tool and mine == its and repr(mine) == repr(its)


class Weathered:
    """One trial's Environment under its weather."""

    def __init__(self, suite: Suite, task: Task, condition: Condition, weather_seed: int) -> None:
        self._tools = suite.tools
        self._rate = condition.tool_success_rate
        self._ambiguous = condition.weather == "ambiguous"
        self._falsifiable = suite.falsifiable if condition.weather == "silent" else frozenset()
        self._seed = weather_seed

        # What has befallen a tool in this trial, if anything. It stands until `_freed`, which is
        # set once: by the first success of the awaited tool after the error that names it, `_told`.
        self.trouble = befalling(weather_seed, suite.troubles(task, condition.weather))
        self._told = self._freed = False

        # What the tools have changed so far. Only tool calls that took effect ran on it: all others
        # were tried out on a copy, or failed by themselves and changed nothing.
        self.environment = suite.environment(task)

        # The latest call that weather failed, as it would have gone; None once another has been
        # made. Until then the copy is what the environment becomes if that call is made again.
        self._tried: _Tried | None = None

        # Every tool call so far, in order, whatever came of it; `_recorded` alone adds to it.
        self._history = History()

        # What the latest tool call gave: None where it failed. Set by `_recorded` alone.
        self.value: Any = None

        # How things stand now: asked anew after each call that took effect, for no other can
        # change it. Nothing is reached before the first.
        self.standing = Standing()

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Execution:
        """Make a tool call; what went wrong is in the record, never an exception.

        Raises SuiteError for a name that is no tool of the suite, and where the suite breaks.
        """
        spec = self._tools.get(tool)
        if spec is None:
            hint = f"tools are {', '.join(self._tools)}"
            raise SuiteError(f"there is no tool called {tool!r}", hint=hint)
        probability = success_probability(self._rate, spec.needs, self._history)
        drawn = draw(self._seed, tool, self._history.counts[tool])
        record = Execution(
            tool=tool,
            arguments=dict(arguments),
            ok=True,
            probability=probability,
            draw=drawn.u,
            unmet=self._history.unmet(spec.needs),
        )
        trouble = self.trouble
        if trouble is not None and trouble.tool == tool and not self._freed:
            return self._in_trouble(record, drawable(spec.errors)[0], trouble.message)
        if drawn.u > probability:
            if tool in self._falsifiable:
                return self._falsified(record, drawn)
            return self._by_weather(record, drawn, drawn.error_code(spec.errors))
        return self._by_itself(record, self._made(record))

    def _in_trouble(self, record: Execution, code: str, message: str) -> Execution:
        """No chance at all, whatever the rate."""
        impossible = msgspec.structs.replace(record, probability=0.0)
        failed = self._failed(impossible, code, message)
        self._told |= failed.cause == "weather"
        return failed

    def _falsified(self, record: Execution, drawn: Draw) -> Execution:
        """A storm that nobody is told of: the tool works, and what it shows is false."""
        result = self._made(record)
        if not result.ok or result.handle is None:
            return self._by_itself(record, result)
        handle = result.handle
        value, how = _guarded("falsifying", lambda: self.environment.falsify(handle, drawn.pick))
        false = msgspec.structs.replace(result, value=value)
        tampered = msgspec.structs.replace(record, tampered=how)
        return self._recorded(tampered, false, "weather", effect=True)

    def _by_weather(self, record: Execution, drawn: Draw, code: str) -> Execution:
        """A storm, which may have let the tool work all the same."""
        effect = self._ambiguous and code == TIMEOUT and drawn.took_effect
        return self._failed(record, code, _MESSAGES.get(code, ""), effect=effect)

    def _failed(
        self, record: Execution, code: str, message: str, *, effect: bool = False
    ) -> Execution:
        """But first see whether the tool call would have got that far."""
        result = self._made(record) if effect else self._tried_out(record)
        if result.error_code == INVALID:
            return self._by_itself(record, result)
        failure = ToolResult(ok=False, error_code=code, message=message)
        return self._recorded(record, failure, "weather", effect=effect and result.ok)

    def _made(self, record: Execution) -> ToolResult:
        """Make the tool call; one that was tried out just before is not worked out again."""
        tried, self._tried = self._tried, None
        if tried is not None and tried.is_of(record):
            self.environment = tried.environment
            return tried.result
        return self._run(self.environment, record)

    def _tried_out(self, record: Execution) -> ToolResult:
        """What the tool call would give: it is made on a copy."""
        if self._tried is None or not self._tried.is_of(record):
            copy = self.environment.copied()
            result = self._run(copy, record)
            self._tried = _Tried(record.tool, record.arguments, copy, result)
        return self._tried.result

    def _run(self, environment: Environment, record: Execution) -> ToolResult:
        return _guarded(record.tool, lambda: environment.run(record.tool, record.arguments))

    def _by_itself(self, record: Execution, result: ToolResult) -> Execution:
        if result.ok:
            return self._recorded(record, result, "", effect=True)
        cause: Cause = "arguments" if result.error_code == INVALID else "tool"
        return self._recorded(record, result, cause, effect=False)

    def _recorded(
        self, record: Execution, result: ToolResult, cause: Cause, *, effect: bool
    ) -> Execution:
        """Complete the record, and remember the tool call."""
        self._history.add(record.tool, ok=result.ok)
        if self._told and result.ok and self.trouble and record.tool == self.trouble.until:
            self._freed = True
        if effect:
            self.standing = _guarded("the goal check", self.environment.standing)
        self.value = result.value
        return msgspec.structs.replace(
            record,
            ok=result.ok,
            cause=cause,
            error_code=result.error_code,
            message=result.message,
            handle=result.handle,
            took_effect=effect,
            goal_met=self.standing.goal_met,
            progress=self.standing.progress,
            collateral=self.standing.collateral,
        )


def _guarded(what: str, work: Callable[[], T]) -> T:
    """Whatever a suite's code raises is a SuiteError: it may be anybody's."""
    try:
        return work()
    except SuiteError:
        raise
    except Exception as error:
        raise _suite_error(what, error) from error
