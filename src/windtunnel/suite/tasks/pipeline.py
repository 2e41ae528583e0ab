"""Archetypes of data pipelines: three to five required tools."""

from __future__ import annotations

from windtunnel.suite.tasks import records, steps
from windtunnel.suite.tasks.scene import Scene
from windtunnel.suite.tasks.wording import code


def totals_of_state(s: Scene) -> None:
    """The sum of one column by group, over the records of one state."""
    value, group, amount = s.pick_state(), s.subject.group, s.subject.amount
    steps.take_file(s, s.rng.choice(("csv", "json", "xml")))
    steps.keep_state(s, value)
    steps.summarise(s, "sum", amount)
    target = s.target(f"{value}_by_{group}", s.rng.choice(("csv", "json")))
    steps.write(s, target, "the totals")
    chosen = [row for row in s.rows if row[s.subject.state] == value]
    expected = [
        {group: name, f"sum_{amount}": records.total(rows, amount)}
        for name, rows in records.by_group(chosen, group).items()
    ]
    s.check("file", target, expected)
    s.say("totals_of_state", records=s.in_state(value), target=code(target))


ARCHETYPES = (totals_of_state,)
