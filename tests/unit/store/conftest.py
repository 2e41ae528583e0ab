"""Stores as the tests of this room open them."""

import pytest

from stormproof.store import folder


@pytest.fixture(autouse=True)
def no_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """No record waits for others to be written with it: `test_group_commit` sees to that."""
    monkeypatch.setattr(folder, "LINGER_S", 0.0)
