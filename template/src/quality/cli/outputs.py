"""What a command prints, whoever reads it: somebody who goes away, nobody, or a program that wants one document."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

from quality.cli.complaints import complain, unexpected


class Unread(io.FileIO):
    """An output whose reader may go away, as `head -1` does: the work goes on, and ends with its verdict.

    What cannot be written for another reason, as on a full disk, is an OSError once.
    """

    lost = False

    def write(self, data: Any, /) -> int:
        if not self.lost:
            try:
                return super().write(data)
            except OSError as error:
                self.lost = True
                if not isinstance(error, BrokenPipeError):
                    raise OSError(error.errno, error.strerror, "what this prints") from None
        return memoryview(data).nbytes


def opened() -> None:
    """Sees that input and outputs are there: what is closed is nobody's, and no file that is opened takes its place."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(handle, True)
    os.close(handle)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - a handle
    sys.stdout, sys.stderr = _patient(sys.stdout, 1), _patient(sys.stderr, 2)


def closed(code: int) -> int:
    """The exit code, once everything is written; 3 where it cannot be."""
    try:
        sys.stdout.flush()
    except OSError as error:
        complain([unexpected(error, "")])
        return 3
    return code


def _patient(output: Any, number: int) -> Any:
    """An output that outlives its reader; what is no file, as a console of Windows, stays as it is."""
    buffer = getattr(output, "buffer", None)
    if output is not None and type(getattr(buffer, "raw", buffer)) is not io.FileIO:
        return output
    encoding, errors = (output.encoding, output.errors) if output else ("utf-8", "backslashreplace")
    file = io.BufferedWriter(Unread(number, "w", closefd=False))
    return io.TextIOWrapper(file, encoding, errors, line_buffering=number == 2 or file.isatty())


@contextmanager
def spoken_aside() -> Iterator[None]:
    """What is said meanwhile, by this process and by those that it starts, goes to standard error."""
    with suppress(ValueError):
        sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(own, 1)
        os.close(own)
