from __future__ import annotations

from pathlib import Path

from stormproof.store.recovery import FolderLock, Holder, _may_live, _this_process


def test_who_may_still_live(tmp_path: Path) -> None:
    us = _this_process()
    assert _may_live(us)
    assert not _may_live(Holder(us.pid, us.host, "1"))  # the pid was given to somebody else
    assert not _may_live(Holder(2**22 + 1, us.host, us.started))
    assert _may_live(Holder(1, "another-machine", "1"))
    lock = FolderLock(tmp_path)
    assert (tmp_path / "lock").read_text().startswith(f'{{"pid":{us.pid}')
    lock.release()
    assert (tmp_path / "lock").read_text() == ""
