"""Values that tools work on: their forms, and what can be worked out from them.

Whatever cannot be done with a value is a ToolFault, the one exception that tools raise: it becomes
an error code in the tool call's result.
"""

from __future__ import annotations


class ToolFault(Exception):
    """The work could not be done: an error code of the tool's own list, and what is wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> ToolFault:
    """The arguments, or the data that they name, cannot be used."""
    return ToolFault("INVALID_INPUT", message)


def failed(message: str) -> ToolFault:
    """The arguments are fine, but the work could not be done."""
    return ToolFault("OPERATION_FAILED", message)
