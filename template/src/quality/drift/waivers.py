"""Waivers: files that may differ from the template for a while, each with a reason and a last day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from quality.contract.complaints import Complaints
from quality.contract.times import is_over
from quality.contract.yaml_file import YamlFile
from quality.drift.finding import Finding, Layer
from quality.errors import ConfigurationError
from quality.texts import nearest
from quality.values import Frozen

FILE = "waivers.yml"
SHAPE = "{path: src/quality/tasks.py, reason: …, until: 2026-12-31}"
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Waiver(Frozen):
    """One file, why it may differ, and until when."""

    path: Words
    reason: Words
    until: date

    @property
    def expired(self) -> bool:
        return is_over(self.until)


def load_waivers(root: Path) -> tuple[tuple[Waiver, ...], list[Finding]]:
    """The waivers that can be read, and a finding for each that cannot."""
    if not (root / FILE).exists():
        return (), []
    try:
        file = YamlFile(root / FILE)
        data = file.data()
        if unknown := next((key for key in data if key != "waivers"), None):
            raise ConfigurationError(
                f"{file.at(unknown)}: there is no key '{unknown}'; {nearest(unknown, ['waivers'])}"
            )
    except ConfigurationError as error:
        return (), [Finding.of(Layer.FILES, FILE, str(error), "fix the file")]
    written = data.get("waivers") or []
    if not isinstance(written, list):
        return (), [Finding.of(Layer.FILES, file.at("waivers"), f"waivers are a list; {SHAPE}", "fix the file")]
    wrong = Complaints(file)
    read = [wrong.validated(Waiver, one, "this waiver", "waivers", number) for number, one in enumerate(written)]
    fix = f"give path, reason, until: {SHAPE}"
    findings = [Finding.of(Layer.FILES, *_counts_not(said), fix) for _, said in wrong.found]
    return tuple(one for one in read if one is not None), findings


def _counts_not(said: str) -> tuple[str, str]:
    """Where a waiver is wrong, and that it does not count."""
    where, _, what = said.partition(": ")
    return where, f"this waiver does not count: {what}"


def waive(findings: Iterable[Finding], waivers: tuple[Waiver, ...]) -> list[Finding]:
    """The findings, those of a waived file as notes; a waiver that has expired or waives nothing is itself reported."""
    found = list(findings)
    current = {waiver.path: waiver for waiver in waivers if not waiver.expired}
    said = [_waived(finding, current.get(path_of(finding))) for finding in found]
    differing = {path_of(finding) for finding in found}
    for waiver in waivers:
        expired = f"the waiver of {waiver.path} expired on {waiver.until}"
        if waiver.expired and waiver.path in differing:
            fix = "restore the file with `nox -s restore`, or give the waiver a later day"
            said.append(Finding.of(Layer.FILES, FILE, expired, fix))
        elif waiver.path not in differing:
            problem = expired if waiver.expired else f"{waiver.path} is waived and does not differ"
            idle = Finding.of(Layer.FILES, FILE, problem, "delete the waiver")
            said.append(idle.model_copy(update={"note": True}))
    return said


def path_of(finding: Finding) -> str:
    """The file a finding is about, without the line."""
    return finding.subject.split(":")[0]


def _waived(finding: Finding, waiver: Waiver | None) -> Finding:
    if waiver is None:
        return finding
    return finding.model_copy(update={"note": True, "fix": f"waived until {waiver.until}: {waiver.reason}"})
