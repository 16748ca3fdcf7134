"""Pages: PagerDuty and Opsgenie by their own APIs, so that what opened an alert under a key closes it by that key.

The saved Prefect block holds the credentials and whom to page; Apprise, through which it sends, hands on no key.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import requests
from prefect.blocks.core import Block
from prefect.blocks.notifications import OpsgenieWebhook, PagerDutyWebHook

SECONDS = 30
PAGER_DUTY = {"us": "https://events.pagerduty.com/v2/enqueue", "eu": "https://events.eu.pagerduty.com/v2/enqueue"}
OPSGENIE = {"us": "https://api.opsgenie.com/v2/alerts", "eu": "https://api.eu.opsgenie.com/v2/alerts"}
SEVERITIES = {"failure": "critical", "warning": "warning", "success": "info", "info": "info"}
LONGEST_MESSAGE, LONGEST_BODY, LONGEST_KEY = 130, 15_000, 255
"""Characters that Opsgenie takes of a message and a description, and PagerDuty of a key."""


class Page(NamedTuple):
    """What a pager is told about one alert, whose key is the same from its opening to its end."""

    key: str
    subject: str
    body: str
    tone: Literal["info", "success", "warning", "failure"] = "info"
    over: bool = False


def is_pager(block: Block) -> bool:
    """Whether a block wakes somebody, and must therefore be told of the end."""
    return isinstance(block, PagerDutyWebHook | OpsgenieWebhook)


def send(block: Block, page: Page) -> None:
    """Opens, repeats or closes an alert; requests.RequestException when it is not taken."""
    if isinstance(block, PagerDutyWebHook):
        answer = requests.post(PAGER_DUTY[block.region_name], json=_pager_duty(block, page), timeout=SECONDS)
    elif isinstance(block, OpsgenieWebhook):
        answer = _opsgenie(block, page)
    else:
        raise TypeError(f"{type(block).__name__} is no pager")
    answer.raise_for_status()


def _pager_duty(block: PagerDutyWebHook, page: Page) -> dict[str, Any]:
    event: dict[str, Any] = {
        "routing_key": block.integration_key.get_secret_value(),
        "event_action": "resolve" if page.over else "trigger",
        "dedup_key": page.key[:LONGEST_KEY],
    }
    details = {**(block.custom_details or {}), "Prefect Notification Body": page.body}
    told = {
        "summary": page.subject[:1024],
        "source": block.source or "Prefect",
        "severity": SEVERITIES[page.tone],
        "component": block.component,
        "group": block.group,
        "class": block.class_id,
        "custom_details": details,
    }
    event["payload"] = {name: value for name, value in told.items() if value is not None}
    if block.clickable_url:
        event["links"] = [{"href": str(block.clickable_url), "text": "Prefect"}]
    return event


def _opsgenie(block: OpsgenieWebhook, page: Page) -> requests.Response:
    """Opens an alert under an alias, or closes the one that has it; one that is not there is closed already."""
    address, headers = OPSGENIE[block.region_name], {"Authorization": f"GenieKey {block.apikey.get_secret_value()}"}
    key = block.alias or page.key
    if page.over:
        return requests.post(
            f"{address}/{quote(key, safe='')}/close",
            params={"identifierType": "alias"},
            json={"source": "Prefect", "note": page.body[:LONGEST_BODY]},
            headers=headers,
            timeout=SECONDS,
        )
    told = {
        "message": page.subject[:LONGEST_MESSAGE],
        "alias": key,
        "description": page.body[:LONGEST_BODY],
        "source": "Prefect",
        "priority": f"P{block.priority}" if block.priority else None,
        "responders": _responders(block) or None,
        "tags": block.tags,
        "entity": block.entity,
        "details": {**(block.details or {}), "type": page.tone},
    }
    body = {name: value for name, value in told.items() if value is not None}
    return requests.post(address, json=body, headers=headers, timeout=SECONDS)


def _responders(block: OpsgenieWebhook) -> list[dict[str, str]]:
    """Whom the block names, as Opsgenie wants it."""
    users = [{"type": "user", "username": name} for name in block.target_user or ()]
    named = {"team": block.target_team, "schedule": block.target_schedule, "escalation": block.target_escalation}
    return users + [{"type": kind, "name": name} for kind, names in named.items() for name in names or ()]
