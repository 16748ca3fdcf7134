"""Sessions of PostgreSQL: how long a server is waited for, and whether their moment is that of the tables they read."""

from __future__ import annotations

import os
from collections.abc import Callable

import polars as pl

from quality.errors import SourceError

PATIENCE = {"connect_timeout": 30, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}
"""Seconds, and tries, after which a server that says nothing is given up; the driver itself waits for ever."""
IN_UTF8 = {"client_encoding": "UTF8"}
"""From the beginning: the driver reads names of the whole catalog before anything else can be said."""
ENCODING = "SET LOCAL client_encoding TO 'UTF8'"
"""Texts cross as UTF-8, whatever the server, its user or the environment would have them be."""
REWRITTEN = """
SELECT pg_lock.relation::regclass::text AS name
FROM pg_locks AS pg_lock LEFT JOIN pg_class AS seen ON seen.oid = pg_lock.relation
WHERE pg_lock.pid = pg_backend_pid() AND pg_lock.locktype = 'relation' AND pg_lock.relation >= 16384
AND (seen.oid IS NULL OR (seen.relfilenode <> 0 AND seen.relfilenode <> pg_relation_filenode(seen.oid))
  OR quote_ident(seen.relname) <> (pg_identify_object('pg_class'::regclass, seen.oid, 0)).name)
"""
"""Tables that are locked now and were replaced since the moment that the transaction sees: TRUNCATE, ALTER, RENAME.

Their rows of that moment are gone, so that they look empty to it. The catalog is seen as of the moment; what its
functions say is as of now.
"""
ATTEMPTS = 5


def patient(url: str) -> str:
    """An address that speaks UTF-8 and gives a server up that does not answer, where it says nothing else itself."""
    if "service=" in url or "PGSERVICE" in os.environ:
        return url
    said = {"connect_timeout"} if "PGCONNECT_TIMEOUT" in os.environ else set()
    wanted = {name: value for name, value in (PATIENCE | IN_UTF8).items() if name not in said}
    more = "&".join(f"{name}={value}" for name, value in wanted.items() if f"{name}=" not in url)
    return f"{url.rstrip('?&')}{'&' if '?' in url.rstrip('?&') else '?'}{more}" if more else url


def settled(ask: Callable[[str], pl.DataFrame], begin: Callable[[], None] | None) -> bool:
    """Whether the locked tables are those of the moment; where they are not, a new one is begun, if it can be.

    SourceError where it cannot be: what was read already is of the moment before.
    """
    replaced = ask(REWRITTEN)
    if not replaced.height:
        return True
    if begin is None:
        name = replaced.item(0, 0)
        raise SourceError(f"{name} was replaced while it was waited for (TRUNCATE, ALTER or RENAME); run this again")
    begin()
    return False
