from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from stormproof.errors import StoreCorrupt, StoreError
from stormproof.store import FORMAT, Header, read_header
from stormproof.store.header import write_header

HEADER = Header(suite="1.0", seed=3, simulated=True, created_at=5.0)


def test_read_as_written(tmp_path: Path) -> None:
    write_header(tmp_path, HEADER)
    assert read_header(tmp_path) == HEADER
    assert json.loads((tmp_path / "header.json").read_text())["format"] == FORMAT


def test_fields_of_a_later_version_are_no_obstacle(tmp_path: Path) -> None:
    write_header(tmp_path, HEADER)
    data = json.loads((tmp_path / "header.json").read_text()) | {"colour": "blue"}
    (tmp_path / "header.json").write_text(json.dumps(data))
    assert read_header(tmp_path) == HEADER


def test_a_folder_made_under_the_former_name(tmp_path: Path) -> None:
    header = read_header(Path(__file__).parent / "format1")
    assert (header.windtunnel, header.stormproof, header.made_by) == ("0.1.0", "", "0.1.0")
    write_header(tmp_path, replace(HEADER, stormproof="0.2.0"))
    assert read_header(tmp_path).made_by == "0.2.0"
    assert "windtunnel" not in (tmp_path / "header.json").read_text()
    assert HEADER.made_by == ""


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (FORMAT + 1, "this Stormproof reads format 1 and older"),
        (0, "no Stormproof has written"),
    ],
)
def test_other_formats_are_refused_with_the_reason(
    tmp_path: Path, version: int, reason: str
) -> None:
    (tmp_path / "header.json").write_text(json.dumps({"format": version, "shape": "unknown"}))
    with pytest.raises(StoreError, match=reason) as raised:
        read_header(tmp_path)
    assert not isinstance(raised.value, StoreCorrupt)
    assert raised.value.hint


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format":1}', '{"format":"x"}', "\xff", "\0" * 9]
)
def test_garbage_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "header.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreCorrupt, match=r"header\.json cannot be read") as raised:
        read_header(tmp_path)
    assert "stormproof repair" in raised.value.hint


def test_a_folder_without_results(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(StoreError, match="holds no results") as raised:
            read_header(place)
        assert "--results" in raised.value.hint
