"""Where a database is and who may read it: an address in the environment, in a saved block, or without a password."""

from __future__ import annotations

import importlib
import os
import re
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator

from quality.errors import ConfigurationError
from quality.values import Text

NAMED = re.compile(r"(env|secret):([\w.-]+)")
GIVEN = re.compile(r"(?i)[?&;](?:password|pwd|token)=([^?&;]*)")
EXAMPLE = "postgresql://user:password@host/database"


def _without_password(written: str) -> str:
    if NAMED.fullmatch(written):
        return written
    refuse_password(written)
    if "://" not in written:
        raise ValueError(
            "connection is `env:NAME` for an address in an environment variable, `secret:NAME` for one in a saved "
            "Secret block, or an address without a password such as sqlite:///data/shop.db"
        )
    return written


def refuse_password(written: str) -> None:
    """ValueError for an address with a password in it, which it does not repeat."""
    if re.match(r"[\w+.-]+://[^/\s]*:[^/\s]*@", written) or re.search(r"(?i)[?&;](password|pwd|token)=", written):
        raise ValueError(
            "an address in a file must have no password: put it into an environment variable or a saved Secret block"
        )


Connection = Annotated[Text, AfterValidator(_without_password)]


def address(connection: str) -> str:
    """The address that a connection means; ConfigurationError says which variable or block is missing."""
    found = NAMED.fullmatch(connection)
    if found is None:
        return connection
    if found[1] == "secret":
        # Prefect holds the secrets, and is imported only where a contract names one.
        return str(importlib.import_module("quality.prefect_run").secret(found[2], "the database of a source")).strip()
    value = os.environ.get(found[2], "").strip()
    if "://" not in value:
        what = "holds no address" if value else "is not set"
        raise ConfigurationError(f"the environment variable {found[2]} {what}; it names a database, as {EXAMPLE} does")
    return value


def scheme(url: str) -> str:
    """`postgresql` for an address of it, whatever driver it names."""
    return url.partition("://")[0].lower()


def masked(text: str, url: str) -> str:
    """A message without what gives access: what is secret in this address, as it is written and as it is meant."""
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        password = ""
    given = {word for one in re.findall(GIVEN, url) for word in (one, unquote(one))}
    for word in sorted({url, password, unquote(password), *given} - {""}, key=len, reverse=True):
        text = text.replace(word, "***")
    return text
