"""A Prefect server of this repository's own: on loopback, its state in `.prefect/`, alive as long as its caller."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from quality.errors import ServerError

STARTUP_SECONDS = 180
QUIET = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
"""Nothing is reported to anybody."""
SERVING = QUIET | {
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:///prefect.db",
}
"""Its database lies where it runs: a `?` in a folder would end an address, and that of the environment is another's."""


class Loopback:
    """A server process; it ends when told to, and by itself when its parent is gone."""

    def __init__(self, home: Path) -> None:
        self.home = home = home.absolute()
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        home.mkdir(parents=True, exist_ok=True)
        self._log = (home / "server.log").open("wb")
        environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
        own = {"PREFECT_HOME": str(home), "PREFECT_SERVER_UI_API_URL": self.url, "PYTHONPATH": importable()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "quality.loopback", str(self.port)],
            cwd=home,
            env=environment | SERVING | own,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def wait(self) -> str:
        """The API's address, once it answers."""
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline and self.running:
            if healthy(self.url):
                return self.url
            time.sleep(0.1)
        raise ServerError(f"the Prefect server of this repository did not start: {self._reason()}")

    def stop(self) -> None:
        """End the process and wait until it is gone."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self._log.close()

    def _reason(self) -> str:
        if self.running:
            return f"no answer within {STARTUP_SECONDS} s; see .prefect/server.log"
        lines = (self.home / "server.log").read_text("utf-8", errors="replace").strip().splitlines()
        if any("min_items" in line for line in lines):
            return (
                "this FastAPI is too new for this Prefect; install the pinned environment (`nox -s doctor` says which)"
            )
        return f"{lines[-1].strip()} (.prefect/server.log)" if lines else "the process exited and its log is empty"


@contextmanager
def loopback(home: Path) -> Iterator[Loopback]:
    """A server that starts at once, in the background, and is stopped in any case."""
    server = Loopback(home)
    try:
        yield server
    finally:
        server.stop()


def healthy(url: str) -> bool:
    """Whether a Prefect API answers at this address."""
    with suppress(OSError, ValueError), urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def importable() -> str:
    """A PYTHONPATH with which a child process imports the `quality` and `domain` that this process imports."""
    inherited = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), inherited]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end_with_parent() -> None:
    while os.read(0, 4_096):  # no lock is held meanwhile, which would end an interpreter that has something to say
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def serve(port: int) -> None:
    """Serve Prefect's API and UI on loopback until told to stop or until standard input closes."""
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()
    application = "prefect.server.api.server:create_app"
    uvicorn.run(application, factory=True, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
