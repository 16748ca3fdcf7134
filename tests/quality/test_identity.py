"""Whose is what on a server that domains share: everything carries its domain, and nothing of another's is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from domains import CONTRACT, Domain, worker
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from quality import ConfigurationError, check_dataset
from quality.__main__ import main
from quality.contract import project
from quality.drift.finding import Layer
from quality.drift.report import look
from quality.git import git
from quality.ladder.block import DataQualityBlock, save_block
from quality.ladder.deployment import deploy, ensure_pool
from quality.ladder.prefect_file import load_prefect_file
from quality.operations.events import EVENT
from quality.reporting.artifacts import dataset_key
from quality.server import hand_over_events

SLUG = "data-quality-block"
OWN_FLOW = """
from prefect import flow


@flow
def load_users() -> None:
    pass
"""
OWN_ENTRY = """
flows:
  - name: {name}
    entrypoint: {root}/own.py:load_users
    environment: dev
"""


@pytest.fixture(autouse=True)
def _signals_and_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *words: None)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def client(api: str) -> Iterator[SyncPrefectClient]:
    """A server on which nothing is left afterwards."""
    with get_client(sync_client=True) as made:
        yield made
        for deployment in made.read_deployments():
            made.delete_deployment(deployment.id)
        for block in made.read_block_documents():
            made.delete_block_document(block.id)
        for automation in made.read_automations():
            made.delete_automation(automation.id)


def test_two_domains_with_a_dataset_of_one_name_climb_on_one_server_and_neither_drifts(
    client: SyncPrefectClient, api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domains = [Domain(tmp_path, "shop"), Domain(tmp_path, "lake")]
    for domain in domains:
        domain.work_here(monkeypatch)
        with worker(f"{domain.name}-dev", domain.root):
            assert [main([rung, "users"]) for rung in ("block", "flow", "deployment")] == [0, 0, 0]
    for _ in range(2):
        for domain in domains:
            domain.work_here(monkeypatch)
            assert look([Layer.SERVER], fix=True).findings == ()
    for domain in domains:
        domain.work_here(monkeypatch)
        seen = look([Layer.SERVER])
        assert (seen.findings, seen.exit_code) == ((), 0), seen.text()
        assert look([Layer.SERVER], fix=True).healed == ()
        key = client.read_block_document_by_name(f"{domain.name}-users-dev", SLUG).data
        assert (key["domain"], key["owner"]) == (domain.name, f"@{domain.name}-team")
        found = client.read_deployment_by_name(f"{domain.name}-check-dataset/{domain.name}-users-dev")
        assert f"domain:{domain.name}" in found.tags
        assert dataset_key("users", "dev") == f"{domain.name}-users-dev-quality"
        hand_over_events()
    names = {one["prefect.resource.id"] for one in events(api)}
    assert {f"quality.dataset.{domain.name}.users.dev" for domain in domains} <= names
    flows = {flow.name for flow in client.read_flows()}
    ladder = {"check-dataset", "users-quality", "hand-over"}
    assert {f"{domain.name}-{name}" for domain in domains for name in ladder} <= flows


def events(api: str) -> list[dict[str, str]]:
    wanted = {"filter": {"event": {"name": [EVENT]}, "order": "DESC"}}
    found = httpx.post(f"{api}/events/filter", json=wanted).json()["events"]
    return [one["resource"] for one in found]


@pytest.fixture
def colliding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Domain, Domain]:
    """Two domains whose names meet: web's shop_users, and web-shop's users; the first is on the server."""
    web, shop = Domain(tmp_path, "web", "shop_users"), Domain(tmp_path, "web-shop")
    for domain, name in ((web, "shop-load-dev"), (shop, "load-dev")):
        domain.write("own.py", OWN_FLOW)
        text = (domain.root / "policy.yml").read_text("utf-8")
        domain.write("policy.yml", text + OWN_ENTRY.format(name=name, root=domain.root))
    return web, shop


def test_save_and_fix_refuse_what_is_another_domains_by_name(
    client: SyncPrefectClient,
    colliding: tuple[Domain, Domain],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    web, shop = colliding
    web.work_here(monkeypatch)
    assert look([Layer.SERVER], fix=True).findings == ()
    shop.work_here(monkeypatch)
    before = client.read_block_document_by_name("web-shop-users-dev", SLUG).data
    assert main(["block", "users"]) == 2
    said = capsys.readouterr().err
    assert f"the block {SLUG}/web-shop-users-dev belongs to the domain web, not to the domain web-shop" in said
    assert "rename the dataset or the domain (`domain` in policy.yml), or ask its owner to delete that block" in said
    for fix in (False, True):
        report = look([Layer.SERVER], fix=fix)
        told = "\n".join(str(finding) for finding in report.findings)
        assert "block web-shop-users-dev: belongs to the domain web" in told
        assert "deployment web-shop-load-dev: belongs to the domain web" in told
        assert report.exit_code == 1
    assert client.read_block_document_by_name("web-shop-users-dev", SLUG).data == before
    file = load_prefect_file(shop.root / "prefect.yaml")
    own = next(entry for entry in file.deployments if entry.name == "web-shop-load-dev")
    with pytest.raises(ConfigurationError, match="load-users/web-shop-load-dev belongs to the domain web, not to"):
        deploy(client, file, own)
    web.work_here(monkeypatch)
    assert look([Layer.SERVER]).findings == ()


def test_alarms_of_another_domain_are_refused_by_name(
    client: SyncPrefectClient,
    colliding: tuple[Domain, Domain],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    CustomWebhookNotificationBlock(name="night", url="http://127.0.0.1:9").save("night", _sync=True)  # type: ignore[call-arg]
    channel = "  notifications: [{channel: webhook, block: custom-webhook/night}]\n  work_pool"
    for domain, pool in zip(colliding, ("shop-pool", "pool"), strict=True):
        domain.edit("policy.yml", "  work_pool", channel)
        domain.edit("policy.yml", f"work_pool: {domain.name}-dev", f"work_pool: {pool}")
    colliding[0].work_here(monkeypatch)
    assert main(["alarms", "--env", "dev"]) == 0
    colliding[1].work_here(monkeypatch)
    assert main(["alarms", "--env", "dev"]) == 2
    said = capsys.readouterr().err
    assert "the automation 'web-shop-pool: a check crashed' belongs to the domain web" in said
    tags = {tag for automation in client.read_automations() for tag in automation.tags}
    assert tags == {"domain:web"}


def old(client: SyncPrefectClient, domain: Domain) -> None:
    """What a repository of before left on the server: a block, and a deployment of the flow that all domains shared."""
    config = project.load("users", "dev")
    block = DataQualityBlock.from_config(config)
    block.domain = None
    block.save("users-dev", overwrite=True, _sync=True)  # type: ignore[call-arg]
    flow, tags = client.create_flow_from_name("check-dataset"), [domain.name, "users", "dev", "fingerprint:0"]
    at: dict[str, Any] = {
        "flow_id": flow,
        "entrypoint": "quality.flows.check_dataset",
        "work_pool_name": f"{domain.name}-dev",
    }
    ensure_pool(client, load_prefect_file(domain.root / "prefect.yaml").deployments[0].work_pool)
    client.create_deployment(**at, name=f"users-dev-of-{domain.name}", tags=tags)


def test_objects_with_names_of_before_are_named_replaced_and_removed_only_on_request(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other, shop = Domain(tmp_path, "lake"), Domain(tmp_path, "shop")
    for domain in (other, shop):
        old(client, domain.work_here(monkeypatch))
    named = {"block users-dev", "deployment check-dataset/users-dev-of-shop"}
    for _ in range(2):
        report = look([Layer.SERVER], fix=True)
        assert {finding.subject for finding in report.findings} == named, "and nothing of the other domain's"
        assert all("nox -s drift -- --fix --remove-old" in finding.fix for finding in report.findings)
        assert report.exit_code == 1
    assert client.read_deployment_by_name("shop-check-dataset/shop-users-dev").paused
    assert client.read_block_document_by_name("users-dev", SLUG)

    assert main(["drift", "server", "--remove-old"]) == 2
    assert "give both: --fix --remove-old" in capsys.readouterr().err
    assert main(["drift", "server", "--fix", "--remove-old"]) == 0
    with pytest.raises(ObjectNotFound):
        client.read_block_document_by_name("users-dev", SLUG)
    with pytest.raises(ObjectNotFound):
        client.read_deployment_by_name("check-dataset/users-dev-of-shop")
    assert client.read_deployment_by_name("check-dataset/users-dev-of-lake")


def commit(domain: Domain) -> None:
    """Everything of a domain's repository."""
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", domain.name]):
        git(domain.root, *words)


