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
    s.say(
        (
            "{team} asks what the total {amount} per {group} is, counting only {records}. Work it "
            "out from {source}, and write the table to {target}.",
            "from {source}, add up the {amount} per {group} over the {records}, and "
            "leave the totals in {target}.",
        ),
        (
            "in {why} somebody will ask how much {amount} there was in all with {records}, {group} "
            "by {group}. {team} wants the answer for {source} in {target}.",
        ),
        amount=s.column(amount),
        group=s.column(group),
        records=s.in_state(value),
        target=code(target),
    )


ARCHETYPES = (totals_of_state,)
