"""Folders that repositories of several domains write to: nothing is mixed, and nothing deleted of another's."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol

import pytest
from nightly import BAD, Repository

from quality.cli import doctor
from quality.errors import QuarantineError, SourceError
from quality.file_states.nights import nights
from quality.file_states.store import Store
from quality.history import claims, runs
from quality.operations import after_check
from quality.operations.after_check import Ran
from quality.quarantine.redrive import redrive
from quality.values import Status

VOLUME = {"check": "volume", "max_change": 0.5}


class Domain(Protocol):
    """Makes the repository of a domain, in a folder of its name or of another, the one at work."""

    def __call__(self, name: str, folder: str | None = None) -> Repository: ...


@pytest.fixture(params=["{}", "file://{}"], ids=["a folder", "an address"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the states and the history of both lie, beside their quarantines."""
    return str(request.param).format(tmp_path / "shared")


@pytest.fixture
def domain(shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Domain:
    """A repository of a domain, which is the one at work, with a dataset of the same name as every other's."""

    def made(name: str, folder: str | None = None) -> Repository:
        root = tmp_path / (folder or name)
        monkeypatch.setenv("QUALITY_ROOT", str(root))
        root.mkdir(exist_ok=True)
        repository = Repository(root)
        repository.policy["domain"] = name
        repository.contract["rules"] += [VOLUME]
        repository.says(quarantine={"path": str(tmp_path / "shared" / "quarantine"), "drop": ["email"]})
        states = {"path": shared, "enabled": True}
        repository.decides(history={"path": f"{shared}/history"}, states=states)
        return repository

    return made


def checked(repository: Repository) -> Ran:
    repository.holds(BAD)
    return after_check.check(None, repository.config)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.name != ".lock"}


def test_a_domain_neither_reads_nor_changes_what_another_one_left(domain: Domain, shared: str, tmp_path: Path) -> None:
    assert checked(domain("shop")).problem is None
    before = files(tmp_path / "shared")
    kinds = {Path(one).relative_to(tmp_path / "shared").parts[0] for one in before}
    assert kinds == {"history", "quarantine", "states"}
    ran = checked(other := domain("market"))
    assert files(tmp_path / "shared") == before
    volume = next(rule for rule in ran.result.rules if rule.check == "volume")
    assert volume.status is Status.ERROR
    for said in (volume.message, str(ran.problem), *ran.notes[1:3]):
        assert "is of the domain shop, which has a dataset of this name, too: give the domain market a path" in said
    assert [note.partition(":")[0] for note in ran.notes[1:3]] == ["history", "states"]
    assert {rule.status for rule in ran.result.rules if rule.check != "volume"} == {Status.FAILED}
    with pytest.raises(QuarantineError, match="of the domain shop"):
        redrive(other.config)
    with pytest.raises(SourceError, match="of the domain shop"):
        nights(Store(shared, "orders", "prod"))


def test_doctor_names_each_folder_that_is_of_another_domain(domain: Domain) -> None:
    wrong = [one for one in doctor.files() if "of the domain" in one.said] if checked(domain("shop")) else []
    assert wrong == []
    domain("market")
    found = {one.subject: one for one in doctor.files() if "is of the domain shop" in one.said}
    assert {*found} == {f"{field}.path of orders in prod" for field in ("states", "history", "quarantine")}
    assert {one.code for one in found.values()} == {2}


def test_two_checkouts_of_one_domain_share_what_they_left(domain: Domain, shared: str) -> None:
    checked(domain("shop"))
    ran = checked(other := domain("shop", "on another machine"))
    assert ran.problem is None
    assert len(runs.runs_of(runs.metrics(other.config))) == 2
    assert nights(Store(shared, "orders", "prod"))


def test_states_that_are_deleted_leave_the_domain_that_they_were_of(
    domain: Domain, shared: str, tmp_path: Path
) -> None:
    checked(domain("shop"))
    store = Store(shared, "orders", "prod")
    for note in (tmp_path / "shared").rglob("domain.parquet"):
        os.utime(note, (0, 0))
    store.prune(1)
    store.clear()
    domain("market")
    with pytest.raises(SourceError, match="of the domain shop"):
        nights(store)


def test_a_domain_that_was_renamed_goes_on_once_the_note_is_deleted(domain: Domain, tmp_path: Path) -> None:
    checked(domain("shop"))
    assert checked(domain("market", "shop")).problem is not None
    for note in (tmp_path / "shared").rglob("domain.parquet"):
        note.unlink()
    assert checked(other := domain("market", "shop")).problem is None
    assert len(runs.runs_of(runs.metrics(other.config))) == 2


def test_what_lies_in_the_repository_is_its_own(domain: Domain, tmp_path: Path) -> None:
    repository = domain("shop")
    repository.says(quarantine={"path": "kept/quarantine", "drop": ["email"]})
    repository.decides(history={"path": "kept"}, states={"path": "kept", "enabled": True})
    checked(repository)
    assert files(tmp_path / "shop" / "kept")
    assert not [*tmp_path.rglob("domain.parquet")]
    assert checked(domain("market", "shop")).problem is None


def test_a_note_that_is_damaged_makes_a_folder_nobodys(domain: Domain, shared: str, tmp_path: Path) -> None:
    """A disk that lost a part of it gives the folder to no other domain."""
    place = f"{shared}/damaged"
    shop = domain("shop")
    shop.decides(history={"path": place}, states={"enabled": False})
    assert not [note for note in checked(shop).notes if "not written" in note]
    [note] = (tmp_path / "shared" / "damaged").rglob("domain.parquet")
    note.write_bytes(note.read_bytes()[:20])
    market = domain("market")
    market.decides(history={"path": place}, states={"enabled": False})
    market.holds(BAD)
    said = f"{place}/runs/orders/prod/domain.parquet, which names the domain that the folder is of, cannot be read"
    with pytest.raises(SourceError, match=re.escape(said)):
        runs.metrics(market.config, 10)
    [found] = [one for one in doctor.files() if one.subject.startswith("history.path")]
    assert (found.code, said in found.said, "delete it where that is market" in found.said) == (2, True, True)
    assert any("not written" in one and said in one for one in after_check.check(None, market.config).notes)


def test_of_domains_that_come_at_once_the_first_one_stays(
    domain: Domain, shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both found no name there: nights begin at the same minute."""
    folder = f"{shared}/history/runs/orders/prod"
    domain("shop")
    claims.claim(folder)
    [note] = tmp_path.rglob("domain.parquet")
    domain("market")
    look, found = claims._named, [None]
    monkeypatch.setattr(claims, "_named", lambda folder: found.pop() if found else look(folder))
    with pytest.raises(SourceError, match="of the domain shop"):
        claims.claim(folder)
    assert [*note.parent.iterdir()] == [note]
