"""The code that judges in a repository, by its digest, as the repository computes it itself; none of it is run."""

from __future__ import annotations

from pathlib import Path

from quality.contract.judging_modules import decides, digest_of
from repositories.git import FILE_MODE, contents
from repositories.snapshot import Snapshot

PACKAGE, OURS = "src/quality/", Path(__file__).parents[2] / "template" / "src" / "quality"
HOW = ("contract/judging_modules.py", "contract/syntax.py")
"""What says how the digest is made: a repository in which that is other code makes another one."""


class Judging:
    """Digests by the content of the modules, each made once for the whole fleet."""

    def __init__(self) -> None:
        self._ours = {name: _lines((OURS / name).read_bytes()) for name in HOW}
        self._made: dict[tuple[frozenset[tuple[str, str]], str], str | None] = {}

    def of(self, snapshot: Snapshot, polars: str) -> str | None:
        """The digest of a repository's own code with a Polars such as 2.1; None where it is made otherwise there."""
        there = {
            name.removeprefix(PACKAGE): one.blob
            for name, one in snapshot.entries.items()
            if name.startswith(PACKAGE) and one.mode.startswith(FILE_MODE)
        }
        wanted = {name: blob for name, blob in there.items() if name in HOW or decides(name)}
        known = (frozenset(wanted.items()), polars)
        if known not in self._made:
            found = contents(snapshot.folder, wanted.values())
            self._made[known] = self._digest({name: found[blob] for name, blob in wanted.items()}, polars)
        return self._made[known]

    def _digest(self, modules: dict[str, bytes], polars: str) -> str | None:
        if any(_lines(modules.get(name, b"")) != ours for name, ours in self._ours.items()):
            return None
        return digest_of(modules, polars)


def _lines(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")
