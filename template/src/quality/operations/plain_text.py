"""Messages that a chat or a mail takes for text: no name in them is a link, HTML or a call to everybody."""

from __future__ import annotations

import html
from typing import Any

from prefect.blocks.notifications import (  # registers all notification blocks that ship with Prefect
    MicrosoftTeamsWebhook,
    SendgridEmail,
    SlackWebhook,
)

TEXT = "text"


class _Declared:
    """Apprise, told that the bodies of messages are text: undeclared, each service takes them for its own markup."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def notify(self, **words: Any) -> Any:
        return self._client.notify(**words, body_format=TEXT)

    async def async_notify(self, **words: Any) -> Any:
        return await self._client.async_notify(**words, body_format=TEXT)


def as_text(block: Any, body: str) -> str:
    """The body as the block is to send it, so that it is read as what it is."""
    if isinstance(block, SendgridEmail):
        return f"<pre>{html.escape(body)}</pre>"
    if isinstance(block, MicrosoftTeamsWebhook):
        return body.replace("](", "] (")  # cards have no text without markup, and would show a backslash
    client = getattr(block, "_apprise_client", None)
    if not isinstance(block, SlackWebhook) or client is None:
        return body
    for service in client:
        if type(service).__name__ == "NotifySlack":
            service.notify_format = TEXT
            if not hasattr(service, "dialect_convert"):  # before Apprise 2, nobody else escapes what Slack obeys
                body = html.escape(body, quote=False)
    sender: Any = block
    sender._apprise_client = _Declared(client)
    return body
