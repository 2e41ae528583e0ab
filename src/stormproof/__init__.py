"""Stormproof: LLM agents in controlled turbulence, at the full speed of every endpoint you own.

    import stormproof

    summary = stormproof.run(stormproof.RunOptions(models=("kimi-k2",), num_instances=2))

Every name of `__all__` is described in docs/api.md, and loaded when it is first asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers take it for true; `typing` itself takes long to import
if TYPE_CHECKING:
    from typing import Any, Final

    from stormproof.audit import audit_folder as audit
    from stormproof.errors import CallError as CallError
    from stormproof.errors import ConfigError as ConfigError
    from stormproof.errors import StoreError as StoreError
    from stormproof.errors import StormproofError as StormproofError
    from stormproof.errors import SuiteError as SuiteError
    from stormproof.plan import RunOptions as RunOptions
    from stormproof.plan.python_api import Pool as Pool
    from stormproof.plan.python_api import plan as plan
    from stormproof.progress import Progress as Progress
    from stormproof.report import write_report as write_report
    from stormproof.runner import run as run
    from stormproof.runner import run_async as run_async
    from stormproof.session import RunSummary as RunSummary
    from stormproof.session import Stop as Stop
    from stormproof.store import query as query
    from stormproof.store import read_episodes as read_episodes

__all__ = [
    "CallError",
    "ConfigError",
    "Pool",
    "Progress",
    "RunOptions",
    "RunSummary",
    "Stop",
    "StoreError",
    "StormproofError",
    "SuiteError",
    "__version__",
    "audit",
    "plan",
    "query",
    "read_episodes",
    "run",
    "run_async",
    "write_report",
]

# Public name → the room that has it, and its name there.
_HOMES: Final = {
    "CallError": ("errors", "CallError"),
    "ConfigError": ("errors", "ConfigError"),
    "Pool": ("plan.python_api", "Pool"),
    "Progress": ("progress", "Progress"),
    "RunOptions": ("plan", "RunOptions"),
    "RunSummary": ("session", "RunSummary"),
    "Stop": ("session", "Stop"),
    "StoreError": ("errors", "StoreError"),
    "StormproofError": ("errors", "StormproofError"),
    "SuiteError": ("errors", "SuiteError"),
    "audit": ("audit", "audit_folder"),
    "plan": ("plan.python_api", "plan"),
    "query": ("store", "query"),
    "read_episodes": ("store", "read_episodes"),
    "run": ("runner", "run"),
    "run_async": ("runner", "run_async"),
    "write_report": ("report", "write_report"),
}


if not TYPE_CHECKING:  # or every name would seem to be there

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        room, own_name = _HOMES[name]
        found = getattr(import_module(f"{__name__}.{room}"), own_name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _FrontDoor(ModuleType):
    """`plan` and `audit` are functions here and rooms too.

    The import system sets every room that it loads as an attribute of this module. For these two
    it must not: `stormproof.plan` is the function, `from stormproof.plan import …` the room.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontDoor
