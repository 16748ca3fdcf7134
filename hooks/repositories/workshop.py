"""A fresh clone on a branch of its own, in which one repository is changed, proved and committed, or thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from repositories.git import GitError, changed, git, has_files, surroundings, text
from repositories.outcome import Outcome, remembered
from repositories.places import Place, slug

HANGS = 3_600
WORDS = ("***", "FAILED", "ERROR", "E  ", "error:", "Error")
FALLBACK = {"NAME": "fleet", "EMAIL": "fleet@localhost"}


@dataclass(frozen=True)
class Workshop:
    """Where the clones of a run lie: one folder for each repository, whole or not there."""

    folder: Path

    def kept(self, place: Place) -> Path:
        """The clone that a repository's change is in, once it is whole."""
        return self.folder / slug(place.name)

    def note(self, place: Place, suffix: str) -> Path:
        """A file about a repository beside its clone."""
        return self.folder / f"{slug(place.name)}{suffix}"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other runs out of the folder until this one ends, however it ends; GitError where one is in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            yield
            return
        import fcntl

        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            said = f"another run is at work in {self.folder}"
            raise GitError(f"{said}: wait until it ends, or name another folder by --work") from None
        except OSError:
            pass  # a disk that has no locks
        try:
            yield
        finally:
            os.close(handle)

    def left(self, clone: Path, outcome: Outcome) -> Outcome:
        """The outcome with what a run leaves in a clone: its last commit, and files that are not committed."""
        besides = tuple(path for _, path in changed(clone))
        return replace(outcome, made=text(clone, "rev-parse", "HEAD"), besides=besides)

    def work(self, place: Place) -> str:
        """What somebody did in a clone that an earlier run kept, and what to do; empty where there is nothing."""
        kept, before = self.kept(place), remembered(self.note(place, ".json"))
        if before is None or not before.made or not has_files(kept):
            return ""
        ours = ("HEAD", "--branches", "--glob=refs/stash", "--not", before.made, "--remotes")
        commits = len(text(kept, "rev-list", *ours).split())
        files = [path for _, path in changed(kept) if path not in before.besides]
        found = [f"{n} {what}{'' if n == 1 else 's'}" for n, what in ((commits, "commit"), (len(files), "file")) if n]
        todo = "push it, or delete the clone"
        return f"{kept} holds work that no run did ({' and '.join(found)}): {todo}" if found else ""

    @contextmanager
    def clone(self, place: Place, branch: str) -> Iterator[Path]:
        """A fresh clone on a new branch; what an earlier run left of it is removed, and so is what is left of this."""
        target, cache = self.note(place, ".partial"), self.note(place, ".cache")
        for path in (target, cache, self.kept(place)):
            shutil.rmtree(path, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        source = str(place.folder or place.address or place.name)
        try:
            git(self.folder, "clone", "--quiet", "--no-hardlinks", "--", source, str(target))
            if place.folder is not None:
                with suppress(GitError):
                    git(target, "remote", "set-url", "origin", text(place.folder, "remote", "get-url", "origin"))
            git(target, "switch", "--quiet", "--create", branch)
            yield target
        finally:
            shutil.rmtree(target, ignore_errors=True)
            shutil.rmtree(cache, ignore_errors=True)

    def keep(self, place: Place, clone: Path) -> Path:
        """The clone under its own name: from now on it is whole."""
        return clone.rename(self.kept(place))

    def run(self, place: Place, clone: Path, command: list[str] | str, **env: str) -> subprocess.CompletedProcess[str]:
        """A command in a clone, with a cache of Copier's of its own; a text goes to the shell."""
        mine = {"COPIER_CACHE_DIR": str(self.note(place, ".cache")), "GIT_TERMINAL_PROMPT": "0"}
        words = command if isinstance(command, list) else ["sh", "-c", command]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        try:
            return subprocess.run(
                words,
                cwd=clone,
                env=surroundings() | identity(clone) | mine | {"PATH": path} | env,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=HANGS,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, 124, "", f"it took longer than {HANGS} s")


def identity(clone: Path) -> dict[str, str]:
    """Who commits, where git does not know."""
    try:
        text(clone, "config", "user.email")
    except GitError:
        return {f"GIT_{who}_{what}": said for who in ("AUTHOR", "COMMITTER") for what, said in FALLBACK.items()}
    return {}


def commit(clone: Path, message: str) -> bool:
    """Commit everything; whether there was anything."""
    git(clone, "add", "--all")
    if not git(clone, "status", "--porcelain"):
        return False
    git(clone, "commit", "--quiet", "--no-verify", "--message", message, env=identity(clone))
    return True


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The first line that says what failed; the last one where none does."""
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    return next((line for line in lines if line.startswith(WORDS)), lines[-1] if lines else f"exit {done.returncode}")
