"""Sessions of PostgreSQL: how long a server is waited for, and whether their moment is that of the tables they read."""

from __future__ import annotations

import os
from collections.abc import Callable

import polars as pl

from quality.errors import SourceError

PATIENCE = {"connect_timeout": 30, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}
"""Seconds, and tries, after which a server that says nothing is given up; the driver itself waits for ever."""
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
    """An address by which a server that does not answer is given up, where it does not say for how long to wait."""
    if "service=" in url or "PGSERVICE" in os.environ:
        return url
    said = {"connect_timeout"} if "PGCONNECT_TIMEOUT" in os.environ else set()
    more = "&".join(f"{name}={many}" for name, many in PATIENCE.items() if f"{name}=" not in url and name not in said)
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
