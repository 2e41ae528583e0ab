"""Where calls are made: the World under weather, and the record of every call.

A call goes through three gates. Invalid arguments fail by themselves, in any weather. Then the
weather may fail it, and only then the tool works (or fails at its own work). With weather `before`
a call failed by weather had no effect. With `ambiguous`, one TIMEOUT in two did its work all the
same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stormproof.domain.conditions import Condition
from stormproof.domain.tasks import Cause, Execution, Task, ToolResult
from stormproof.suites.workflows.goals import goal_met
from stormproof.suites.workflows.tools import CATALOGUE, run_tool
from stormproof.suites.workflows.weather import TIMEOUT, Draw, History, draw, success_probability
from stormproof.suites.workflows.world import World

_INVALID = "INVALID_INPUT"
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


class Environment:
    """One trial's World, weather and progress. `value` is what the latest call gave."""

    def __init__(self, task: Task, condition: Condition, weather_seed: int) -> None:
        self.task = task
        self.world = World(task)
        self.value: Any = None
        self.goal_met = False
        self._rate = condition.tool_success_rate
        self._ambiguous = condition.weather == "ambiguous"
        self._seed = weather_seed
        self._history = History()

    @property
    def succeeded(self) -> tuple[str, ...]:
        """The required tools that have succeeded so far, in the task's order."""
        return tuple(t for t in self.task.required_tools if t in self._history.succeeded)

    def call(self, name: str, arguments: Mapping[str, Any]) -> Execution:
        """Make a call of a catalogue tool; what went wrong is in the record, never an exception.

        Raises SuiteError for a name that is not in the catalogue.
        """
        spec = CATALOGUE[name].spec if name in CATALOGUE else None
        needs = spec.needs if spec else ()
        probability = success_probability(self._rate, needs, self._history)
        drawn = draw(self._seed, name, self._history.calls[name])
        record = Execution(
            tool=name,
            arguments=dict(arguments),
            ok=True,
            probability=probability,
            draw=drawn.u,
            unmet=self._history.unmet(needs),
        )
        if drawn.u > probability and spec:
            return self._by_weather(record, drawn, drawn.error_code(spec.errors))
        return self._by_itself(record, run_tool(self.world, name, arguments))

    def _by_weather(self, record: Execution, drawn: Draw, code: str) -> Execution:
        """A storm: but first see, on a copy, whether the call would have got that far."""
        effect = self._ambiguous and code == TIMEOUT and drawn.took_effect
        world = self.world if effect else self.world.copied()
        result = run_tool(world, record.tool, record.arguments)
        if result.error_code == _INVALID:
            return self._by_itself(record, result)
        message = _MESSAGES.get(code, "")
        failure = ToolResult(ok=False, error_code=code, message=message)
        return self._recorded(record, failure, "weather", effect=effect and result.ok)

    def _by_itself(self, record: Execution, result: ToolResult) -> Execution:
        if result.ok:
            return self._recorded(record, result, "", effect=True)
        cause: Cause = "arguments" if result.error_code == _INVALID else "tool"
        return self._recorded(record, result, cause, effect=False)

    def _recorded(
        self, record: Execution, result: ToolResult, cause: Cause, *, effect: bool
    ) -> Execution:
        """Complete the record, and remember the call."""
        self._history.add(record.tool, ok=result.ok)
        if effect:
            self.goal_met = goal_met(self.world, self.task.checks)
        self.value = result.value
        return msgspec.structs.replace(
            record,
            ok=result.ok,
            cause=cause,
            error_code=result.error_code,
            message=result.message,
            handle=result.handle,
            took_effect=effect,
            goal_met=self.goal_met,
        )
