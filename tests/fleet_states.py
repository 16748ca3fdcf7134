"""A fleet for tests: three releases of the template, and repositories in every state that a page has to show."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from copier import run_copy
from rendering import ROOT, commit, git, release

sys.path.insert(0, str(ROOT / "template" / "src"))

from quality.contract.judging_modules import digest_of

NEWEST, MIDDLE, OLDEST = "v1.2.0", "v1.1.0", "v1.0.0"
DAYS = {OLDEST: "2026-01-05", MIDDLE: "2026-03-06", NEWEST: "2026-05-05"}
MIGRATION = '''"""To 1.2.0: nothing is renamed; it proves that a script of an update asks for trust."""\n'''
WAIVER = "waivers:\n  - {path: src/quality/values.py, reason: a trial, until: 2099-01-31}\n"
MARKED = "<<<<<<< before updating\nours\n=======\ntheirs\n>>>>>>> after updating\n"
ENDLESS = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
ENDLESS = f"a0: &a0 [x, x]\n{ENDLESS}domain: *a39\n"
"""A list of two lists, each of two lists, and so on: few lines, and more words than any reader has room for."""
EVIDENCE = {
    "dataset": "flights", "environment": "prod", "rung": "task", "fingerprint": "f1", "template_version": "1.0.0",
    "compatibility": "py3.11-prefect-3.9.1-polars-2.1.0", "recorded": "2026-05-06T00:00:00Z", "status": "PASSED",
    "checks": [],
}  # fmt: skip


def dated(day: str, make: Callable[[], None]) -> None:
    """Commits and tags of a day."""
    moment = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{day}T12:00:00+0000")
    os.environ.update(moment)
    try:
        make()
    finally:
        for name in moment:
            del os.environ[name]


def releases(template: Path, target: Path) -> Path:
    """A template with three releases, each of which changes managed files, a rendered one, and the changelog."""
    shutil.copytree(template, target, ignore=shutil.ignore_patterns(".git"))
    (target / "CHANGELOG.md").write_text("# Changelog\n\n## [1.0.0] - 2026-01-05\n- The first.\n", "utf-8")
    copier = target / "copier.yml"
    copier.write_text(without_migrations(copier.read_text("utf-8")), "utf-8")
    dated(DAYS[OLDEST], lambda: release(target, OLDEST))
    for tag in (MIDDLE, NEWEST):
        change(target, tag)
        dated(DAYS[tag], lambda tag=tag: release(target, tag))  # type: ignore[misc]
    return target


def without_migrations(text: str) -> str:
    head, _, rest = text.partition("_migrations:\n")
    return head + "\n" + rest[rest.index("\n\n") :]


def change(target: Path, tag: str) -> None:
    """What a release changes: two managed files, the README, its manifest and its line in the changelog."""
    for name in ("src/quality/errors.py", "noxfile.py", "README.md.jinja"):
        with (target / "template" / name).open("a", encoding="utf-8") as file:
            file.write(f"\n# of {tag}\n" if name.endswith(".py") else f"\nOf {tag}.\n")
    ending = 'until = 2099-12-31\ninstead = "py313-prefect-3.9.1-polars-2.1"\nwhy = "a test"\n'
    ends = target / "template" / "constraints" / "ending.toml"
    ends.write_text(f'["py311-prefect-3.9.1-polars-2.1"]\n{ending}', "utf-8")
    version = tag.removeprefix("v")
    changelog = (target / "CHANGELOG.md").read_text("utf-8").removeprefix("# Changelog\n\n")
    said = f"# Changelog\n\n## [{version}] - {DAYS.get(tag, '2026-07-04')}\n- What {tag} brings to you.\n\n{changelog}"
    (target / "CHANGELOG.md").write_text(said, "utf-8")
    stamp(target)


def stamp(target: Path) -> None:
    subprocess.run([sys.executable, "hooks/lock_managed.py"], cwd=target, check=True)


def add_migration(target: Path, version: str = NEWEST) -> None:
    """The template asks for trust from a version on."""
    (target / "hooks" / "migrations" / "v1_2_0.py").write_text(MIGRATION, "utf-8")
    text = (target / "copier.yml").read_text("utf-8")
    command = '["[[ _copier_python ]]", "[[ _copier_conf.src_path ]]/hooks/migrations/v1_2_0.py"]'
    entry = f"_migrations:\n  - version: {version}\n    command: {command}\n\n"
    (target / "copier.yml").write_text(text.replace("_message_after_copy:", f"{entry}_message_after_copy:", 1), "utf-8")


def rendered(template: Path, target: Path, tag: str) -> Path:
    """A repository as it is right after a copy of a release."""
    run_copy(str(template), target, defaults=True, quiet=True, vcs_ref=tag)
    commit(target)
    return target


def append(text: str, *names: str) -> Callable[[Path], None]:
    def vary(folder: Path) -> None:
        for name in names:
            with (folder / name).open("a", encoding="utf-8") as file:
                file.write(text)

    return vary


def write(name: str, text: str) -> Callable[[Path], None]:
    def vary(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")

    return vary


def delete(*names: str) -> Callable[[Path], None]:
    def vary(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return vary


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def vary(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), "utf-8")

    return vary


def link(folder: Path) -> None:
    """A managed file that is a link to a copy of it: every byte is right, and the file is not."""
    managed = folder / "src" / "quality" / "errors.py"
    shutil.copy(managed, folder / "errors.txt")
    managed.unlink()
    managed.symlink_to(Path("..", "..", "errors.txt"))


def forge(folder: Path) -> None:
    """An edited file with a manifest that says it is right."""
    append("# ours\n", "src/quality/errors.py")(folder)
    stamp_of(folder)


def stamp_of(folder: Path) -> None:
    path = folder / "src" / "quality" / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    content = (folder / "src" / "quality" / "errors.py").read_bytes()
    manifest["files"]["src/quality/errors.py"] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


def waived_and_changed(folder: Path) -> None:
    """A waived file that the next release changes in the same place."""
    append("# ours\n", "src/quality/errors.py")(folder)
    (folder / "waivers.yml").write_text(WAIVER.replace("values.py", "errors.py"), "utf-8")


def waived_and_renamed(folder: Path) -> None:
    append("# ours\n", "src/quality/values.py")(folder)
    (folder / "src" / "quality" / "texts.py").rename(folder / "src" / "quality" / "words.py")
    (folder / "waivers.yml").write_text(WAIVER, "utf-8")


def carriage_returns(folder: Path) -> None:
    """Every managed file with the line ends of Windows."""
    (folder / ".gitattributes").unlink()
    commit(folder, "No attributes")
    for path in (folder / "src" / "quality").rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def evidence(folder: Path, claimed: str, **about: object) -> None:
    """Evidence of the task's rung in prod, and what status.json claims of it."""
    package = folder / "src" / "quality"
    modules = {path.relative_to(package).as_posix(): path.read_bytes() for path in package.rglob("*.py")}
    one = EVIDENCE | {"judged_by": digest_of(modules, "2.1")} | about
    write("rollout/evidence/flights.task.json", json.dumps({"environments": {"prod": one}}))(folder)
    standing = {"dataset": "flights", "environment": "prod", "fingerprint": "f1", "current_level": claimed}
    write("rollout/status.json", json.dumps({"standings": [standing]}))(folder)


