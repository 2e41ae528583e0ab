"""Values that tools work on: their forms, and what can be worked out from them.

Whatever cannot be done with a value is a ToolFault, the one exception that tools raise: it becomes
an error code in the tool call's result.
"""

from __future__ import annotations

MOST_STEPS = 500_000  # of one tool call: cells looked at, parts of an expression run; about 0.2 s


class ToolFault(Exception):
    """The work could not be done: an error code of the tool's own list, and what is wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> ToolFault:
    """The arguments, or the data that they name, cannot be used."""
    return ToolFault("INVALID_INPUT", message)


def affordable(steps: int) -> None:
    """Raise ToolFault where so many steps are more than one tool call may take.

    Asked before the work is begun, and counted from the data alone: the same on every machine.
    """
    if steps > MOST_STEPS:
        raise invalid(
            f"This takes {steps:,} steps of work; one call may take {MOST_STEPS:,}. Use less data."
        )


def failed(message: str) -> ToolFault:
    """The arguments are fine, but the work could not be done."""
    return ToolFault("OPERATION_FAILED", message)
