"""What the tests share: the template as a tagged repository, a rendered one, and commands run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import plumbum
import polars as pl
import pytest
from copier import run_copy
from rendering import OTHER, ROOT, commit, git, lock, nox, release


@pytest.fixture(scope="session", autouse=True)
def isolated_git(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No one's git configuration: neither for git itself nor for Copier, which asks plumbum."""
    config = tmp_path_factory.mktemp("git") / "config"
    config.write_text("[user]\nname = Test\nemail = test@example.com\n[init]\ndefaultBranch = main\n", encoding="utf-8")
    settings = {"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", "QUALITY_ENV", "QUALITY_ROOT", "QUALITY_TUPLE"):
        os.environ.pop(name, None)
    os.environ.update(settings)
    plumbum.local.env.update(settings)


@pytest.fixture(scope="session")
def template(isolated_git: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree as a repository of its own, tagged v1.0.0."""
    target = tmp_path_factory.mktemp("template")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in {name for name in names if name and (ROOT / name).is_file()}:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    release(target, "v1.0.0")
    return target


ROOMS = ("contract", "rollout")
"""The rooms of the package that the small template has, beside the modules of no room."""


@pytest.fixture(scope="session")
def small(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with two rooms of the package, tagged v1.0.0: what an update does to one module it does to each."""
    target = tmp_path_factory.mktemp("small") / "template"
    shutil.copytree(template / "template", target / "template")
    for name in ("copier.yml", "CHANGELOG.md"):
        shutil.copy2(template / name, target)
    shutil.copytree(template / "hooks", target / "hooks")
    for room in (target / "template" / "src" / "quality").iterdir():
        if room.is_dir() and room.name not in ROOMS:
            shutil.rmtree(room)
    git(target, "init", "--quiet")
    lock(target)
    release(target, "v1.0.0")
    return target


@pytest.fixture(scope="session")
def orders(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other answers than the defaults, and a clean CSV file of the team's."""
    target = tmp_path_factory.mktemp("ladder") / "orders"
    run_copy(str(template), target, data=OTHER, defaults=True, quiet=True)
    (target / "data").mkdir()
    pl.DataFrame({"id": [1, 2, 3], "amount": [9.5, 3.0, 12.25]}).write_csv(target / "data" / "orders.csv")
    commit(target)
    installed = nox(target, "environment")
    assert installed.returncode == 0, installed.stderr
    return target


class Progress:
    """Says every ten seconds which tests are still running, on whichever worker they run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.running: dict[str, float] = {}
        self.over = threading.Event()

    def pytest_sessionstart(self) -> None:
        threading.Thread(target=self.speak, daemon=True).start()

    def pytest_sessionfinish(self) -> None:
        self.over.set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.running.pop(nodeid, None)

    def speak(self) -> None:
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        while not self.over.wait(10):
            for nodeid, start in list(self.running.items()):
                if (took := time.monotonic() - start) > 10:
                    reporter.write_line(f"… {nodeid.split('::')[-1]}: {took:.0f} s")


def pytest_configure(config: pytest.Config) -> None:
    """Workers of xdist report to the process that shows progress; the template copied here is never committed."""
    config.addinivalue_line("filterwarnings", "ignore::copier.errors.DirtyLocalWarning")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config))


LONGEST = ("test_ladder.py", "test_storage.py")
"""What takes longest begins first, one file on each worker; files share an environment that takes long to install."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Both workers are busy until the end: files are handed out in this order."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
