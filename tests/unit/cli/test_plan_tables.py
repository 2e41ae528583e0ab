from __future__ import annotations

from pathlib import Path

import pytest

from stormproof.cli import main

POOL = """
[providers.p]
base_url = "https://p.example/v1"
keys = { k = "env:K" }

[models.bare]
provider = "p"

[models.paced]
provider = "p"
endpoint_limits = { rpm = 600 }
"""


def test_fixed_mode_says_what_it_makes_of_undeclared_slots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pool.toml").write_text(POOL)
    words = ["plan", "--pool", str(tmp_path / "pool.toml"), "--results", str(tmp_path / "r")]
    assert main([*words, "--rate-mode", "fixed"]) == 0
    said = capsys.readouterr().out
    assert "No slots declared, so as many as the rate needs: paced." in said
    assert "Nothing declared, so 8 slots each in fixed mode: bare." in said
    assert main(words) == 0
    assert "in fixed mode" not in capsys.readouterr().out
