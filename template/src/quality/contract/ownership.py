"""Whose an object on a server is: every one of ours names its domain, and another domain's is never overwritten."""

from __future__ import annotations

from collections.abc import Iterable

from quality.contract import project
from quality.errors import ConfigurationError

TAG = "domain:"
"""What the tag of a deployment or automation begins with that says whose it is."""

REMOVE_OLD = "once what replaces it is there, remove it with `nox -s drift -- --fix --remove-old`"
"""What to do about an object of before names carried the domain."""


def own_domain() -> str:
    """The domain's name; ConfigurationError where policy.yml does not say it, as nothing could be called ours."""
    if name := project.domain():
        return name
    raise ConfigurationError(
        f"{project.root() / 'policy.yml'} says no `domain`; write the domain's name there, such as "
        "`domain: orders`: everything on a server carries it"
    )


def tag() -> str:
    """The tag of this domain's objects."""
    return f"{TAG}{own_domain()}"


def other_domain(tags: Iterable[str]) -> str | None:
    """The other domain that these tags name."""
    owners = [one.removeprefix(TAG) for one in tags if one.startswith(TAG)]
    return None if not owners or own_domain() in owners else owners[0]


def belongs(other: str) -> str:
    """What is said of another's object, under a name that this repository would use."""
    return f"belongs to {other}, not to the domain {own_domain()}, and was left alone"


def way_out(kind: str) -> str:
    """What to do about a name that is another's."""
    return f"rename the dataset or the domain (`domain` in policy.yml), or ask its owner to delete that {kind}"


def refused(kind: str, name: str, other: str) -> ConfigurationError:
    """The error that keeps another's object from being overwritten."""
    return ConfigurationError(f"the {kind} {name} {belongs(other)}; {way_out(kind)}")
