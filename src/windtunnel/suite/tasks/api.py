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
    s.say("pass_on", columns=s.columns(names), inlet=inlet)


ARCHETYPES = (pass_on,)
