"""Secrets that contract and policy name and never hold: values of saved Prefect Secret blocks."""

from __future__ import annotations

from quality.errors import ConfigurationError


def secret(name: str, purpose: str) -> str:
    """The value of a saved Secret block; ConfigurationError says what it is missed for."""
    from prefect.blocks.system import Secret

    try:
        value = Secret.load(name, _sync=True).get()  # type: ignore[call-arg, union-attr]
    except ValueError:
        raise ConfigurationError(
            f"there is no saved Secret block '{name}' for {purpose}; save it, then run this again"
        ) from None
    return str(value)
