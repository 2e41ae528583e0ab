from __future__ import annotations

import io

from rich.console import Console

from stormproof.audit import audit_of
from stormproof.audit.evidence import Evidence
from stormproof.audit.turn_signs import TurnSigns
from stormproof.cli.audit_text import audit_text


def test_recorded_text_does_not_steer_a_terminal() -> None:
    hostile = Evidence(
        trial_id="1",
        model="m\x1b]0;owned\x07",
        task_id="t",
        cell={"prompt_type": "p\u202e"},
        infrastructure=False,
        turns=1,
        signs=TurnSigns(calls_seen=1),
        lost_first=False,
        format_errors=0,
        recorded=True,
        full=True,
    )
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(*audit_text(audit_of([hostile], ["prompt_type"])), sep="\n")
    text = console.export_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "m⟨U+001B⟩" in text
