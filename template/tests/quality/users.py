"""A repository of one dataset, in a folder that a test may change."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

CONTRACT = """
dataset: users
owner: "@users-team"
source: {path: data/users.parquet}
key: [id]
sensitive: [email]
rules:
  - {check: not_null, column: id}
  - {check: regex, column: email, pattern: "@", severity: warning}
"""
POLICY = """
domain: users
defaults:
  retries: {count: 2, delay_seconds: 0, reason: storage hiccups}
  cache: {enabled: false, reason: a verdict is about the data of now}
  work_pool: users-dev
environments:
  dev:
    deployment:
      job_variables: {stream_output: true}
      datasets: {users: {name: users-dev}}
  prod:
    schedule: "0 6 * * *"
    work_pool: users-prod
    deployment:
      job_variables: {image: users, auto_remove: true}
      datasets: {users: {name: users-prod}}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one dataset, users, whose verdict is WARNING."""
    for name, text in {"datasets/users.yml": CONTRACT, "policy.yml": POLICY}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "data").mkdir()
    pl.DataFrame({"id": [1, 2, 3], "email": ["a@b", "c@d", "secret"]}).write_parquet(
        tmp_path / "data" / "users.parquet"
    )
    monkeypatch.setenv("QUALITY_ROOT", str(tmp_path))
    monkeypatch.delenv("QUALITY_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    compute(tmp_path)
    return tmp_path


def compute(repository: Path) -> None:
    """Writes prefect.yaml anew, as datasets and policy.yml give it."""
    from quality.ladder.computed_file import text_of
    from quality.ladder.entries import document

    (repository / "prefect.yaml").write_text(text_of(document()), "utf-8")
