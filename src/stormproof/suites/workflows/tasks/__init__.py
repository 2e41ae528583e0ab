"""The suite's tasks: 5,040 by default, as many as asked, made from their ids alone."""

from stormproof.suites.workflows.tasks.generate import (
    SUITE_VERSION,
    find_task,
    load_task,
    small_sibling,
)
from stormproof.suites.workflows.tasks.identity import DEFAULT_COUNTS, TaskIds, task_ids

__all__ = [
    "DEFAULT_COUNTS",
    "SUITE_VERSION",
    "TaskIds",
    "find_task",
    "load_task",
    "small_sibling",
    "task_ids",
]
