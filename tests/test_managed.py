"""The manifest of the managed files is current, the same on every platform, and complete in a rendered repository."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from copier import run_copy
from rendering import ROOT, commit, files

SCRIPT = Path("hooks", "lock_managed.py")


def lock(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_the_manifest_is_current() -> None:
    done = lock(ROOT, "--check")
    assert done.returncode == 0, done.stderr


def test_a_changed_managed_file_makes_the_manifest_stale(template: Path, tmp_path: Path) -> None:
    shutil.copytree(template, tmp_path / "t")
    assert lock(tmp_path / "t").returncode == 0
    managed = tmp_path / "t" / "template" / "noxfile.py"
    text = managed.read_bytes()
    managed.write_bytes(text.replace(b"\n", b"\r\n"))
    assert lock(tmp_path / "t", "--check").returncode == 0, "line endings are no change"
    managed.write_bytes(text + b"# changed\n")
    stale = lock(tmp_path / "t", "--check")
    assert stale.returncode == 1
    assert "run nox -s stamp" in stale.stderr


def test_the_manifest_lists_what_a_repository_gets(template: Path, tmp_path: Path) -> None:
    run_copy(str(template), tmp_path / "flights", defaults=True, quiet=True)
    commit(tmp_path / "flights")
    manifest = json.loads((tmp_path / "flights" / "src" / "quality" / "manifest.json").read_text(encoding="utf-8"))
    managed = {name for name in files(tmp_path / "flights") if name.startswith(tuple(manifest["managed"]))}
    assert managed - {"src/quality/manifest.json"} == set(manifest["files"])


def test_the_template_and_its_repositories_are_linted_and_typed_by_the_same_rules(
    template: Path, tmp_path: Path
) -> None:
    run_copy(str(template), tmp_path / "flights", defaults=True, quiet=True)
    here, there = (
        tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
        for folder in (ROOT, tmp_path / "flights")
    )
    for setting in ("select", "ignore"):
        assert here["ruff"]["lint"][setting] == there["ruff"]["lint"][setting]
    for setting in ("strict", "plugins", "python_version", "warn_unreachable"):
        assert here["mypy"][setting] == there["mypy"][setting]
