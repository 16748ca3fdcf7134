"""A release that judges otherwise: what runs runs on, nothing new becomes active, and one command proves all again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from domains import Domain, worker
from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from promoted import as_of_an_earlier_release, promote
from pydantic import SecretStr
from sink import listening

from quality import ConfigurationError, check_dataset
from quality.__main__ import main
from quality.cli import documents
from quality.contract import project
from quality.contract.judging_code import judging_digest
from quality.drift.finding import Layer
from quality.drift.report import look
from quality.ladder.deployment import NOT_PROMOTED
from quality.reporting import console
from quality.rollout import evidence, pins, scorecard
from quality.rollout.evidence import Rung
from quality.rollout.gate import unproved

PROD, DEV = "shop-check-dataset/shop-users-prod", "shop-check-dataset/shop-users-dev"
AGAIN = "proved on 0.9.0, prove again"


@pytest.fixture(autouse=True)
def _signals_and_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setattr(console.out, "_width", 250)  # COLUMNS counts when the console is made, which was before


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    return Domain(tmp_path, "shop").work_here(monkeypatch)


@pytest.fixture
def client(api: str, shop: Domain) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as made:
        yield made
        for deployment in made.read_deployments():
            made.delete_deployment(deployment.id)
        for block in made.read_block_documents():
            made.delete_block_document(block.id)


def state(client: SyncPrefectClient, name: str) -> tuple[bool, bool]:
    """Whether a deployment is paused, and whether its tag says that nothing proves it."""
    found = client.read_deployment_by_name(name)
    return found.paused, NOT_PROMOTED in found.tags


HELD, ACTIVE = (True, True), (False, False)


def test_a_release_that_judges_otherwise_stops_no_check_and_lets_nothing_new_be_active(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    promote("users", "prod")
    assert main(["status"]) == 0
    look([Layer.SERVER], fix=True)
    promote("users", "dev")
    assert main(["status"]) == 0
    assert (state(client, PROD), state(client, DEV)) == (ACTIVE, HELD)
    committed = (shop.root / "rollout" / "status.json").read_bytes()

    as_of_an_earlier_release(shop.root)

    capsys.readouterr()
    assert main(["status", "--check"]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert AGAIN in said
    assert "nox -s climb -- users --env prod" in said, said
    assert main(["status"]) == 0
    assert (shop.root / "rollout" / "status.json").read_bytes() == committed, "a release makes no diff"
    healed = look([Layer.SERVER], fix=True)
    assert (state(client, PROD), state(client, DEV)) == (ACTIVE, HELD), "what was active, and nothing else"
    assert healed.findings == ()
    line = unproved("users", "dev")
    assert line is not None
    assert (line.seen, line.fix) == (AGAIN, "nox -s climb -- users --env dev")
    assert main(["promote", "block", "users"]) == 1
    assert AGAIN in capsys.readouterr().out

    client.resume_deployment(client.read_deployment_by_name(DEV).id)
    assert main(["status", "--check"]) == 1, "somebody resumed what was not proved by this code"
    assert f"deployment shop-users-dev is active on the server and not promoted: rung task: {AGAIN}" in (
        capsys.readouterr().out
    )
    shop.edit("datasets/users.yml", "not_null, column: id", "not_null, column: id, severity: warning")
    look([Layer.SERVER], fix=True)
    assert state(client, PROD) == HELD, "a change of the team's pauses as ever"


def test_climb_proves_the_whole_ladder_again_and_activates_what_it_promoted(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = "  notifications: [{channel: slack, block: slack-webhook/night}]\n  work_pool"
    shop.edit("policy.yml", "  work_pool", channel)
    documents.write(shop.root)
    shop.write(f"constraints/{pins.running()}.txt", f"polars=={project.installed('polars')}\n")
    promote("users", "prod")
    as_of_an_earlier_release(shop.root)
    with listening() as sink, worker("shop-prod", shop.root):
        made = SlackWebhook(url=SecretStr(f"json://{sink.place}/token"))
        made.save("night", overwrite=True, _sync=True)  # type: ignore[call-arg]
        assert main(["alarms", "--env", "prod"]) == 0
        assert main(["climb"]) == 0, capsys.readouterr()
        asked = len(sink.bodies)
    said = [line for line in capsys.readouterr().out.splitlines() if " · " in line]
    assert len(said) == 1, said
    assert "1 of 1 · users in prod: proved again: task, block, flow, deployment" in said[0]
    assert asked == 1, "one test message for all rungs and datasets"
    for rung in Rung:
        assert evidence.read("users", rung.value)["prod"].judged_by == judging_digest()
    assert unproved("users", "prod") is None
    assert state(client, PROD) == ACTIVE
    assert "prod" in evidence.read("users", "checklist-deployment")
    assert main(["status", "--check"]) == 0
    assert AGAIN not in capsys.readouterr().out


def three(shop: Domain) -> None:
    """Two more datasets, proved by a task; since then one has bad data, and one has no file."""
    contract = (shop.root / "datasets" / "users.yml").read_text("utf-8")
    for name in ("bad", "gone"):
        shop.write(f"datasets/{name}.yml", contract.replace("users", name))
        pl.DataFrame({"id": [1, 2]}).write_parquet(shop.root / "data" / f"{name}.parquet")
    for name in ("bad", "gone", "users"):
        promote(name, "dev", Rung.TASK)
    as_of_an_earlier_release(shop.root)
    pl.DataFrame({"id": [1, 1]}).write_parquet(shop.root / "data" / "bad.parquet")
    (shop.root / "data" / "gone.parquet").unlink()


def test_who_does_not_come_again_is_named_with_what_to_do_and_the_others_go_on(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    three(shop)
    shop.write("datasets/broken.yml", "dataset: [\n")
    evidence.place("users", "block").write_text("{", "utf-8")
    assert main(["climb", "--json"]) == 3
    told = capsys.readouterr()
    answer = json.loads(told.out)
    codes = {one["dataset"]: one["exit_code"] for one in answer["datasets"]}
    assert codes == {"bad": 1, "broken": 2, "gone": 3, "users": 2}
    assert "1 of 4 · bad in dev: stopped at task: bad: FAILED" in told.err
    assert "see `nox -s task -- bad --env dev`" in told.err
    assert "rollout/evidence/users.block.json is incomplete; delete it" in told.err
    assert told.err.count("datasets/broken.yml") == 1
    evidence.place("users", "block").unlink()
    (shop.root / "datasets" / "broken.yml").unlink()
    assert main(["climb"]) == 3
    assert "3 of 3 · users in dev: proved again: task" in capsys.readouterr().out
    assert scorecard.outdated("users", "dev", Rung.TASK) is None
    assert evidence.read("bad", "task")["dev"].status == "FAILED"


def test_climb_is_limited_by_words_and_says_when_there_is_nothing(
    client: SyncPrefectClient, shop: Domain, capsys: pytest.CaptureFixture[str]
) -> None:
    three(shop)
    assert main(["climb", "users", "--env", "dev"]) == 0
    assert "1 of 1 · users in dev: proved again: task" in capsys.readouterr().out
    assert main(["climb", "users", "--env", "prod"]) == 0
    assert "has evidence of a rung, so there is nothing to prove again" in capsys.readouterr().out
    assert main(["climb", "nobody"]) == 2
    assert main(["climb", "users", "--env", "nowhere"]) == 2


def test_an_own_rule_that_changed_drops_every_rung_and_drifts_everywhere(
    client: SyncPrefectClient, shop: Domain, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from own_domain import OwnDomain

    own = OwnDomain(shop.root, monkeypatch)
    shop.edit("datasets/users.yml", "rules:", "rules:\n  - {check: small, column: id}")
    promote("users", "prod")
    main(["status"])
    look([Layer.SERVER], fix=True)
    assert state(client, PROD) == ACTIVE
    deployed = client.read_deployment_by_name(PROD).parameters["fingerprint"]
    own.edit("rules.py", "value < 1_000", "value < 2_000")
    own.forget()
    with pytest.raises(ConfigurationError, match="own Python and saved profiles are now"):
        check_dataset("users", "prod", deployed)
    card = scorecard.standing("users", "prod")
    assert card.current_level is None
    assert "the configuration changed since" in card.checks[0].seen
    report = look([Layer.SERVER]).text()
    assert "block shop-users-prod: differs from the repository: fingerprint" in report
    assert "shop-users-prod: is active and not promoted" in report
    assert main(["status", "--check"]) == 1
    look([Layer.SERVER], fix=True)
    assert state(client, PROD) == HELD
    own.forget()


def test_evidence_of_before_it_named_the_judging_code_is_read_and_asks_to_be_given_again(shop: Domain) -> None:
    promote("users", "dev")
    path = evidence.place("users", "task")
    said = json.loads(path.read_text("utf-8"))
    del said["environments"]["dev"]["judged_by"]
    path.write_text(json.dumps(said), "utf-8")
    assert scorecard.standing("users", "dev").current_level is Rung.DEPLOYMENT
    line = scorecard.outdated("users", "dev")
    assert line is not None
    assert line.seen == f"proved on {project.template_version()}, prove again"
