"""Machines that are not this one: the package does without what Windows lacks, and texts are UTF-8 anywhere."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest

from quality.checking import check
from quality.cli import doctor
from quality.contract import project
from quality.contract.config import CheckConfig
from quality.errors import ServerError
from quality.isolation import _why
from quality.loopback import importable, loopback
from quality.sources.listing import shown
from quality.values import Status

ROOT = Path(__file__).parents[2]
WINDOWS = """
import builtins, errno, os, signal, sys, types

GONE = {
    "os": "killpg setsid setpgid getpgid fork sysconf getuid geteuid getgid getegid statvfs mkfifo uname getloadavg",
    "signal": "SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGALRM SIGQUIT SIGCHLD alarm setitimer pthread_sigmask",
}
OTHER = {"os": {"name": "nt", "sep": "\\\\", "umask": lambda mode: 0}, "sys": {"platform": "win32"}}
MISSING = {"fcntl", "resource", "pwd", "grp", "termios", "posix", "pty", "syslog"}


class Seen(types.ModuleType):
    def __getattr__(self, name):
        if name in GONE.get(self.__name__, "").split():
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return OTHER.get(self.__name__, {}).get(name, getattr(sys.modules[self.__name__], name))


def kill(pid, number):
    if number == 0:
        raise AssertionError("on Windows this interrupts the process")
    os.kill(pid, number)


def locking(handle, how, count):
    import fcntl
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, count)
    except OSError:
        raise OSError(errno.EDEADLK, "Resource deadlock avoided") from None


OTHER["os"]["kill"] = kill
MSVCRT = types.SimpleNamespace(locking=locking, LK_LOCK=1)
real = builtins.__import__


def seen(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and str((globals or {}).get("__package__") or "").partition(".")[0] in ("quality", "domain"):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name == "msvcrt":
            return MSVCRT
        if name in ("os", "signal", "sys"):
            return Seen(name)
    return real(name, globals, locals, fromlist, level)


builtins.__import__ = seen
"""
"""What code of the package, and only that, sees of Python on Windows."""


@pytest.fixture
def windows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python in which the package sees what there is on Windows."""
    hook = tmp_path_factory.mktemp("windows")
    (hook / "sitecustomize.py").write_text(WINDOWS, "utf-8")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(hook), importable()])}


def quality(*words: str, env: dict[str, str], code: int = 0) -> str:
    """What a verb prints, on both of its outputs, with nothing that is only for whoever writes the package."""
    command = [sys.executable, "-m", "quality", *words]
    done = subprocess.run(command, env=env, capture_output=True, encoding="utf-8", check=False, timeout=300)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    assert "unexpected" not in said
    return said


def test_what_windows_lacks_is_not_asked_for_by_any_rung(repository: Path, windows: dict[str, str]) -> None:
    contract, policy = repository / "datasets" / "users.yml", repository / "policy.yml"
    contract.write_text(contract.read_text("utf-8") + "quarantine: {path: kept, severities: [warning]}\n", "utf-8")
    policy.write_text(policy.read_text("utf-8").replace("defaults:\n", "defaults:\n  isolate: true\n"), "utf-8")
    assert "users: WARNING" in quality("task", "users", env=windows)
    quality("entries", env=windows)
    quality("learn", "users", env=windows)
    (repository / "data" / "day=1").mkdir()
    (repository / "data" / "day=1" / "orders.csv").write_text("id\n1\n2\n3\n", "utf-8")
    said = quality("add", "data\\day=1\\orders.csv", env=windows)
    assert "orders: PASSED" in said
    assert 'path: "data/day=1/orders.csv"' in (repository / "datasets" / "orders.yml").read_text("utf-8").replace(
        "'", '"'
    )
    for verb in ("block", "flow"):
        assert "users: WARNING" in quality(verb, "users", env=windows)
    assert {file.name for file in repository.glob("kept/users/dev/date=*/run=*/*")} >= {"failing.parquet", "split.json"}


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        pytest.param("| head -1", 0, "", id="a reader who goes away"),
        pytest.param("--json | head -1", 0, "", id="one of a document"),
        pytest.param(">&-", 0, "", id="nobody"),
        pytest.param("--json >&-", 0, "", id="nobody for a document"),
        pytest.param("<&- >&- 2>&-", 0, "", id="nothing is open"),
        pytest.param("> /dev/full", 3, "what this prints cannot be read or written: No space left", id="no room"),
        pytest.param("--json > /dev/full", 3, "what this prints cannot be read or written: No", id="no room for it"),
    ],
)
def test_a_verdict_is_reached_whoever_reads_what_is_printed(end: str, code: int, said: str, repository: Path) -> None:
    """Exit code 1 would say that the data failed."""
    line = f"set -o pipefail; '{sys.executable}' -m quality task users {end}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, encoding="utf-8", check=False, timeout=300)
    assert done.returncode == code, done.stderr
    assert code or list(repository.glob(".quality/history/runs/users/dev/*/*.parquet"))
    assert said in done.stderr
    assert not {"Traceback", "ignored", "unexpected"} & set(done.stderr.split())


