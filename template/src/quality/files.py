"""Files written whole or not at all, and folders that one process holds at a time."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

FOLDER, FILE = 0o700, 0o600
"""The modes of what holds rows: its owner's only."""
ROOM = 2**20
"""So many bytes are written to see whether there is room, while what did not fit is still there."""


def write_whole(path: Path, text: str, lasting: bool = True, private: bool = False) -> None:
    """Replaces a file in one step, so that no reader ever sees half of it and, where it is `lasting`, no crash does.

    A `private` file holds rows and is its owner's only, as its folder is where that is made here.
    """
    with whole(path, private) as half, half.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        if lasting:
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def whole(path: Path, private: bool = True, first: bool = False) -> Iterator[Path]:
    """A hidden file beside a path, which takes its place in one step once it is written; none where that fails.

    One that is to be the `first` takes the place of no other.
    """
    (private_folder if private else _folder)(path.parent)
    half = _half(path)
    try:
        if not private:
            half.chmod(0o666 & ~_umask())
        yield half
        (_appear if first else Path.replace)(half, path)
    finally:
        half.unlink(missing_ok=True)


def _appear(half: Path, path: Path) -> None:
    """Gives a file its name where no other has it; a file system without links takes the one that comes last."""
    try:
        path.hardlink_to(half)
    except FileExistsError:
        return
    except OSError:
        half.replace(path)


def no_room(folder: Path) -> OSError | None:
    """Why no more can be written in a folder, as where its disk is full; Polars has other words for that."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
    except OSError as error:
        return OSError(error.errno, error.strerror, str(folder))
    return None


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path with a user's home for its `~`; it stays a name where this machine has no such user."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - which never raises


def _half(path: Path) -> Path:
    """A new file beside a path; OSError, which names the path, where there can be none."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    os.close(handle)
    return Path(name)


def private_folder(path: Path) -> None:
    """Makes a folder, and those above it that are not there, its owner's only; one that is there stays as it is."""
    if path.is_dir():
        return
    private_folder(path.parent)
    path.mkdir(mode=FOLDER, exist_ok=True)


def _folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)


def _umask() -> int:
    """The mode bits that this process leaves out; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps other processes of this machine out of a folder; the lock ends with its holder, however that ends."""
    private_folder(folder)
    with (folder / ".lock").open("ab") as lock:
        _hold(lock)
        yield


if sys.platform == "win32":
    import msvcrt

    def _hold(lock: IO[bytes]) -> None:
        """Waits for the first byte of a file, which Windows gives up asking for after ten seconds."""
        while True:
            try:
                return msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
            except OSError as error:
                if error.errno != errno.EDEADLK:
                    raise
else:
    import fcntl

    def _hold(lock: IO[bytes]) -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
