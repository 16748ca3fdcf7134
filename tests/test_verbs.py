"""One table of verbs: what `nox -l` prints of a generated repository is what `python -m quality --help` prints."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[1] / "template"
sys.path.append(str(TEMPLATE / "src"))

from quality.cli.verbs import VERBS, Verb  # noqa: E402

NOXFILE = TEMPLATE / "noxfile.py"


def sessions() -> dict[str, ast.FunctionDef]:
    """The functions of the noxfile that are sessions, by name."""
    tree = ast.parse(NOXFILE.read_text(encoding="utf-8"))
    made = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    found = [node for node in made if any("session" in ast.dump(one) for one in node.decorator_list)]
    return {node.name.rstrip("_"): node for node in found}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_is_a_session_that_says_the_same(verb: Verb) -> None:
    session = sessions()[verb.name]
    assert ast.get_docstring(session) == verb.line
    (call,) = (node.value for node in session.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    assert [one.value for one in call.args if isinstance(one, ast.Constant)] == ["-m", "quality", verb.name]


def test_a_session_that_runs_the_package_is_a_verb() -> None:
    running = {name for name, node in sessions().items() if "'quality'" in ast.dump(node)}
    assert running - {"heal", "restore", "update"} == {verb.name for verb in VERBS}


def test_nox_lists_every_verb_with_its_line() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "nox", "-f", str(NOXFILE), "-l"], capture_output=True, text=True, check=True
    ).stdout
    for verb in VERBS:
        assert verb.line in listed


def test_the_command_line_lists_every_verb_with_its_help() -> None:
    helped = subprocess.run(
        [sys.executable, "-m", "quality", "--help"],
        env={"PYTHONPATH": str(TEMPLATE / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for verb in VERBS:
        assert re.search(rf"^ +{verb.name}\s+{re.escape(verb.help)}$", helped, re.MULTILINE)