@pytest.mark.parametrize(
    "around",
    [
        pytest.param({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, id="ascii"),
        pytest.param({"PYTHONIOENCODING": "cp1252", "TZ": "Asia/Kathmandu"}, id="cp1252"),
        pytest.param({"PYTHONOPTIMIZE": "1", "PYTHONWARNINGS": "error", "PYTHONHASHSEED": "7"}, id="python"),
        pytest.param({"COLUMNS": "40", "NO_COLOR": "1", "TZ": "Nowhere/Bad", "LC_ALL": "tr_TR.UTF-8"}, id="terminal"),
    ],
)
def test_a_verdict_is_the_same_whatever_surrounds_it(around: dict[str, str], repository: Path) -> None:
    contract = repository / "datasets" / "users.yml"
    contract.write_text(contract.read_text("utf-8") + "  - {check: in_set, column: email, values: [Köln]}\n", "utf-8")
    asked = [sys.executable, "-m", "quality", "task", "users", "--json"]
    plain, other = (
        json.loads(subprocess.run(asked, env=os.environ | more, capture_output=True, check=False).stdout)
        for more in ({}, around)
    )
    (one,), (two,) = plain["runs"], other["runs"]
    assert (one["result"]["rules"], one["exit_code"]) == (two["result"]["rules"], two["exit_code"])
    assert "Köln" in json.dumps(two, ensure_ascii=False)


def test_a_python_without_docstrings_is_refused_in_one_sentence(repository: Path) -> None:
    """Documents and deployments say the docstrings of rules and flows."""
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    said = quality("rules", env=os.environ | {"PYTHONOPTIMIZE": "2"}, code=2)
    assert said.startswith("quality: Python was started by -OO or PYTHONOPTIMIZE=2, which drops the descriptions")
    assert len(said.splitlines()) == 1
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("given", ["", "/nonexistent"])
def test_a_user_without_a_home_has_a_verdict(given: str, repository: Path) -> None:
    """A number in a container: Python then knows no home, and nobody else has one."""
    hook = repository / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text("import pwd\npwd.getpwuid = lambda number: {}[number]\n", "utf-8")
    path = os.pathsep.join([str(hook), importable()])
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HOME", "PREFECT"))}
    env |= {"PYTHONPATH": path} | ({"HOME": given} if given else {})
    assert "users: WARNING" in quality("task", "users", env=env)


def test_a_path_of_a_user_whom_this_machine_does_not_have_is_a_file_that_is_not_there(repository: Path) -> None:
    contract = repository / "datasets" / "users.yml"
    text = contract.read_text("utf-8").replace("data/users.parquet", "~nobody77/users.parquet")
    contract.write_text(text, "utf-8")
    result = check(None, project.load("users"))
    assert (result.status, result.reason) == (Status.ERROR, "the file ~nobody77/users.parquet does not exist")


def test_a_limit_that_this_machine_does_not_keep_is_a_note(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = repository / "policy.yml"
    limited = "defaults:\n  isolate: true\n  memory_limit: 1GB\n"
    policy.write_text(policy.read_text("utf-8").replace("defaults:\n", limited), "utf-8")
    assert [one for one in doctor.files() if one.subject == "memory_limit"] == []
    monkeypatch.setattr(doctor, "SIZES", repository / "statm")
    (note,) = (one for one in doctor.files() if one.subject == "memory_limit")
    assert (note.code, note.note) == (0, True)
    assert "that of dev, prod limits nothing on this machine" in note.said


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives a folder away")
def test_a_checkout_of_another_user_is_not_called_no_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    assert "this is not a repository yet" in next(doctor.repository()).said
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
    os.chown(repository, 12345, 12345)
    os.chown(repository / ".git", 12345, 12345)
    found = next(doctor.repository())
    assert found.code == 2
    assert found.said.startswith(f"{repository} belongs to another user, so that git does not read it; git config")


TRANSLATED = """#!/bin/sh
[ "$LC_ALL" = C ] || { echo 'fatal: dies ist kein Git-Repository' >&2; exit 128; }
exec {git} "$@"
"""


def test_what_git_says_is_understood_in_every_language_and_a_broken_checkout_is_not_begun_anew(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_another_language = tmp_path / "bin" / "git"
    of_another_language.parent.mkdir()
    of_another_language.write_text(TRANSLATED.replace("{git}", str(shutil.which("git"))), "utf-8")
    of_another_language.chmod(0o755)
    monkeypatch.setenv("PATH", f"{of_another_language.parent}{os.pathsep}{os.environ['PATH']}")
    assert next(doctor.repository()).said.startswith("this is not a repository yet; git init")
    subprocess.run(["git", "init", "--quiet"], cwd=repository, env=os.environ | {"LC_ALL": "C"}, check=True)
    assert " files are not committed" in next(doctor.repository()).said
    for words in (["add", "--all"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a"]):
        subprocess.run(["git", *words], cwd=repository, env=os.environ | {"LC_ALL": "C"}, check=True)
    (repository / "policy.yml").unlink()
    assert next(doctor.repository()).said.startswith("1 file is not committed")
    workflow = repository / ".github" / "workflows" / "quality.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("name: quality\n", "utf-8")
    assert len([*doctor.repository()]) == 1
    (repository / "a b").mkdir()
    monkeypatch.setenv("QUALITY_ROOT", str(repository / "a b"))
    assert [one.said for one in doctor.repository()] == ["everything is committed"]  # in there
    workflow.parent.parent.rename(repository / "a b" / ".github")
    [_, moved] = doctor.repository()
    assert (moved.code, moved.note) == (0, True)
    assert moved.said.endswith("with `working-directory: a b` in it")
    monkeypatch.setenv("QUALITY_ROOT", str(repository))
    (repository / ".git" / "index").write_bytes(b"cut")
    found = next(doctor.repository())
    assert found.code == 2
    assert "index file" in found.said
    assert "git init" not in found.said


def test_why_a_server_does_not_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own words, and not how its interpreter ended while it waited for the end of its parent."""
    (tmp_path / "uvicorn.py").write_text("import time; time.sleep(1)\ndef run(*_, **__): raise OSError('no port')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), importable()]))
    with loopback(tmp_path / "home") as server, pytest.raises(ServerError, match=r"did not start: OSError: no port"):
        server.wait()


def test_the_own_server_keeps_all_it_knows_in_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the folder is called, and whichever database the environment names for another server."""
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", f"sqlite+aiosqlite:///{tmp_path}/others.db")
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", f"sqlite+aiosqlite:///{tmp_path}/others.db")
    (tmp_path / "a#b %20c?d").mkdir()
    monkeypatch.chdir(tmp_path / "a#b %20c?d")
    with loopback(Path(".prefect")) as server:
        server.wait()
    assert Path(".prefect", "prefect.db").stat().st_size
    assert [one.name for one in tmp_path.iterdir()] == ["a#b %20c?d"]
    assert [one.name for one in Path().iterdir()] == [".prefect"]


def test_a_file_is_called_the_same_on_every_system() -> None:
    """States, versions and the values of folders are known by it."""
    root, file = PureWindowsPath(r"C:\shop"), PureWindowsPath(r"C:\shop\data\day=1\a.csv")
    assert shown(file, root) == "data/day=1/a.csv"  # type: ignore[arg-type]
    assert shown(file, PureWindowsPath(r"D:\shop")) == "C:/shop/data/day=1/a.csv"  # type: ignore[arg-type]


def test_a_crash_of_windows_is_called_one() -> None:
    assert _why(0xC0000005, "", CheckConfig()) == (
        "the check was ended by the system (0xC0000005); the data or a rule made its process crash",
        False,
    )


TEXTS = {"open": 1, "read_text": 0, "write_text": 1}
"""Calls that take this machine's encoding unless it is said, and the place of their encoding."""
RUNS = {"run", "Popen", "check_output", "check_call"}


def in_this_machines_encoding(call: ast.Call) -> bool:
    """Whether what a call reads or writes as text depends on where it runs."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    words = {word.arg: word.value for word in call.keywords}
    if name in RUNS:
        return bool(words.keys() & {"text", "universal_newlines"}) and "encoding" not in words
    if name not in TEXTS or "encoding" in words:
        return False
    if name != "open":
        return len(call.args) <= TEXTS[name]
    modes = [ast.literal_eval(a) for a in [*call.args, *words.values()] if isinstance(a, ast.Constant)]
    of_files = not isinstance(call.func, ast.Attribute) or ast.unparse(call.func.value) not in (
        "book",
        "gzip",
        "os",
        "webbrowser",
    )
    binary = any(isinstance(mode, str) and mode.strip("rwaxb+") == "" and "b" in mode for mode in modes)
    return of_files and not binary and isinstance(call.func, ast.Attribute)


@pytest.mark.parametrize("folder", ["template/src", "template/noxfile.py", "hooks", "noxfile.py"])
def test_no_text_is_read_or_written_in_this_machines_encoding(folder: str) -> None:
    place = ROOT / folder
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and in_this_machines_encoding(node)
    ]
    assert found == []
