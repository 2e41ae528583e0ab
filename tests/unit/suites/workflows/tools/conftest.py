from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from stormproof.domain.tasks import Resource, Task
from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import World

ORDERS = "id,amount,status\n1,10.5,paid\n2,20,open\n3,,paid\n4,31,open\n"


class Bench:
    """A world and the calls of a test on it."""

    def __init__(self, **data: Any) -> None:
        self.task = Task("t", "simple_task", "easy", "", (), (), (), **data)
        self.world = World(self.task)

    def call(self, tool: str, /, **arguments: Any) -> Any:
        """The value of a call that must succeed."""
        result = run_tool(self.world, tool, arguments)
        assert result.ok, result
        assert result.handle is not None
        assert self.world.results[result.handle].value is result.value
        return result.value

    def fault(self, tool: str, /, **arguments: Any) -> tuple[str | None, str]:
        """Code and text of a call that must fail and leave no result."""
        before = len(self.world.results)
        result = run_tool(self.world, tool, arguments)
        assert not result.ok
        assert result.value is None
        assert len(self.world.results) == before
        return result.error_code, result.message


@pytest.fixture
def bench() -> Callable[..., Bench]:
    def make(
        files: Mapping[str, str] | None = None,
        resources: Mapping[str, Resource | str] | None = None,
        credentials: Mapping[str, str] | None = None,
    ) -> Bench:
        answers = {
            url: Resource(200, given) if isinstance(given, str) else given
            for url, given in (resources or {}).items()
        }
        return Bench(files=files or {}, resources=answers, credentials=credentials or {})

    return make


@pytest.fixture
def orders(bench: Callable[..., Bench]) -> Bench:
    """A file of orders, read and parsed: `data_processing_parser_1`."""
    made = bench(files={"data/orders.csv": ORDERS})
    made.call("file_operations_reader")
    made.call("data_processing_parser")
    return made
