"""A repository of the last flat package is updated: the team's files stay, and everything runs right afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from copier import run_copy
from flat import FLAT, write_flat
from rendering import commit, files, git, nox, release
from ruamel.yaml import YAML

OLD_ADDRESS, ADDRESS = "quality.flows.check_dataset", "quality.ladder.flows.check_dataset"
TEAM = ("datasets/", "policy.yml", "waivers.yml", "data/", "docs/policy.md", "src/domain/", "tests/domain/")
OURS = {
    "src/domain/rules.py": '''"""Our rules, as the flat package had them imported."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl

from quality.frame import Frame
from quality.rule import NUMBER, ColumnRule, Kinds, Rule


class Whole(ColumnRule):
    """Every value is a whole number."""

    JUDGES: ClassVar[Kinds] = NUMBER
    check: Literal["whole"] = "whole"

    def says(self) -> str:
        return f"{self.column} is whole"

    def holds(self, value: pl.Expr, dtype: pl.DataType, frame: Frame) -> pl.Expr:
        return value % 1 == 0


RULES: tuple[type[Rule], ...] = (Whole,)
''',
    "src/domain/flows.py": '''"""Our flow."""

from __future__ import annotations

from quality.factories import quality_checked_flow
from quality.project import load

CONFIG = load("flights", "dev")


@quality_checked_flow(dataset="flights", check_mode="after")
def load_flights() -> str:
    """The path of what was loaded."""
    return str(CONFIG.source.path)
''',
    "tests/domain/test_ours.py": '''"""Our test."""

from __future__ import annotations

from domain.flows import CONFIG, load_flights
from domain.rules import Whole

from quality.engine import check


def test_our_rule_says_what_holds() -> None:
    assert Whole(column="distance").says() == "distance is whole"
    assert load_flights.name == "load-flights"


def test_our_data_passes_the_engine() -> None:
    assert check(None, CONFIG).status == "WARNING"
