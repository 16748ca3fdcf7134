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
ENGINE, FLOW, BLOCK, FACE = "check_dataset", "quality_checked_flow", "create_quality_flow", "from quality import"
REACHED = [
    ("importlib", "import importlib\nm = importlib.import_module('quality.checking')\nm.check('users')\n", ENGINE),
    ("importlib by pieces", "import importlib as i\ni.import_module('quality' + '.checking').check('users')\n", ENGINE),
    ("importlib unknown", "import importlib\ndef go(n):\n    importlib.import_module(f'quality.{n}').check(1)\n", FACE),
    ("__import__", "__import__('quality.checking').check('users')\n", ENGINE),
    ("resolve_name", "from pkgutil import resolve_name\nresolve_name('quality.checking:check')('users')\n", ENGINE),
    ("getattr", "import quality\ngetattr(quality, 'check')('users')\n", ENGINE),
    ("getattr unknown", "import quality\ndef go(n):\n    getattr(quality, n)('users')\n", FACE),
    ("vars", "import quality\nvars(quality)['check']('users')\n", ENGINE),
    ("__dict__", "import quality\nquality.__dict__['check']('users')\n", ENGINE),
    ("sys.modules", "import sys\nimport quality\nsys.modules['quality.checking'].check('users')\n", ENGINE),
    ("exec", "exec('from quality import check')\n", FACE),
    ("star", "from quality import *\ncheck('users')\n", ENGINE),
    ("star of the engine", "from quality.checking import *\n", ENGINE),
    ("old name", "from quality.verdict import check\ncheck('users')\n", ENGINE),
    ("after a check", "from quality.operations import after_check\nafter_check.check('users', None)\n", ENGINE),
    ("dict", "from quality import data_quality_check_task as t\nSTEPS = {'check': t}\n", FLOW),
    ("list", "from quality import data_quality_check_task as t\nSTEPS = [print, t]\n", FLOW),
    ("lambda", "from quality import data_quality_check_task as t\ngo = lambda data: t(data)\n", FLOW),
    (
        "partial",
        "from functools import partial\nimport quality\ngo = partial(quality.data_quality_check_task, rules=[])\n",
        FLOW,
    ),
    ("class attribute", "from quality import data_quality_check_task as t\nclass Steps:\n    check = t\n", FLOW),
    (
        "method of a made task",
        "from quality import create_check_task\nt = create_check_task()\nfound = t('users')\n",
        FLOW,
    ),
    ("decorator", "from quality import data_quality_check_task as t\n@t.on_completion\ndef hook(*a): ...\n", FLOW),
    ("default", "from quality import data_quality_check_task as t\ndef go(data, by=t):\n    return by(data)\n", FLOW),
    (
        "block as parameter",
        "from quality import DataQualityBlock\ndef go(b: DataQualityBlock):\n    b.check()\n",
        BLOCK,
    ),
    ("block in quotes", "def go(b: 'DataQualityBlock | None', data):\n    return b.check(data)\n", BLOCK),
    ("block by its name", "def go(my_block, data):\n    return my_block.check(data)\n", BLOCK),
    (
        "block of an object",
        "from quality import DataQualityBlock\n"
        "class A:\n    b = DataQualityBlock()\n    def go(self):\n        return self.b.check(1)\n",
        BLOCK,
    ),
    (
        "block of any kind",
        "from prefect.blocks.core import Block\nBlock.load('data-quality-block/users-dev').check()\n",
        BLOCK,
    ),
    ("block in a lambda", "go = lambda block: block.check()\n", BLOCK),
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


@pytest.mark.parametrize(("case", "text", "instead"), REACHED, ids=[row[0] for row in REACHED])
def test_what_checks_is_a_fork_however_it_is_reached(case: str, text: str, instead: str, tmp_path: Path) -> None:
    write(tmp_path, text)
    found = list(forks(tmp_path))
    assert found
    assert all(instead in finding.fix for finding in found), found


PLACES = ("jobs/tests/x.py", "build/x.py", "dist/lib/x.py", ".jobs/x.py", "src/domain/tests/test_x.py", "conftest.py")


@pytest.mark.parametrize("name", PLACES)
def test_forks_are_looked_for_everywhere_but_in_the_tests_own_folder(name: str, tmp_path: Path) -> None:
    write(tmp_path, "from quality import check\ncheck('users')\n", name)
    assert {finding.subject for finding in forks(tmp_path)} == {f"{name}:2"}


def test_forks_in_scripts_and_notebooks_are_found(tmp_path: Path) -> None:
    write(tmp_path, "#!/usr/bin/env python3\nfrom quality import check\ncheck('users')\n", "bin/nightly")
    write(
        tmp_path,
        '{"cells": [{"cell_type": "code", "source": ["%time\\n", "import quality\\n", "quality.check(1)"]}]}',
        "a.ipynb",
    )
    assert {finding.subject for finding in forks(tmp_path)} == {"bin/nightly:3", "a.ipynb:3"}


def test_what_another_module_of_the_teams_hands_on_is_followed(tmp_path: Path) -> None:
    write(tmp_path, "from quality import check as judge, data_quality_check_task as task\n", "src/domain/helpers.py")
    write(tmp_path, "from domain.helpers import judge\njudge('users')\n", "src/domain/one.py")
    write(tmp_path, "from . import helpers\n\ndef go(data):\n    return helpers.task(data)\n", "src/domain/two.py")
    write(tmp_path, "from .helpers import task as run\nSTEPS = {1: run}\n", "src/domain/three.py")
    found = {finding.subject for finding in forks(tmp_path)}
    assert found == {"src/domain/one.py:2", "src/domain/two.py:3", "src/domain/three.py:2"}


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
