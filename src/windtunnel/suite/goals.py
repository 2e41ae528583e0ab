"""Whether a task's goal is reached: checks on the final World.

| kind | subject | expected | holds when |
|---|---|---|---|
| `file` | path | text or structure | the file is there and its content is the same |
| `archive` | path | text or structure | the gzip or zip there holds the same content |
| `post` | URL | body | a body received there is the same |
| `post_once` | URL | body | likewise, and nothing else was received there |
| `queue` | queue name | list of messages | the queue holds exactly these, in order |
| `routed` | destination | list of records | exactly these were routed there |
| `cache` | key | value | the key holds the same value |
| `notification` | recipient | fields | one sent has these `channel`, `message`, or `contains` |
| `log` | level, or empty | text | an entry of the level (any, if empty) contains the text |
| `schedule` | job | fields | it is planned with these `every`, `at` |
| `session` | service | ignored | a session is open |
| `connection` | system | ignored | it is connected |
| `tracked` | name | status | its latest status is this |
| `result` | tool or handle | value | a result of it is the same |
"""

from __future__ import annotations

from collections.abc import Iterable

from windtunnel.domain.tasks import Check
from windtunnel.suite.world import World

KINDS = (
    "file",
    "archive",
    "post",
    "post_once",
    "queue",
    "routed",
    "cache",
    "notification",
    "log",
    "schedule",
    "session",
    "connection",
    "tracked",
    "result",
)


def goal_met(world: World, checks: Iterable[Check]) -> bool:
    """Whether all checks hold on the world as it is."""
    raise NotImplementedError
