"""What checks run in: the base job templates of work pools, and the image of a commit."""

from __future__ import annotations

import argparse
from typing import Literal

from quality.cli.answers import Answer
from quality.contract import project


class Pools(Answer):
    """pools: the files of base job templates that were written."""

    verb: Literal["pools"]
    written: tuple[str, ...] = ()


class Images(Answer):
    """image: the images of this commit that deployments run."""

    verb: Literal["image"]
    images: tuple[str, ...] = ()


def pools(asked: argparse.Namespace) -> Pools:
    """Writes `pools/<pool>.json` for each work pool of policy.yml that has none; one that is there stays as it is."""
    from quality.ladder.entries import computed
    from quality.ladder.pools import write_templates
    from quality.reporting.console import say
    from quality.server import prefect_api, server

    with prefect_api(), server() as client:
        written = tuple(write_templates(client, computed().deployments))
    for name in written:
        print(f"written: {name}")
    if not written:
        say("every work pool of policy.yml has its file in pools/")
    return Pools(verb="pools", written=written)


def image(asked: argparse.Namespace) -> Images:
    """Prints each image of this commit, for whoever builds and pushes it; nothing where policy.yml has no registry."""
    import sys

    from quality.ladder.deployment import resolved
    from quality.ladder.entries import computed
    from quality.ladder.image import COMMIT

    deployed = [one for one in computed().deployments if COMMIT in str(one.work_pool.job_variables.get("image"))]
    images = tuple(sorted({str(resolved(one).work_pool.job_variables["image"]) for one in deployed}))
    for name in images:
        print(name)
    if not project.policy().deployments.registry:
        print("policy.yml names no registry, so images have the names that are written there", file=sys.stderr)
    return Images(verb="image", images=images)
