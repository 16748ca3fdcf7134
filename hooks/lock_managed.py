"""Write the manifest of the managed files, or check it: `python hooks/lock_managed.py [--check]`.

The manifest maps each managed path of a generated repository to the SHA-256 of its bytes with line endings as LF.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent / "template"
MANIFEST = TEMPLATE / "src" / "quality" / "manifest.json"
MANAGED = ("constraints", "noxfile.py", "src/quality", "tests/quality")


def digest(path: Path) -> str:
    """The hash of a file, the same on every platform."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def manifest() -> str:
    """The manifest as it should be, as JSON."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *MANAGED]
    names = subprocess.run(listed, cwd=TEMPLATE, check=True, capture_output=True, encoding="utf-8").stdout.split("\0")
    paths = sorted({name for name in names if name and (TEMPLATE / name).is_file()})
    files = {name: digest(TEMPLATE / name) for name in paths if TEMPLATE / name != MANIFEST}
    return json.dumps({"managed": MANAGED, "files": files}, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """0 when the manifest is current or was written, 1 when it is stale, 2 on wrong use."""
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    wanted = manifest()
    current = MANIFEST.exists() and MANIFEST.read_text(encoding="utf-8") == wanted
    if arguments and not current:
        print(f"{MANIFEST.relative_to(TEMPLATE)} is stale: run nox -s stamp", file=sys.stderr)
        return 1
    if not current:
        MANIFEST.write_text(wanted, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
