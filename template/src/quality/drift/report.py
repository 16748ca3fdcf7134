"""Drift at four layers. Exit codes: 0 none, 1 drift, 2 a file cannot be read, 3 no server where one is asked for."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import Field, computed_field

from quality.contract import project
from quality.drift.environments import environments
from quality.drift.finding import Finding, Layer
from quality.drift.forks import forks
from quality.drift.managed_files import managed_files, stale_documents, unread_contracts, unreadable
from quality.drift.waivers import load_waivers, waive
from quality.errors import ConfigurationError, ServerError
from quality.values import Frozen


class Report(Frozen):
    """What was found, what was healed, and which layers nobody looked at, with the reason."""

    findings: tuple[Finding, ...] = ()
    healed: tuple[str, ...] = ()
    unseen: dict[Layer, str] = Field({}, description="Why a layer was not looked at.")
    failed: int = Field(0, description="2 or 3 when a layer that was asked for could not be looked at.")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def drifted(self) -> int:
        return sum(not finding.note for finding in self.findings)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def exit_code(self) -> int:
        return self.failed if self.failed == 3 else int(self.drifted > 0) or self.failed

    def text(self) -> str:
        """The report for a person, a layer at a time."""
        lines = [f"healed: {step}" for step in self.healed]
        for layer in Layer:
            found = [finding for finding in self.findings if finding.layer is layer]
            drifted = sum(not finding.note for finding in found)
            state = f"not looked at: {self.unseen[layer]}" if layer in self.unseen else f"{drifted or 'no'} drift"
            lines.append(f"{layer}: {state}")
            lines += [f"  {'note' if finding.note else 'DRIFT'}  {finding}" for finding in found]
        return "\n".join(lines)


def look(
    layers: Iterable[Layer] = (),
    environment: str | None = None,
    fix: bool = False,
    remove_old: bool = False,
    stale: Callable[[Path], Iterable[Path]] = lambda root: (),
    remove_domain: str | None = None,
) -> Report:
    """The report on the layers asked for; on all of them when none is named, the server's where one is configured.

    `stale` tells the files that `nox -s rules` writes and that are not what it would write.
    """
    root, asked = project.root(), tuple(layers)
    named = asked or tuple(Layer)
    findings, unseen = local(root, named)
    if Layer.FILES in named:
        findings += stale_documents(root, stale)
    healed: list[str] = []
    failed = 2 if unseen else 0
    if Layer.SERVER in named and (asked or fix or remove_domain or _server_is_configured()):
        try:
            found, healed = _server(environment, fix, remove_old, remove_domain)
            findings += found
        except ConfigurationError as error:
            unseen[Layer.SERVER], failed = str(error), 2
        except ServerError as error:
            unseen[Layer.SERVER], failed = str(error), 3
    elif Layer.SERVER in named:
        unseen[Layer.SERVER] = "no PREFECT_API_URL is set; `nox -s drift -- server` looks at this repository's own"
    if Layer.FILES not in named and named[0] not in unseen:
        findings += [one.model_copy(update={"layer": named[0]}) for one in unread_contracts()]
    unseen |= {layer: "not asked for" for layer in Layer if layer not in named}
    return Report(findings=tuple(findings), healed=tuple(healed), unseen=unseen, failed=failed)


def local(root: Path, layers: Iterable[Layer]) -> tuple[list[Finding], dict[Layer, str]]:
    """What can be found without a server, and the layers that could not be looked at."""
    waivers, findings = load_waivers(root)
    waivable: list[Finding] = []
    unseen: dict[Layer, str] = {}
    if Layer.FILES in layers:
        waivable += managed_files(root)
        findings += unreadable(root)
    if Layer.FORKS in layers:
        waivable += forks(root)
    if Layer.ENVIRONMENTS in layers:
        try:
            findings += environments()
        except ConfigurationError as error:
            unseen[Layer.ENVIRONMENTS] = str(error)
    return waive(waivable, waivers) + findings, unseen


def _server_is_configured() -> bool:
    from prefect.settings import get_current_settings

    return bool(get_current_settings().api.url)


def _server(
    environment: str | None, fix: bool, remove_old: bool, remove_domain: str | None
) -> tuple[list[Finding], list[str]]:
    from quality.drift.earlier_domain import earlier
    from quality.drift.server import Scope, heal, server_drift
    from quality.ladder.computed_file import current
    from quality.ladder.entries import computed
    from quality.server import prefect_api, server

    scope = Scope(current() if fix else computed(), environment, earlier(remove_domain) if remove_domain else None)
    with contextlib.redirect_stdout(sys.stderr), prefect_api(), server() as client:
        healed = list(heal(client, scope, remove_old)) if fix else []
        return list(server_drift(client, scope)), healed