''',
    "datasets/carriers.yml": """dataset: carriers
owner: "@carriers-team"
source: {path: data/carriers.csv}
rules:
  - {check: not_null, column: carrier}
""",
    "data/carriers.csv": "carrier,name\nUA,United\nAA,American\n",
}
EDITS = {
    "datasets/flights.yml": ("rules:\n", "rules:\n  - {check: whole, column: distance}\n"),
    "policy.yml": ("sample_rows: 5", "sample_rows: 3  # ours"),
    "prefect.yaml": (
        "deployments:\n",
        """deployments:
  - <<: *check
    name: carriers-dev
    tags: [flights, carriers, dev]
    parameters: {dataset: carriers, environment: dev}
    work_pool: *dev
    schedules: *dev-schedules
  - <<: *check
    name: carriers-prod
    entrypoint: quality.flows.check_dataset
    tags: [flights, carriers, prod]
    parameters: {dataset: carriers, environment: prod}
    work_pool: *prod
    schedules: *prod-schedules
""",
    ),
    "README.md": ("The data quality of", "Read this first.\n\nThe data quality of"),
}

AS_BEFORE = f"""
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from quality.ladder.deployment import wait, work_off

with get_client(sync_client=True) as client:
    for name in ("flights-carriers-dev", "flights-prod"):
        known = client.read_deployment_by_name(f"flights-check-dataset/{{name}}")
        client.update_deployment(known.id, DeploymentUpdate(entrypoint="{OLD_ADDRESS}"))
    known = client.read_deployment_by_name("flights-check-dataset/flights-carriers-dev")
    assert known.entrypoint == "{OLD_ADDRESS}"
    run = client.create_flow_run_from_deployment(known.id)
    ended = wait(client, run, 300, lambda: work_off("flights-dev"), print)
    print(f"carriers-dev: {{ended.state_name}}")
"""
"""Gives deployments the address that they carry since the flat package, and lets a worker run one of them."""
TEXT: dict[str, Any] = {"capture_output": True, "text": True, "check": False}


@pytest.fixture(scope="module")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the flat package with the team's own rules, flow, test, dataset and edits."""
    source = tmp_path_factory.mktemp("template") / "template"
    source.mkdir()
    write_flat(source)
    commit(source, "The flat package")
    target = tmp_path_factory.mktemp("flat") / "flights"
    run_copy(str(source), target, defaults=True, quiet=True, vcs_ref="HEAD")
    for path, text in OURS.items():
        (target / path).write_text(text, encoding="utf-8")
    for path, (old, new) in EDITS.items():
        text = (target / path).read_text(encoding="utf-8")
        assert old in text
        (target / path).write_text(text.replace(old, new, 1), encoding="utf-8")
    commit(target, "Ours")
    for name in git(source, "ls-files").splitlines():
        (source / name.strip('"')).unlink(missing_ok=True)
    shutil.copytree(template, source, ignore=shutil.ignore_patterns(".git"), dirs_exist_ok=True)
    subprocess.run([sys.executable, "hooks/lock_managed.py"], cwd=source, check=True)
    release(source, "v1.0.0")
    return target


@pytest.fixture(scope="module")
def before(rendered: Path) -> dict[str, bytes]:
    assert (rendered / "src" / "quality" / "flows.py").exists(), f"{FLAT} is flat"
    return files(rendered)


@pytest.fixture(scope="module")
def updated(rendered: Path, before: dict[str, bytes]) -> tuple[Path, str]:
    """The repository after its own `nox -s update`, and what that said."""
    done = nox(rendered, "update", "--trust")
    assert done.returncode == 0, done.stdout + done.stderr
    return rendered, done.stdout + done.stderr


@pytest.fixture(scope="module")
def repository(updated: tuple[Path, str]) -> Path:
    """The updated repository in the environment of the new pins, after the sessions that the update names."""
    repository, _ = updated
    commit(repository, "Update")
    for session in (["entries", "--adopt"], ["rules"]):
        done = nox(repository, *session)
        assert done.returncode == 0, done.stdout + done.stderr
    commit(repository, "Adopt")
    return repository


def interpreter(repository: Path) -> str:
    return str(repository / ".nox" / "environment" / ("Scripts" if os.name == "nt" else "bin") / "python")


@pytest.fixture(scope="module")
def prefect(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Prefect server from the repository's own environment; it ends with its standard input."""
    home = tmp_path_factory.mktemp("prefect")
    serve = f"import sys, pathlib, quality.loopback as own\nwith own.loopback(pathlib.Path({str(home)!r})) as server:\n"
    serve += "    print(server.wait(), flush=True)\n    sys.stdin.read()\n"
    command = [interpreter(repository), "-c", serve]
    with subprocess.Popen(command, cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        yield {"PREFECT_API_URL": process.stdout.readline().strip(), "PREFECT_HOME": str(home)}
        process.stdin.close()
        process.wait(timeout=30)


def test_the_teams_files_are_untouched_and_the_flat_package_is_gone(
    before: dict[str, bytes], updated: tuple[Path, str]
) -> None:
    repository, _ = updated
    after = files(repository)
    assert teams(after) == teams(before)
    flat = {name for name in before if name.startswith("src/quality/") and name.count("/") == 2}
    assert len(flat) > 70
    assert flat & set(after) <= {*managed(repository), "src/quality/manifest.json"}
    assert not {"src/quality/rule.py", "src/quality/tasks.py", "src/quality/sources.py"} & set(after)
    assert not git(repository, "diff", "--name-only", "--diff-filter=U")


def teams(found: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in found.items() if name.startswith(TEAM)}


def managed(repository: Path) -> list[str]:
    """The managed files that the new release lists."""
    listed: dict[str, object] = YAML(typ="safe").load(repository / "src" / "quality" / "manifest.json")["files"]
    return list(listed)


def test_shared_files_are_merged_and_the_message_says_what_to_do(
    before: dict[str, bytes], updated: tuple[Path, str]
) -> None:
    repository, said = updated
    assert (repository / "prefect.yaml").read_bytes() == before["prefect.yaml"], "it is adopted, not merged"
    assert "Read this first." in (repository / "README.md").read_text(encoding="utf-8")
    for words in ("nox -s entries -- --adopt", "nox -s drift -- --fix", OLD_ADDRESS, "from quality import"):
        assert words in said


def test_every_entry_of_before_is_there_after_it_is_adopted(before: dict[str, bytes], repository: Path) -> None:
    read = YAML(typ="safe").load
    old = {
        f"flights-{one['name']}".replace("flights-flights-", "flights-"): one
        for one in read(before["prefect.yaml"])["deployments"]
    }
    text = (repository / "prefect.yaml").read_text(encoding="utf-8")
    new = {one["name"].replace("flights-flights-", "flights-"): one for one in read(text)["deployments"]}
    assert new.keys() == old.keys()
    for name, one in new.items():
        assert one["entrypoint"] == ADDRESS
        assert one["schedules"] == old[name]["schedules"]
        assert one["work_pool"]["name"] == old[name]["work_pool"]["name"]
        assert old[name]["work_pool"]["job_variables"].items() <= one["work_pool"]["job_variables"].items()
        assert set(old[name]["tags"]) <= set(one["tags"])
    assert "sample_rows: 3  # ours" in (repository / "policy.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("session", ["task", "flow", "deployment", "drift"])
def test_every_rung_and_drift_run_right_afterwards(session: str, repository: Path) -> None:
    done = nox(repository, session)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    if session == "task":
        assert "flights: WARNING" in done.stdout
        assert "carriers: PASSED" in done.stdout


def test_the_teams_tests_pass_as_they_were_written(repository: Path) -> None:
    done = nox(repository, "tests", "tests/domain")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "quality.rule is in quality.engine.rule now; write `from quality import …`" in done.stdout


def test_a_deployment_with_the_old_address_runs_and_is_deployed_again_by_a_fix(
    repository: Path, prefect: dict[str, str]
) -> None:
    for environment in ("dev", "prod"):
        deployed = nox(repository, "deployment", "--env", environment, env=prefect)
        assert deployed.returncode == 3, "no worker of this server is online"
        assert deployed.stdout.count("deployed ") == 2, deployed.stdout + deployed.stderr
    ran = subprocess.run([interpreter(repository), "-c", AS_BEFORE], cwd=repository, env=os.environ | prefect, **TEXT)
    assert ran.stdout.splitlines()[-1:] == ["carriers-dev: Completed"], ran.stdout + ran.stderr

    drifted = nox(repository, "drift", "server", env=prefect)
    assert drifted.returncode == 1, drifted.stdout + drifted.stderr
    assert OLD_ADDRESS in drifted.stdout
    fixed = nox(repository, "drift", "server", "--fix", env=prefect)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    again = nox(repository, "drift", "server", env=prefect)
    assert again.returncode == 0, again.stdout + again.stderr