def test_what_is_left_under_a_domains_name_of_before_is_listed_and_removed_only_on_request(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    CustomWebhookNotificationBlock(name="night", url="http://127.0.0.1:9").save("night", _sync=True)  # type: ignore[call-arg]
    other, shop = Domain(tmp_path, "lake"), Domain(tmp_path, "shop")
    for domain in (other, shop):
        channel = "  notifications: [{channel: webhook, block: custom-webhook/night}]\n  work_pool"
        domain.edit("policy.yml", "  work_pool", channel)
        domain.work_here(monkeypatch)
        assert main(["entries"]) == 0
        assert main(["alarms", "--env", "dev"]) == 0
        assert look([Layer.SERVER], fix=True).drifted == 0
    commit(shop)
    for name, why in (("shop", "is what the domain is called now"), ("lake", "no commit of policy.yml here says")):
        assert main(["drift", "server", "--fix", "--remove-domain", name]) == 2
        assert why in capsys.readouterr().out

    shop.edit("policy.yml", "domain: shop", "domain: Corner Shop")
    assert main(["entries"]) == 0
    capsys.readouterr()
    assert main(["drift", "server", "--remove-domain", "shop"]) == 1
    listed = capsys.readouterr().out.count("is left from the domain shop; delete it with `nox -s drift")
    assert listed == 2 + 2 + 4, "two blocks, two deployments, four alarms"
    assert main(["drift", "server", "--fix", "--remove-domain", "shop"]) == 0
    assert capsys.readouterr().out.count("healed: deleted the ") == listed
    left = {tag for one in client.read_deployments() for tag in one.tags if tag.startswith("domain:")}
    assert left == {"domain:lake", "domain:corner-shop"}
    assert {tag for one in client.read_automations() for tag in one.tags} == {"domain:lake"}
    blocks = client.read_block_documents_by_type(SLUG)
    assert sorted(one.data["domain"] for one in blocks) == ["corner-shop"] * 2 + ["lake"] * 2


def test_a_block_edited_by_hand_to_name_another_dataset_is_still_this_domains(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Domain(tmp_path, "shop").work_here(monkeypatch)
    config = project.load("users", "dev")
    save_block(client, config)
    edited = DataQualityBlock.from_config(config)
    edited.environment = "prod"
    edited.save("shop-users-dev", overwrite=True, _sync=True)  # type: ignore[call-arg]
    assert look([Layer.SERVER], "dev", fix=True).findings == ()


def test_two_datasets_whose_blocks_would_have_one_name_are_not_saved_over_each_other(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = Domain(tmp_path, "shop", "web_orders").work_here(monkeypatch)
    save_block(client, project.load("web_orders", "dev"))
    contract = CONTRACT.format(dataset="web__orders", domain="shop")
    (domain.root / "datasets" / "web__orders.yml").write_text(contract, "utf-8")
    with pytest.raises(ConfigurationError, match="belongs to the dataset web_orders in dev"):
        save_block(client, project.load("web__orders", "dev"))


def test_names_follow_the_repository_and_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, lake = Domain(tmp_path, "shop"), Domain(tmp_path, "lake")
    for domain in (shop, lake, shop):
        domain.work_here(monkeypatch)
        assert check_dataset.name == f"{domain.name}-check-dataset"
        entries = load_prefect_file(domain.root / "prefect.yaml").deployments
        assert [entry.name for entry in entries] == [f"{domain.name}-users-dev", f"{domain.name}-users-prod"]
    shop.edit("policy.yml", "domain: shop", "domain: Corner Shop")
    assert project.named("users", "prod") == "corner-shop-users-prod"


def test_without_a_domain_nothing_is_saved_on_a_server(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = Domain(tmp_path, "shop").work_here(monkeypatch)
    domain.edit("prefect.yaml", "name: shop\n", "")
    domain.edit("policy.yml", "domain: shop\n", "")
    assert check_dataset.name == "check-dataset"
    with pytest.raises(ConfigurationError, match="says no `domain`; write the domain's name there"):
        save_block(client, project.load("users", "dev"))
    file = load_prefect_file(domain.root / "prefect.yaml")
    with pytest.raises(ConfigurationError, match="says no `domain`"):
        deploy(client, file, file.deployments[0])