@dataclass(frozen=True)
class State:
    """A repository of the fleet: its release, what its team did, and what the page is to say."""

    name: str
    tag: str
    vary: Callable[[Path], object] = lambda folder: None
    state: str = "current"
    failed: frozenset[str] = frozenset()
    said: str = ""
    is_committed: bool = True
    updated: str = "updated"


def failing(*names: str) -> frozenset[str]:
    return frozenset(names)


BEHIND = failing("release")
STATES = (
    State("current", NEWEST, updated="current"),
    State("behind_one", MIDDLE, state="behind", failed=BEHIND, said="1 behind v1.2.0"),
    State("behind_two", OLDEST, state="behind", failed=BEHIND, said="2 behind v1.2.0"),
    State("edited", MIDDLE, append("# ours\n", "src/quality/errors.py"), "behind", BEHIND | {"managed files"},
          "1 edited: src/quality/errors.py"),
    State("deleted", MIDDLE, delete("src/quality/texts.py"), "behind", BEHIND | {"managed files"},
          "1 missing: src/quality/texts.py"),
    State("extra", MIDDLE, write("src/quality/ours.py", '"""Ours."""\n'), "behind", BEHIND | {"managed files"},
          "1 extra: src/quality/ours.py"),
    State("symlinked", MIDDLE, link, "behind", BEHIND | {"managed files"}, "src/quality/errors.py (a symbolic link)"),
    State("forged", MIDDLE, forge, "behind", BEHIND | {"managed files"}, "src/quality/manifest.json (forged)"),
    State("waived", MIDDLE, waived_and_renamed, "behind", BEHIND | {"managed files"},
          "1 missing, 1 extra: src/quality/texts.py, src/quality/words.py"),
    State("marked", MIDDLE, write("README.md", MARKED), "conflict markers", BEHIND | {"conflicts"}, "README.md",
          updated="skipped"),
    State("broken", MIDDLE, write("datasets/flights.yml", "dataset: [flights\n"), "behind",
          BEHIND | {"files that people wrote"}, "datasets/flights.yml:2"),
    State("listed", NEWEST, write("policy.yml", "environments: 3\n"), failed=failing("files that people wrote"),
          said="environments is no mapping", updated="current"),
    State("garbled", NEWEST, write("rollout/evidence/flights.task.json", '{"environments": {"prod": {"checks": 3}}}'),
          failed=failing("evidence"), said="rollout/evidence/flights.task.json is incomplete", updated="current"),
    State("crlf", MIDDLE, carriage_returns, "behind", BEHIND),
    State("promoted", NEWEST, lambda folder: evidence(folder, "task"), updated="current"),
    State("unproved", NEWEST, lambda folder: evidence(folder, "deployment"), failed=failing("evidence"),
          said="flights in prod claims deployment, the evidence proves task", updated="current"),
    State("stale", NEWEST, lambda folder: evidence(folder, "task", fingerprint="f0"),
          failed=failing("evidence", "evidence is current"), said="the configuration changed since", updated="current"),
    State("outdated", NEWEST, lambda folder: evidence(folder, "task", judged_by="0" * 16),
          failed=failing("evidence is current"), said="task: proved on 1.0.0, prove again", updated="current"),
    State("moved", MIDDLE, replace(".copier-answers.yml", "_src_path: ", "_src_path: https://old.example/"), "behind",
          BEHIND | {"address"}, "it updates from https://old.example/", updated="skipped"),
    State("unanswered", MIDDLE, delete(".copier-answers.yml"), "no answers", failing("answers"),
          "there is no .copier-answers.yml", updated="skipped"),
    State("misread", MIDDLE, write(".copier-answers.yml", "_commit: [v1\n"), "no answers", failing("answers"),
          ".copier-answers.yml:2", updated="skipped"),
    State("endless", MIDDLE, append(ENDLESS, ".copier-answers.yml"), "no answers", failing("answers"),
          "its aliases make too much of it", updated="skipped"),
    State("dirty", MIDDLE, write("notes.txt", "ours\n"), "behind", BEHIND | {"all is committed"},
          "1 file is not: notes.txt", is_committed=False),
    State("torn", MIDDLE, waived_and_changed, "behind", BEHIND, updated="conflict"),
    State("red", MIDDLE, write("src/domain/ours.py", "def broken(:\n"), "behind", BEHIND | {"forks"}, "ours.py:1",
          updated="tests failed"),
    State("conflicting", MIDDLE, replace("README.md", "Of v1.1.0.", "Of ours."), "behind", BEHIND, updated="conflict"),
)  # fmt: skip
"""The repositories; beside them, a folder that is no repository."""


def fleet(template: Path, folder: Path) -> Path:
    """The repositories of STATES in one folder, each rendered once for its release, copied and varied."""
    bases = {tag: rendered(template, folder.parent / "bases" / tag / "flights", tag) for tag in DAYS}
    for state in STATES:
        target = folder / state.name
        shutil.copytree(bases[state.tag], target, symlinks=True)
        state.vary(target)
        if state.is_committed:
            commit(target, "Ours")
    (folder / "nothing").mkdir()
    return folder


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD").strip()
