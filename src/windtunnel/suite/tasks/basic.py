"""Archetypes of basic tasks: three or four required tools."""

from __future__ import annotations

from windtunnel.suite.tasks import steps
from windtunnel.suite.tasks.scene import Scene
from windtunnel.suite.tasks.wording import code


def keep_and_save(s: Scene) -> None:
    """The records of one state, in a file."""
    value = s.pick_state()
    steps.take_file(s, s.rng.choice(("csv", "json", "xml")))
    steps.keep_state(s, value)
    target = s.target(f"{value}_{s.subject.stem}", s.rng.choice(("csv", "json")))
    steps.write(s, target, "what is left")
    s.check("file", target, [row for row in s.rows if row[s.subject.state] == value])
    s.say("keep_and_save", records=s.in_state(value), target=code(target))


ARCHETYPES = (keep_and_save,)
