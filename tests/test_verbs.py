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

from quality.cli.verb import Verb  # noqa: E402
from quality.cli.verbs import VERBS  # noqa: E402

NOXFILE = TEMPLATE / "noxfile.py"


def sessions() -> dict[str, ast.FunctionDef]:
    """The functions of the noxfile that are sessions, by name."""
    tree = ast.parse(NOXFILE.read_text(encoding="utf-8"))
    made = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    marks = {node: [one for one in node.decorator_list if "session" in ast.dump(one)] for node in made}
    return {named(mark[0]) or node.name: node for node, mark in marks.items() if mark}


def named(mark: ast.expr) -> str | None:
    """The name that a session is given, where it is not its function's."""
    words = mark.keywords if isinstance(mark, ast.Call) else []
    return next((str(ast.literal_eval(one.value)) for one in words if one.arg == "name"), None)


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
