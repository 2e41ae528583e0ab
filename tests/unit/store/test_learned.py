from pathlib import Path

import pytest

from stormproof.domain.pool import Start
from stormproof.store import Learned, forget_learned, keep_learned, read_learned
from stormproof.store.learned import LEARNED_FILE


def test_what_was_learned_is_kept_by_endpoint_with_its_time(tmp_path: Path) -> None:
    keep_learned(tmp_path, {"a": Start(10, 2.5, Start(30)), "b": Start(3)}, 100.0)
    keep_learned(tmp_path, {"b": Start(5), "c": Start()}, 200.0)
    assert read_learned(tmp_path) == {
        "a": Learned(Start(10, 2.5, Start(30)), 100.0),
        "b": Learned(Start(5), 200.0),
    }
    forget_learned(tmp_path)
    assert read_learned(tmp_path) == {}
    forget_learned(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"a": 1}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / LEARNED_FILE).write_bytes(damage)
    assert read_learned(tmp_path) == {}
