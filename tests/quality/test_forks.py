"""Forks are found in the syntax tree, by file and line, with what to call instead; plain use is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import quality
from quality.drift.forks import forks

PLAIN = '''
from prefect import flow, task
from quality import QualityFlowConfig, check_dataset, create_check_task, create_quality_flow, quality_checked_flow
from quality.engine.frame import Frame
from quality.engine.rule import Rule

rules = [{"check": "not_null", "column": "id"}]
validate_users = create_quality_flow("validate_users", dataset="users", cfg=QualityFlowConfig(retries=2))

@quality_checked_flow(dataset="users", check_mode="after")
def load_users() -> str:
    return "data/users.parquet"

@flow
def nightly() -> None:
    check_dataset("users", "prod")
    validate_users("data/users.parquet")

def check(data: object) -> object:
    """A name of one's own is none of ours."""
    return data

def engine(data: object) -> object:
    return check(data)
'''
IN_FLOW = "\n\n@flow\ndef nightly(data):\n    return {}\n"
FORKS = [
    ("engine imported", "from quality.checking import check\n\nprint(check('users'))\n", 3, "check_dataset"),
    ("engine by alias", "from quality.checking import check as judge\n\njudge(None)\n", 3, "check_dataset"),
    ("engine module", "from quality import checking\n\nchecking.check('users', None)\n", 3, "check_dataset"),
    ("engine dotted", "import quality.checking\n\nquality.checking.check('users', None)\n", 3, "check_dataset"),
    ("engine as public name", "import quality as q\n\nq.check('users', None)\n", 3, "check_dataset"),
    ("engine handed on", "from quality import check\n\nlist(map(check, []))\n", 3, "check_dataset"),
    ("engine renamed", "from quality import checking\nrun = checking.check\n\nrun(None, None)\n", 4, "check_dataset"),
    (
        "flow around the task",
        "from prefect import flow\nfrom quality import data_quality_check_task"
        + IN_FLOW.format("data_quality_check_task(data, rules=[])"),
        5,
        "quality_checked_flow",
    ),
    (
        "async flow",
        "import prefect\nimport quality\n\n@prefect.flow(name='x')\nasync def nightly(data):\n"
        "    return await quality.data_quality_check_task(data)\n",
        5,
        "quality_checked_flow",
    ),
    (
        "submitted",
        "from prefect import flow\nfrom quality.ladder.tasks import data_quality_check_task as check"
        + IN_FLOW.format("check.submit(data)"),
        5,
        "quality_checked_flow",
    ),
    (
        "own check task",
        "from prefect import flow\nfrom quality import create_check_task\ncheck = create_check_task(rules=[])"
        + IN_FLOW.format("check(data)"),
        6,
        "quality_checked_flow",
    ),
    (
        "own wrapper",
        "from quality import data_quality_check_task as check\n\ndef our_check(data):\n    return check(data)\n",
        3,
        "quality_checked_flow",
    ),
    (
        "block in a flow",
        "from prefect import flow\nfrom quality import DataQualityBlock\nblock = DataQualityBlock.load('users-dev')"
        + IN_FLOW.format("block.check(data)"),
        6,
        "create_quality_flow",
    ),
    ("not Python", "def broken(:\n", 1, "fix"),
]


def write(root: Path, text: str, name: str = "src/domain/ours.py") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, "utf-8")


def test_plain_use_of_the_blessed_flow_and_the_factories_is_no_fork(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    assert list(forks(tmp_path)) == []


@pytest.mark.parametrize(("case", "text", "line", "instead"), FORKS, ids=[row[0] for row in FORKS])
def test_a_fork_is_named_with_its_line_and_what_to_call(
    case: str, text: str, line: int, instead: str, tmp_path: Path
) -> None:
    write(tmp_path, text)
    found = list(forks(tmp_path))
    assert f"src/domain/ours.py:{line}" in {finding.subject for finding in found}
    assert all(instead in finding.fix for finding in found)


def test_a_copy_of_managed_code_is_named_with_its_original_even_under_another_name(tmp_path: Path) -> None:
    managed = Path(quality.__file__).parent
    (tmp_path / "src" / "quality").mkdir(parents=True)
    shutil.copy(managed / "checking.py", tmp_path / "src" / "quality")
    text = (managed / "checking.py").read_text("utf-8").replace("def uphold", "def our_uphold")
    write(tmp_path, text, "jobs/ours.py")
    found = [str(finding) for finding in forks(tmp_path)]
    assert any("copy of src/quality/checking.py:" in line for line in found), found


@pytest.mark.parametrize("name", ["tests/domain/test_ours.py", "src/quality/ours.py", ".nox/x.py", "env/lib/x.py"])
def test_tests_managed_code_and_environments_are_not_searched(name: str, tmp_path: Path) -> None:
    write(tmp_path, "", "env/pyvenv.cfg")
    write(tmp_path, "from quality import check\ncheck('users')\n", name)
    assert list(forks(tmp_path)) == []


def test_the_domain_as_rendered_has_no_fork() -> None:
    assert list(forks(Path(quality.__file__).parents[2])) == []
