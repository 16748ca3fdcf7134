"""What is left on a server under a name that this repository's domain had before, and its end on request.

Deployments, automations and blocks say whose they are; that the name was this repository's, commits of policy.yml say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from prefect.client.orchestration import SyncPrefectClient

from quality.contract import project
from quality.contract.ownership import TAG, own_domain
from quality.drift.blocks import every_block
from quality.drift.finding import Finding, Layer
from quality.errors import ConfigurationError
from quality.git import UnansweredError, git
from quality.ladder.deployment import tagged
from quality.ladder.triggers import every
from quality.texts import slug


def earlier(name: str) -> str:
    """The name as servers have it; ConfigurationError where it is the domain's own, or was never this repository's."""
    asked, mine = slug(name), own_domain()
    if asked == mine:
        raise ConfigurationError(f"{name} is what the domain is called now; --remove-domain takes its name of before")
    try:
        written = git(project.root(), "log", "--format=", "--patch", "--unified=0", "--", "policy.yml")
    except UnansweredError as error:
        raise ConfigurationError(f"whether {name} was this repository's domain cannot be told: {error}") from None
    said = re.findall(r"(?m)^[-+]domain:\s*['\"]?([^'\"#\n]+)", written.decode("utf-8", "replace"))
    if asked not in (known := {slug(one) for one in said}):
        others = ", ".join(sorted(known - {mine, ""})) or "none"
        raise ConfigurationError(
            f"no commit of policy.yml here says `domain: {asked}`, so what carries it may be another's; names of "
            f"before that they say: {others}. In a clone that lacks commits, first git fetch --unshallow"
        )
    return asked


def left_of(client: SyncPrefectClient, name: str) -> Iterator[Finding]:
    """Each object on the server that says it is of this domain of before."""
    fix = f"delete it with `nox -s drift -- server --fix --remove-domain {name}`"
    for subject, _ in _found(client, name):
        yield Finding.of(Layer.SERVER, subject, f"is left from the domain {name}", fix, heals=True)


def remove_domain(client: SyncPrefectClient, name: str) -> Iterator[str]:
    """Deletes every object that says it is of this domain of before; work pools and their own blocks say nothing."""
    for subject, delete in list(_found(client, name)):
        delete()
        yield f"deleted the {subject}"


def _found(client: SyncPrefectClient, name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Each object, and what deletes it: automations first, so that none is left that would run what is gone."""
    mine = f"{TAG}{name}"
    for automation in every(client):
        if mine in automation.tags:
            yield f"automation '{automation.name}'", partial(client.delete_automation, automation.id)
    for found in tagged(client, mine):
        yield f"deployment {found.name}", partial(client.delete_deployment, found.id)
    for block in every_block(client):
        if block.data.get("domain") == name:
            yield f"block {block.name}", partial(client.delete_block_document, block.id)
