"""The image of this repository, which docker and kubernetes pools run: in the registry of policy.yml, tagged by commit.

An image without a registry of its own, such as `shop-quality:latest`, is this repository's; where policy.yml names no
registry, and for an image that says where it comes from, what is written stays.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any

from quality.contract import project
from quality.errors import ConfigurationError

COMMIT = "QUALITY_COMMIT"
"""The variable that names the commit where there is no git, and the placeholder of it in prefect.yaml."""
PLACEHOLDER = "{{ " + COMMIT + " }}"
OWN = re.compile(r"[a-z0-9][a-z0-9._-]*(?=(:latest)?\Z)")
TAGGED = re.compile(r"(?P<name>.+):(?P<commit>[0-9a-f]{40})")


def in_registry(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The job variables of a pool, with this repository's image in the registry that policy.yml names."""
    registry, image = project.policy().deployments.registry, variables.get("image")
    own = OWN.match(image) if registry and isinstance(image, str) else None
    return {**variables, "image": f"{registry}/{own[0]}:{PLACEHOLDER}"} if own else dict(variables)


def own_values(variables: Mapping[str, Any]) -> dict[str, str]:
    """What the placeholder of these job variables stands for, where they have it."""
    return {COMMIT: commit()} if COMMIT in str(variables.get("image")) else {}


def commit() -> str:
    """The commit that is checked out, as QUALITY_COMMIT or git says; ConfigurationError where neither does."""
    if said := os.environ.get(COMMIT):
        return said
    words = ("git", "-C", str(project.root()), "rev-parse", "HEAD")
    try:
        done = subprocess.run(words, capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError):
        raise ConfigurationError(
            f"policy.yml names a registry, whose images are tagged by commit, and this is no git repository with a "
            f"commit; set {COMMIT} to the commit that the image was built from"
        ) from None
    return done.stdout.strip()


def another_commit(git: Any, found: Any) -> bool:
    """Whether two images are the same one, built from two commits."""
    ours, theirs = TAGGED.fullmatch(str(git)), TAGGED.fullmatch(str(found))
    return bool(ours and theirs and ours["name"] == theirs["name"])
