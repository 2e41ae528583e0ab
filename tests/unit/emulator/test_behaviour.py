from __future__ import annotations

from pathlib import Path

import pytest

from stormproof.domain.pool import Limits
from stormproof.emulator.behaviour import (
    EmulatorOptions,
    Latency,
    Rule,
    load_options,
    read_options,
)
from stormproof.errors import ConfigError

DECLARED = Limits(max_workers=5, qps=10)


def test_without_rules_an_endpoint_has_the_limits_of_its_pool() -> None:
    behaviour = EmulatorOptions(latency=Latency(sigma=0)).behaviour("x", DECLARED)
    assert behaviour.limits == DECLARED
    assert behaviour.latency.sigma == 0
    assert behaviour.faults == {}


def test_later_rules_beat_earlier_ones_field_by_field_and_zero_takes_a_limit_away() -> None:
    rules = (
        Rule("qwen*", max_workers=8, qps=0, faults={"500": 0.1}),
        Rule("*@key1", max_workers=2),
        Rule("other", kind="queue"),
    )
    behaviour = EmulatorOptions(rules=rules).behaviour("qwen@key1", DECLARED)
    assert behaviour.limits == Limits(max_workers=2, qps=None)
    assert behaviour.faults == {"500": 0.1}
    assert behaviour.kind == "refuse"


def test_a_file_says_it_in_toml_or_json(tmp_path: Path) -> None:
    toml = tmp_path / "o.toml"
    toml.write_text(
        '[emulator]\nseed = 7\n[[emulator.rules]]\nmatch = "a"\n'
        "outages = [{ from_s = 1, to_s = 2 }]\n[providers.other]\n"
    )
    json = tmp_path / "o.json"
    json.write_text('{"seed": 7, "rules": [{"match": "a", "outages": [{"from_s": 1, "to_s": 2}]}]}')
    assert load_options(toml) == load_options(json)
    assert load_options(toml).rules[0].outages


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"faults": {"505": 0.1}}, "505"),
        ({"faults": {"500": 1.1}}, "faults"),
        ({"rules": [{"max_worker": 1}]}, r"rules\[0\]"),
        ({"time_scale": 0}, "time_scale"),
        ({"rules": [{"outages": [{"kind": "flood"}]}]}, "outages"),
    ],
)
def test_a_mistake_is_named_with_its_place(data: dict[str, object], place: str) -> None:
    with pytest.raises(ConfigError, match=place) as raised:
        read_options(data)
    assert raised.value.hint


@pytest.mark.parametrize("text", [b"[emulator", b"\xff", b"emulator = 3"])
def test_an_unreadable_file_is_named(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "o.toml"
    path.write_bytes(text)
    with pytest.raises(ConfigError):
        load_options(path)
    with pytest.raises(ConfigError, match="nowhere"):
        load_options(tmp_path / "nowhere.toml")
