"""Tool calls under weather, and the record of every one.

A tool call goes through three gates. Invalid arguments fail by themselves, in any weather. Then the
weather may fail it, and only then the tool works (or fails at its own work). With weather `before`
a tool call failed by weather had no effect. With `ambiguous`, one TIMEOUT in two did its work all
the same.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stormproof.domain.conditions import Condition
from stormproof.domain.tasks import Cause, Execution, Standing, Task, ToolResult
from stormproof.errors import SuiteError
from stormproof.suites.seam import Environment, Suite
from stormproof.suites.weather import (
    NEVER_DRAWN,
    TIMEOUT,
    Draw,
    History,
    draw,
    success_probability,
)

_MESSAGES = {
    "OPERATION_FAILED": "The operation failed.",
    "TIMEOUT": "No answer within the time limit.",
    "FILE_NOT_FOUND": "The file could not be found.",
    "PERMISSION_DENIED": "Access was denied.",
    "NETWORK_ERROR": "The connection broke.",
    "INVALID_RESPONSE": "The response could not be read.",
    "CALCULATION_ERROR": "The calculation failed.",
    "OVERFLOW": "The calculation overflowed.",
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


class Weathered:
    """One trial's Environment under its weather."""

    def __init__(self, suite: Suite, task: Task, condition: Condition, weather_seed: int) -> None:
        self._tools = suite.tools
        self._rate = condition.tool_success_rate
        self._ambiguous = condition.weather == "ambiguous"
        self._seed = weather_seed

        # What the tools have changed so far. Only tool calls that took effect ran on it: all others
        # were tried out on a copy, or failed by themselves and changed nothing.
        self.environment = suite.environment(task)

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
        if drawn.u > probability:
            return self._by_weather(record, drawn, drawn.error_code(spec.errors))
        return self._by_itself(record, self._run(self.environment, record))

    def _by_weather(self, record: Execution, drawn: Draw, code: str) -> Execution:
        """A storm: but first see, on a copy, whether the tool call would have got that far."""
        effect = self._ambiguous and code == TIMEOUT and drawn.took_effect
        environment = self.environment if effect else self.environment.copied()
        result = self._run(environment, record)
        if result.error_code == NEVER_DRAWN:
            return self._by_itself(record, result)
        message = _MESSAGES.get(code, "")
        failure = ToolResult(ok=False, error_code=code, message=message)
        return self._recorded(record, failure, "weather", effect=effect and result.ok)

    def _run(self, environment: Environment, record: Execution) -> ToolResult:
        return _guarded(record.tool, lambda: environment.run(record.tool, record.arguments))

    def _by_itself(self, record: Execution, result: ToolResult) -> Execution:
        if result.ok:
            return self._recorded(record, result, "", effect=True)
        cause: Cause = "arguments" if result.error_code == NEVER_DRAWN else "tool"
        return self._recorded(record, result, cause, effect=False)

    def _recorded(
        self, record: Execution, result: ToolResult, cause: Cause, *, effect: bool
    ) -> Execution:
        """Complete the record, and remember the tool call."""
        self._history.add(record.tool, ok=result.ok)
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
