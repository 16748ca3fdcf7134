"""What the workflow does on a pull request that changes contracts: its own shell lines, in a real git repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rendering import ROOT, git
from ruamel.yaml import YAML

WORKFLOW = ROOT / "template" / ".github" / "workflows" / "quality.yml.jinja"
CONTRACT = """dataset: orders
owner: "@shop-team"
source: {path: data/orders.parquet}
rules:
  - {check: not_null, column: id}
  - {check: in_range, column: id, min: 1, max: 3}
"""
POLICY = """domain: shop
defaults:
  retries: {count: 0, delay_seconds: 0, reason: a test}
  cache: {enabled: false, reason: a test}
  work_pool: shop-dev
environments: {dev: {}}
"""
PYTHON = """#!/bin/sh
test "$1 $2 $3 $5" = "-m nox -s --" || exit 99
verb="$4"
shift 5
exec {python} -m quality "$verb" "$@"
"""
HOST = """#!{python}
import json, pathlib, sys
state = pathlib.Path({state!r})
host = json.loads(state.read_text())
words = sys.argv[1:]
host["asked"].append(words)
if words[:2] == ["pr", "view"]:
    print(*host["labels"], sep="\\n")
elif "--method" not in words:
    print(*host["comments"], sep="\\n")
else:
    place = next(word for word in words if word.startswith("repos/"))
    body = pathlib.Path(words[-1].removeprefix("body=@")).read_text()
    number = place.rsplit("/", 1)[1] if words[words.index("--method") + 1] == "PATCH" else "41"
    host["comments"][number] = body
state.write_text(json.dumps(host))
"""
"""What the code host's command line is asked here, and what a host with these labels and comments answers."""


class PullRequest:
    """A repository whose branch is ahead of main, and the steps of the workflow's job for it."""

    def __init__(self, root: Path) -> None:
        self.root, self.state = root / "shop", root / "host.json"
        for name, text in {"datasets/orders.yml": CONTRACT, "policy.yml": POLICY}.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text, "utf-8")
        (self.root / "data").mkdir()
        pl.DataFrame({"id": [0, 1, 2, 3, 4, None]}).write_parquet(self.root / "data" / "orders.parquet")
        git(self.root, "init", "--quiet", "--initial-branch=main")
        self.commit()
        git(self.root, "update-ref", "refs/remotes/origin/main", "HEAD")
        git(self.root, "checkout", "--quiet", "-b", "change")
        self.host: dict[str, Any] = {"labels": ["other"], "comments": {}, "asked": []}
        self._commands(root / "bin")
        steps = YAML(typ="safe").load(WORKFLOW.read_text("utf-8"))["jobs"]["impact"]["steps"]
        self.steps: list[dict[str, Any]] = [one for one in steps if "run" in one and "pip install" not in one["run"]]

    def _commands(self, folder: Path) -> None:
        folder.mkdir()
        written = {"python": PYTHON, "gh": HOST}
        for name, text in written.items():
            (folder / name).write_text(text.format(python=sys.executable, state=str(self.state)), "utf-8")
            (folder / name).chmod(0o755)
        self.path = os.pathsep.join([str(folder), os.environ["PATH"]])

    def commit(self) -> None:
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--message", "as it is")

    def edit(self, old: str, new: str) -> None:
        path = self.root / "datasets" / "orders.yml"
        assert old in path.read_text("utf-8")
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        self.commit()

    def push(self, may_write: bool = True) -> list[int]:
        """The exit code of each step that runs; the outputs of one are there for the next, as in a job."""
        given = {"BASE": "origin/main", "PULL": "7", "MAY_WRITE": str(may_write).lower(), "GITHUB_REPOSITORY": "a/shop"}
        about = {"PATH": self.path, "PYTHONPATH": str(ROOT / "template" / "src"), "QUALITY_ROOT": str(self.root)}
        files = {name: self.root.parent / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        self.state.write_text(json.dumps(self.host))
        codes = list[int]()
        for step in self.steps:
            outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
            if "contracts.outputs.changed" in step.get("if", "") and outputs.get("changed") != "true":
                continue
            env = os.environ | given | about | {name: str(path) for name, path in files.items()}
            env |= {"ALLOW": outputs.get("allow", ""), "BASE": outputs.get("base", given["BASE"])}
            line = ["bash", "-e", "-c", step["run"]]
            codes.append(subprocess.run(line, cwd=self.root, env=env, capture_output=True, check=False).returncode)
        self.host = json.loads(self.state.read_text())
        self.summary = files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
        return codes


@pytest.fixture
def pull(tmp_path: Path) -> PullRequest:
    return PullRequest(tmp_path)


def test_a_pull_request_that_changes_no_contract_is_asked_nothing_more(pull: PullRequest) -> None:
    (pull.root / "README.md").write_text("# A note\n", "utf-8")
    pull.commit()
    assert (pull.push(), pull.host["comments"], pull.summary) == ([0], {}, "")


@pytest.mark.parametrize("name", ["policy.yml", "src/domain/rules.py", "profiles/orders.json"])
def test_what_decides_beside_contracts_is_told_in_the_comment(name: str, pull: PullRequest) -> None:
    (pull.root / name).parent.mkdir(parents=True, exist_ok=True)
    (pull.root / name).write_text(POLICY + "# a note\n" if name == "policy.yml" else "", "utf-8")
    pull.commit()
    assert pull.push() == [0, 0, 0, 0]
    assert f"{name}: other than in the commit" in "".join(pull.host["comments"].values())


def test_what_a_pull_request_breaks_is_in_one_comment_until_the_label_allows_it(pull: PullRequest) -> None:
    pull.edit("max: 3", "max: 4")
    assert pull.push() == [0, 1, 0, 0]
    [said] = pull.host["comments"].values()
    assert said == pull.summary
    assert said.startswith("<!-- quality: what this change does -->\n## Impact on data quality\n")
    assert "* **breaking for consumers**: the rule in_range(id, min=1, max=4) is loosened (upper bound)" in said
    assert "2 of 5 | FAILED, 1 of 5 | 0 | 1 |" in said

    pull.host["labels"].append("breaking")
    pull.edit("min: 1", "min: 2")
    assert pull.push() == [0, 0, 0, 0]
    [(number, again)] = pull.host["comments"].items()
    assert (number, "min=2, max=4" in again) == ("41", True)


def test_a_fork_whose_token_may_not_write_has_the_summary_alone(pull: PullRequest) -> None:
    pull.edit("max: 3", "max: 2")
    assert pull.push(may_write=False) == [0, 0, 0, 0]
    assert "nothing is breaking for consumers" in pull.summary
    assert pull.host["comments"] == {}


def test_a_contract_that_cannot_be_read_leaves_a_line_that_says_where_to_look(pull: PullRequest) -> None:
    pull.edit("rules:", "rules: [")
    (pull.root / "policy.yml").unlink()
    pull.commit()
    assert pull.push() == [0, 2, 2, 0]
    assert "No impact: see the log of this job." in pull.summary
    assert "No replay: see the log of this job." in pull.summary
