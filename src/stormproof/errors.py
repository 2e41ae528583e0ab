"""Every error Stormproof raises on purpose, on one page.

    StormproofError
    ├ ConfigError                 the user edits a file or a flag         exit 2
    │ ├ PoolFileError
    │ └ PlanError
    ├ CallError                   a model call that gave no reply; the dispatcher raises it
    │ ├ RateLimited               to the episode only when its own retries are spent
    │ ├ TransientFailure
    │ ├ RequestRejected
    │ ├ ContextOverflow         the episode ends there, and is scored as it stands
    │ ├ PromptBlocked           the episode ends there, as blocked
    │ └ AuthFailed
    ├ SuiteError                  a bug in a tool, a task or a scorer     exit 70
    ├ BackendError                workers that a run needs are not there  exit 3
    └ StoreError                                                          exit 3
      ├ StoreLocked
      ├ StoreCorrupt
      └ PlanMismatch

A simulated tool failure is a value, never an exception.
"""

from __future__ import annotations

from typing import ClassVar


class StormproofError(Exception):
    """Base of all. `hint` says what to do next and is printed on a line of its own."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(StormproofError):
    """A flag, a file or an environment variable says what cannot be done."""

    exit_code = 2


class PoolFileError(ConfigError):
    """The pool file is wrong; the message holds every mistake, a line each."""


class PlanError(ConfigError):
    """The grid asked for cannot be planned."""


class CallError(StormproofError):
    """A model call ended without a reply; most end their episode as `infrastructure`."""


class RateLimited(CallError):
    """Refused for rate or quota until the retry budget was spent."""


class TransientFailure(CallError):
    """Timeouts, resets, 5xx or malformed HTTP until the retry budget was spent."""


class RequestRejected(CallError):
    """Every endpoint that was asked rejects this very request (400, 413, 422)."""


class ContextOverflow(CallError):
    """The conversation no longer fits the model's context window."""


class PromptBlocked(CallError):
    """A provider's filter let the conversation not through."""


class AuthFailed(CallError):
    """No endpoint of the model accepts our credentials or has the deployment."""


class SuiteError(StormproofError):
    """A bug in a tool, a task or a scorer: ours to mend, never a result."""

    exit_code = 70


class BackendError(StormproofError):
    """Workers cannot be started, or none of them is left."""

    exit_code = 3


class StoreError(StormproofError):
    """The results folder cannot be read or written as it should."""

    exit_code = 3


class StoreLocked(StoreError):
    """Another live process holds the results folder."""


class StoreCorrupt(StoreError):
    """Stored bytes do not check out."""


class PlanMismatch(StoreError):
    """The results folder belongs to another plan."""
