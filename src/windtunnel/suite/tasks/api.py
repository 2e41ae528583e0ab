"""Archetypes of API integration: three or four required tools."""

from __future__ import annotations

from windtunnel.suite.tasks import steps
from windtunnel.suite.tasks.scene import Scene


def pass_on(s: Scene) -> None:
    """Records of one service, reduced to what another one may have, and sent there."""
    form = s.rng.choice(("json", "csv"))
    url = s.table_address(form)
    inlet = s.inlet(s.rng.choice(("partner-feed", "handover", "regulator-inbox")))
    names = [s.subject.id, s.subject.group, s.rng.choice((s.subject.amount, s.subject.count))]
    steps.fetch(s, url)
    steps.parse(s, form)
    steps.columns_only(s, names)
    steps.post(s, inlet, "the reduced records")
    s.check("post", inlet, [{name: row[name] for name in names} for row in s.rows])
    s.say(
        (
            "take {source}, and send them to {inlet}, with {columns} and nothing else.",
            "our partner may have {columns} of each {one}, but no other field. Send them all of "
            "{source} in that form; they take it at {inlet}.",
        ),
        (
            "the people behind {inlet} are waiting for {source}. By our contract they get to know "
            "the {columns} of each {one} and nothing more.",
            "for {why}, {inlet} has to receive {source}. Privacy rules leave us three fields to "
            "hand out, the {columns}; whatever else stands there stays in the house.",
        ),
        columns=s.columns(names),
        inlet=inlet,
    )


ARCHETYPES = (pass_on,)
