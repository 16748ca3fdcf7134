"""To 1.0.0: the answer `dataset` is called `source`, the policy's `expiration_seconds` is called `reuse_seconds`.

Copier runs it in the repository before the update that crosses 1.0.0, and only when it is trusted. It renames keys
and leaves every other byte as it is; a second run changes nothing.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

RENAMES = {
    ".copier-answers.yml": (re.compile(rb"^dataset(?=:)", re.MULTILINE), b"source"),
    "policy.yml": (re.compile(rb"\bexpiration_seconds(?=\s*:)"), b"reuse_seconds"),
}


def migrate(root: Path) -> list[str]:
    """Rename what is there to rename, and name the files that changed."""
    changed = []
    for name, (old, new) in RENAMES.items():
        path = root / name
        before = path.read_bytes() if path.exists() else b""
        after = old.sub(new, before)
        if after != before:
            replace(path, after)
            changed.append(name)
    return changed


def replace(path: Path, content: bytes) -> None:
    """Give a file its new content in one step: a crash leaves the old file or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).chmod(path.stat().st_mode)
    Path(temporary).replace(path)


if __name__ == "__main__":
    for changed in migrate(Path.cwd()):
        print(f"migrated {changed} to 1.0.0")
