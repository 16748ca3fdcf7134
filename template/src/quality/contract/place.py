"""Where the repository is, and its files as they are now."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from quality.files import expanded

T = TypeVar("T")


def root() -> Path:
    """The repository's folder: QUALITY_ROOT, the nearest one upwards with `datasets/` and `policy.yml`, or this code's.

    A worker runs in a folder of its own; there, the checkout that this code is installed from is the repository.
    """
    if given := os.environ.get("QUALITY_ROOT"):
        return Path(given)
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).parents[3]):
        if (folder / "policy.yml").is_file() and (folder / "datasets").is_dir():
            return folder
    return here


def local(path: str) -> Path:
    """Where a folder or a file lies that people wrote: from the repository on or, where it begins with `~`, a home."""
    return root() / expanded(path)


def parsed(path: Path, parse: Callable[[Path], T]) -> T:
    """What a file says, parsed again only when its bytes are others: a repository has hundreds of them."""
    try:
        written = path.read_bytes()
    except OSError:
        return parse(path)
    return cast("T", _parsed_once(path, written, parse))


@functools.lru_cache(maxsize=2_048)
def _parsed_once(path: Path, written: bytes, parse: Callable[[Path], object]) -> object:
    return parse(path)
