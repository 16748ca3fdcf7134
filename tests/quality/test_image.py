"""The registry of policy.yml: where entries take this repository's image from, tagged by the commit."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from users import compute

from quality.__main__ import main
from quality.errors import ConfigurationError
from quality.ladder.deployment import declared, deploy, resolved
from quality.ladder.entries import computed, entry_of
from quality.ladder.image import COMMIT, PLACEHOLDER, commit
from quality.ladder.pools import ensure_pool
from quality.server import server

FIRST, SECOND = "a" * 40, "b" * 40


def says(repository: Path, registry: str, image: str = "users") -> None:
    """The policy with a registry and another image."""
    text = (repository / "policy.yml").read_text("utf-8")
    text = re.sub(r"(?m)^registry: .*\n", "", text).replace("domain: users\n", f"domain: users\nregistry: {registry}\n")
    (repository / "policy.yml").write_text(re.sub(r"image: [^,]+,", f"image: '{image}',", text), "utf-8")


@pytest.mark.parametrize(
    ("registry", "image", "expected"),
    [
        ("null", "users-quality:latest", "users-quality:latest"),
        ("ghcr.io/acme", "users-quality:latest", f"ghcr.io/acme/users-quality:{PLACEHOLDER}"),
        ("ghcr.io/acme", "users", f"ghcr.io/acme/users:{PLACEHOLDER}"),
        ("localhost:5000", "users", f"localhost:5000/users:{PLACEHOLDER}"),
        ("ghcr.io/acme", "users:1.2", "users:1.2"),
        ("ghcr.io/acme", "docker.io/other/users:latest", "docker.io/other/users:latest"),
    ],
)
def test_an_own_image_is_in_the_registry_and_tagged_by_commit(
    repository: Path, registry: str, image: str, expected: str
) -> None:
    before = entry_of("users", "dev")
    says(repository, registry, image)
    assert entry_of("users", "prod").work_pool.job_variables["image"] == expected
    assert entry_of("users", "dev") == before, "a pool without an image has none"
    compute(repository)
    (prod,) = (one for one in computed().deployments if one.environment == "prod")
    tagged = expected.replace(PLACEHOLDER, commit_of(repository))
    assert resolved(prod).work_pool.job_variables["image"] == tagged


def commit_of(repository: Path) -> str:
    """The commit of the repository, which becomes one of git here."""
    for words in (
        ("init", "-q"),
        ("add", "policy.yml"),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "-"),
    ):
        subprocess.run(["git", *words], cwd=repository, check=True)
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repository, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("registry", ["https://ghcr.io/acme", "ghcr.io/acme/", "ghcr.io/Acme", "[a]", "''", "a b", "5"])
def test_what_is_no_registry_is_refused_with_its_line(
    repository: Path, capsys: pytest.CaptureFixture[str], registry: str
) -> None:
    says(repository, registry)
    assert main(["entries", "--check"]) == 2
    said = capsys.readouterr().err
    assert re.search(r"policy\.yml:3: .*registry is where images are pushed, such as ghcr\.io/acme", said), said


def test_where_nothing_says_the_commit_nothing_is_deployed(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    says(repository, "ghcr.io/acme")
    compute(repository)
    assert main(["image"]) == 2
    assert f"set {COMMIT} to the commit" in capsys.readouterr().err
    monkeypatch.setenv(COMMIT, FIRST)
    assert main(["image"]) == 0
    assert capsys.readouterr().out == f"ghcr.io/acme/users:{FIRST}\n"
    assert commit() == FIRST
    says(repository, "null")
    assert main(["image"]) == 0
    assert capsys.readouterr().out == ""


def test_the_image_of_another_commit_is_a_note_that_a_fix_deploys_and_any_other_image_is_drift(
    repository: Path, api: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMMIT, FIRST)
    says(repository, "ghcr.io/acme")
    compute(repository)
    file, entry = computed(), entry_of("users", "prod")
    with server() as client:
        ensure_pool(client, entry.work_pool)
        made = deploy(client, file, entry)
        assert client.read_deployment(made).job_variables["image"] == f"ghcr.io/acme/users:{FIRST}"
        monkeypatch.setenv(COMMIT, SECOND)
        main(["drift", "server", "--env", "prod"])
        said = capsys.readouterr().out
        assert 'note  deployment users-prod: runs the image of another commit: job_variables.image is "ghcr.io' in said
        assert "DRIFT  deployment users-prod" not in said
        main(["drift", "server", "--env", "prod", "--fix"])
        assert client.read_deployment(made).job_variables["image"] == f"ghcr.io/acme/users:{SECOND}"
        capsys.readouterr()
        says(repository, "ghcr.io/evil")
        compute(repository)
        assert main(["drift", "server", "--env", "prod"]) == 1
        assert "DRIFT  deployment users-prod: differs from prefect.yaml: job_variables.im" in capsys.readouterr().out
        client.delete_deployment(made)
    monkeypatch.delenv(COMMIT)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    with pytest.raises(ConfigurationError, match="images are tagged by commit"):
        declared(computed(), entry_of("users", "prod"))
