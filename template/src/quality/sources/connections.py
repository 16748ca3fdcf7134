"""Where a database is and who may read it: an address in the environment, in a saved block, or without a password."""

from __future__ import annotations

import importlib
import os
import re
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator

from quality.errors import ConfigurationError, MalformedError, SourceError, first_line
from quality.values import Text

NAMED = re.compile(r"(env|secret):([\w.-]+)")
GIVEN = re.compile(r"(?i)[?&;](?:password|pwd|token)=([^?&;]*)")
EXAMPLE = "postgresql://user:password@host/database"
LOGIN = re.compile(r"[^\s@/?#\[\]]*@[^@/?#]*(/[^@?#]*)?(\?[\w.%+-]+=[^#]*)?")
"""What follows the scheme of an address with a login, whose special characters are written by their codes."""
CODES = (
    "the address of the connection cannot be read; write what is special in its password by codes: %40 for @, %2F for /"
)
PART = re.compile(r'(?:^|(?<=\.))(?:"((?:[^"]|"")+)"(?=\.|$)|([^.]*))')
FACTS = (
    "syntax", "does not exist", "no such", "not a database", "not a valid DuckDB database", "permission denied",
    "Catalog Error", "Binder Error", "database file with version number", "improper relation name",
    "cross-database references",
)  # fmt: skip
"""What databases say of a mistake that another attempt does not mend; the first also of a value, which they quote."""
PLACELESS = re.compile(r'"?([^":]*) has no place in Polars"?')
ENDLESS = ("infinity", "-infinity", "NaN")
FAR = "a day before the year 1, or after the year 9999,"
OF_DRIVERS = re.compile(r"(?s).*(?:ERROR|FATAL): |IO: (?:\[libpq\] )?")
"""What drivers say before what the database says, such as the whole query."""
SAYS = re.compile("(?:ERROR|FATAL):  ")
AGAIN = "see why the server ended the connection, and run this again"
PASSWORD = "write the user's password into the address of the connection"
SERVER = "see that the server runs, and that the connection's address names its host and port"
NAME = "name it as the database does, with its schema: sales.orders; in double quotes where a dot is part of a name"
FIXES = {
    "permission denied": "grant its user SELECT on what the rules read",
    "password authentication failed": PASSWORD,
    "no password supplied": PASSWORD,
    "Connection refused": SERVER,
    "could not translate host name": SERVER,
    "invalid port number": SERVER,
    "timeout expired": SERVER,
    "no connection to the server": AGAIN,
    "server closed the connection": AGAIN,
    "terminating connection": AGAIN,
    "too many connections": "let its user have more connections, or run fewer checks at once",
    "prepared statement": "have the pool between keep one connection for a session, or name the server itself",
    "statement timeout": "raise the user's statement_timeout, or ask fewer rules of the table",
    "due to user request": "run this again; where nobody canceled it, raise the user's statement_timeout",
    "lock timeout": "see who holds a lock on the table, and run this again",
    "Could not set lock": "run this again once the process that writes the file has closed it",
    "different configuration": "close the other connection of this process to the file, or open it by read_only=True",
    "database file with version number": "install the DuckDB that wrote the file, or write it by the one that reads it",
    "No files found that match": "see that the files are there which the view reads",
    "has no place in Polars": "give it as null by a view",
    "has not been populated": "refresh the view before it is judged",
    'relation "': NAME,
    "improper relation name": NAME,
    "cross-database references": NAME,
    "Table with name": NAME,
}


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
        return _known(connection)
    if found[1] == "secret":
        # Prefect holds the secrets, and is imported only where a contract names one.
        secret = importlib.import_module("quality.prefect_run").secret(found[2], "the database of a source")
        return _known(str(secret).strip())
    value = os.environ.get(found[2], "").strip()
    if "://" not in value:
        what = "holds no address" if value else "is not set"
        raise ConfigurationError(f"the environment variable {found[2]} {what}; it names a database, as {EXAMPLE} does")
    return _known(value)


def _known(url: str) -> str:
    """An address as drivers know it, whose scheme may be written in any letters."""
    return f"{scheme(url)}://{url.partition('://')[2]}"


def scheme(url: str) -> str:
    """`postgresql` for an address of it, whatever driver it names."""
    return url.partition("://")[0].lower()


def name_parts(table: str) -> tuple[str, ...]:
    """The parts of a table's name: of `sales.orders` two, and of `"v1.5"` one, as it stands in double quotes."""
    return tuple(found[1].replace('""', '"') if found[1] else found[2] for found in PART.finditer(table))


def _named_table(written: str) -> str:
    """Refuses what no database is asked for: a name, or a part of one, that is empty, blank or half in quotes."""
    for found in PART.finditer(written):
        part = found[2]
        if found[1] is None and (not part or part != part.strip() or part.startswith('"') or "\0" in part):
            what = f"{written!r} has the part {part!r}, which is no name" if written.strip() else "a blank is no name"
            raise ValueError(
                f"{what}: write it as sales.orders, and in double quotes a part with dots, or with blanks at its ends"
            )
    return written


TableName = Annotated[Text, AfterValidator(_named_table)]


def trouble(error: BaseException, url: str, what: str, of_rows: bool = True) -> SourceError:
    """What a database says, with what to do and without what gives access.

    Its words may quote a row. Where they are not known to be about nothing but the database, they have a cause, which
    has no words: a dataset with sensitive columns then withholds them.
    """
    said = OF_DRIVERS.sub("", masked(_line(error), url)).strip()
    said = PLACELESS.sub(lambda found: f"{found[1] if found[1] in ENDLESS else FAR} has no place in Polars", said)
    todo = next((f"; {fix}" for word, fix in FIXES.items() if word in said), "")
    stays = isinstance(error, MalformedError) or any(word in said for word in FACTS)
    made = (MalformedError if stays else SourceError)(f"{what}: {said}{todo}")
    if of_rows and not isinstance(error, SourceError) and not any(word in said for word in (*FIXES, *FACTS[1:])):
        made.__cause__ = type(type(error).__name__, (Exception,), {"__module__": "database"})()
    return made


def _line(error: BaseException) -> str:
    """The line of an error that says what is wrong: a query that drivers say before it may have several."""
    said = first_line(error)
    return said if SAYS.search(said) else next(filter(SAYS.search, str(error).splitlines()), said)


def _tells_a_part(text: str, url: str) -> bool:
    """Whether a message quotes a part of a password that ended too early, as a host, a port or an option."""
    login, sign, _ = (rest := url.partition("://")[2]).rpartition("@")
    held = login.partition(":")[2]
    if not sign or LOGIN.fullmatch(rest):
        return False
    ends = tuple(f"{part}@" for part in re.split(r"[@/?#]", held) if part)
    return any(one in held or one.startswith(ends) for one in re.findall(r'"([^"]+)"', text))


def masked(text: str, url: str) -> str:
    """A message without what gives access: what is secret in this address, as it is written and as it is meant."""
    if _tells_a_part(text, url):
        return CODES
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        password = ""
    given = {word for one in re.findall(GIVEN, url) for word in (one, unquote(one))}
    for word in sorted({url, password, unquote(password), *given} - {""}, key=len, reverse=True):
        text = text.replace(word, "***")
    return text
