from __future__ import annotations

import json

import pytest

from stormproof.cli.streams import emit_json

STEERING = "\u202egnp.exe\u2066 \x1b[31m \x9b2J \u2028 \U000e0001 plain é 余额"


def test_json_steers_no_terminal_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"text": STEERING, STEERING: 1})
    written = capsys.readouterr().out
    assert written.replace("\n", "").isprintable()
    assert "plain é 余额" in written
    assert json.loads(written) == {"text": STEERING, STEERING: 1}
