"""An HTTP endpoint on loopback, for messages and events."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sink:
    """An HTTP endpoint that keeps what it is sent, and where to; while it is down it answers 503."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.refused = 0
        self.down = False
        self.answer = b""
        self.asked: list[str] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.asked.append(self.headers.get("Host", "") + self.path)
                if sink.down:
                    sink.refused += 1
                else:
                    sink.bodies.append(json.loads(body))
                self.send_response(503 if sink.down else 200)
                self.end_headers()
                self.wfile.write(sink.answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()  # ends at once

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def messages(self) -> list[str]:
        return [body["title"] + "\n" + body["message"] for body in self.bodies if "title" in body]

    @property
    def events(self) -> list[str]:
        return [body["eventType"] for body in self.bodies if "eventType" in body]


@contextmanager
def listening() -> Iterator[Sink]:
    """An endpoint for the time of a test."""
    made = Sink()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
