"""Writing so that it stays written, and saying it in words when that cannot be done."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from stormproof.errors import StoreCorrupt, StoreError

TEMPORARY = ".tmp"  # a file with this ending was never finished; what it held is elsewhere
_CHUNK = 1 << 20
_ELSEWHERE = "choose a folder that can be written: --results FOLDER"
_A_FILE = "a file stands where the results folder should be: --results FOLDER chooses another"
_FULL = "free some space, then run the same command again: nothing acknowledged is lost"
_HINTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), then run the same command again",
    errno.EROFS: _ELSEWHERE,
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.ENOTDIR: _A_FILE,
    errno.EEXIST: _A_FILE,
    errno.EIO: "the disk fails: copy the folder to a sound one, then run again there",
}


@contextmanager
def store_errors(action: str, path: Path) -> Iterator[None]:
    """Turn the system's error into one clear StoreError: `cannot {action} {path}: …`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot {action} {path}: {error.strerror or error}",
            hint=_HINTS.get(error.errno or 0, "run the same command again once this is mended"),
        ) from error


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; the system may take them in several bites."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(folder: Path) -> None:
    """Make the folder's list of names durable (a rename is not, until then)."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_whole(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Let `fill` write a file that appears under its name whole and durable, or not at all."""
    _write(path.with_name(path.name + TEMPORARY), fill, lambda _: path)


def write_checked(folder: Path, stem: str, ending: str, fill: Callable[[BinaryIO], object]) -> Path:
    """The same, for a file that has the checksum of its content in its name; gives its path."""
    temporary = folder / (stem + ending + TEMPORARY)
    return _write(temporary, fill, lambda written: folder / f"{stem}-{checksum(written)}{ending}")


def _write(
    temporary: Path, fill: Callable[[BinaryIO], object], name: Callable[[Path], Path]
) -> Path:
    with store_errors("write", temporary.with_name(temporary.name.removesuffix(TEMPORARY))):
        with temporary.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        path = name(temporary)
        temporary.rename(path)
        sync_folder(path.parent)
        return path


def checksum(path: Path) -> str:
    """CRC-32 of a file's content, 8 hex digits."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            crc = crc32(chunk, crc)
    return f"{crc:08x}"


def damaged(path: Path, why: str) -> StoreCorrupt:
    """The one clear error for a part's file that cannot be read."""
    return StoreCorrupt(
        f"{path} is damaged: {why}",
        hint=f"run: stormproof repair {path.parent.parent} (it keeps a copy)",
    )
