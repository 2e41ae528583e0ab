"""Archetypes of multi-stage pipelines: four to six required tools."""

from __future__ import annotations

from windtunnel.suite.tasks import steps
from windtunnel.suite.tasks.scene import Scene
from windtunnel.suite.tasks.wording import code


def vetted_extract(s: Scene) -> None:
    """Records of one state, reduced, checked and written."""
    value = s.pick_state()
    names = [s.subject.id, s.subject.group, s.subject.amount]
    steps.take_file(s, s.rng.choice(("csv", "json", "xml")))
    steps.keep_state(s, value)
    steps.columns_only(s, names)
    steps.ready(s, names)
    target = s.target(f"{value}_{s.subject.stem}", s.rng.choice(("csv", "json")))
    steps.write(s, target, "the records")
    kept = [row for row in s.rows if row[s.subject.state] == value]
    s.check("file", target, [{name: row[name] for name in names} for row in kept])
    s.say(
        "vetted_extract", columns=s.columns(names), records=s.in_state(value), target=code(target)
    )


ARCHETYPES = (vetted_extract,)
