"""One writer per results folder: a lock that the system drops when its process dies."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import msgspec
from msgspec import Struct

from stormproof.errors import StoreLocked
from stormproof.store.disk import told, write_all

LOCK_FILE = "lock"


class Holder(Struct, frozen=True):
    """Who holds the lock. `started` tells two processes apart that had the same pid."""

    pid: int
    host: str
    started: str = ""


class FolderLock:
    """Held from construction to `release`. Raises StoreLocked naming the process that has it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        with told("open", self._path):
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._take()
        except BaseException:
            os.close(self._fd)
            raise

    def _take(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._locked(self._holder()) from None
        except OSError:  # a file system without locks: the word of the file is all there is
            holder = self._holder()
            if holder is not None and _may_live(holder):
                raise self._locked(holder) from None
        with told("write", self._path):
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            write_all(self._fd, msgspec.json.encode(_this_process()) + b"\n")

    def release(self) -> None:
        """Let the next process in."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)

    def _holder(self) -> Holder | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError):
            return None

    def _locked(self, holder: Holder | None) -> StoreLocked:
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        return StoreLocked(
            f"{self._path.parent} is in use by {who}",
            hint="wait for it, stop it, or choose another folder with --results FOLDER",
        )


def _this_process() -> Holder:
    return Holder(os.getpid(), socket.gethostname(), _started(os.getpid()))


def _may_live(holder: Holder) -> bool:
    """False only where the process is known to be gone; another machine's is beyond our sight."""
    return holder.host != socket.gethostname() or _started(holder.pid) == holder.started != ""


def _started(pid: int) -> str:
    """The process's start in clock ticks since boot; "" where it is gone or cannot be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
