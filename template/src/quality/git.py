"""What git prints, or why it prints nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from quality.masking import masked

SECONDS = 60
QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10",
    "LC_ALL": "C",
}
"""Nobody is asked for a password, as nobody may be there; what went wrong is said in one language."""


class UnansweredError(Exception):
    """Git did not do what it was asked: its first line, or that it is not there, or took too long."""


def git(folder: Path, *words: str, given: bytes = b"", seconds: int = SECONDS) -> bytes:
    """What git prints in a folder, told `given`; UnansweredError where it fails."""
    command = ["git", "-C", str(folder), "-c", "core.quotePath=false", *words]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, check=True, env=os.environ | QUIET, timeout=seconds
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UnansweredError(masked(lines[0].removeprefix("fatal: ")) if lines else f"git {words[0]} failed") from None
    except FileNotFoundError:
        raise UnansweredError("git is not installed here; install it, or put it on PATH") from None
    except subprocess.TimeoutExpired:
        raise UnansweredError(f"git {words[0]} took longer than {seconds} seconds") from None
    except OSError as error:
        raise UnansweredError(f"git cannot be run: {error.strerror or type(error).__name__}") from None
    return done.stdout
