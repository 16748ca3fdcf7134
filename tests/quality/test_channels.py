"""Every channel through the block that Prefect ships for it: saved, loaded, delivered, and heard when it fails.

What leaves for Slack, Teams, PagerDuty, Opsgenie and SendGrid is led to loopback at the last step, so that its address,
its headers and its body are what the vendor would get.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_args
from urllib.parse import urlsplit

import pytest
from prefect.blocks.core import Block
from prefect.blocks.notifications import (
    CustomWebhookNotificationBlock,
    MicrosoftTeamsWebhook,
    OpsgenieWebhook,
    PagerDutyWebHook,
    SendgridEmail,
    SlackWebhook,
)
from prefect.types import SecretDict
from pydantic import SecretStr
from sink import Sink, listening

from quality.contract.policy import BLOCKS, Channel, Notification
from quality.operations import notifications
from quality.operations.notifications import Delivery, Tone, deliver

SUBJECT = "FAILED: orders in prod: 1 incident opened"
BODY = "orders in prod: FAILED\n\n- amount < 10 & a+b = 100 %: FAILED [error]: 2 of 4 (50 %)\n\nowner: @orders-team · é"
SECRET = "b43ccbd5-1bd2-4c0d-b0fd-4d5e2f3a7c01"
TEAMS = "prod-12.westeurope.logic.azure.com:443/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke"


class Row(NamedTuple):
    """A channel's block, where it posts to, what it is answered there, and where subject and body stand in the post."""

    block: Callable[[str], Any]
    address: str
    subject: str
    body: str
    answer: bytes = b""


CHANNELS: dict[Channel, Row] = {
    "slack": Row(
        lambda _: SlackWebhook(url=SecretStr("https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/" + "s3cret" * 4)),
        "hooks.slack.com/services/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",
        "/attachments/0/title",
        "/attachments/0/text",
        b"ok",
    ),
    "teams": Row(
        lambda _: MicrosoftTeamsWebhook(url=SecretStr(f"https://{TEAMS}?api-version=2016-06-01&sig={SECRET}")),
        f"{TEAMS}?api-version=2016-06-01&",
        "/attachments/0/content/body/1/text",
        "/attachments/0/content/body/2/text",
    ),
    "pagerduty": Row(
        lambda _: PagerDutyWebHook(integration_key=SecretStr("a" * 32), api_key=SecretStr(SECRET)),
        "events.pagerduty.com/v2/enqueue",
        "/payload/summary",
        "/payload/custom_details/Prefect Notification Body",
    ),
    "opsgenie": Row(
        lambda _: OpsgenieWebhook(apikey=SecretStr(SECRET), target_team=["orders"]),
        "api.opsgenie.com/v2/alerts",
        "/message",
        "/description",
        b'{"requestId": "1"}',
    ),
    "email": Row(
        lambda _: SendgridEmail(
            api_key=SecretStr(SECRET), sender_email="quality@example.com", to_emails=["night@example.com"]
        ),
        "api.sendgrid.com/v3/mail/send",
        "/subject",
        "/content/0/value",
    ),
    "webhook": Row(
        lambda place: CustomWebhookNotificationBlock(
            name="orders",
            url=f"http://{place}/hook/{{{{token}}}}",
            json_data={"title": "{{subject}}", "message": "{{body}}", "from": "{{name}}"},
            secrets=SecretDict({"token": SECRET}),
        ),
        f"/hook/{SECRET}",
        "/title",
        "/message",
    ),
}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


@pytest.fixture(autouse=True)
def _led_to_loopback(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def to_the_sink(self: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
        there = urlsplit(request.url)
        request.headers["Host"] = there.netloc
        request.url = there._replace(scheme="http", netloc=sink.place).geturl()
        return send(self, request, *args, **kwargs)

    monkeypatch.setattr(HTTPAdapter, "send", to_the_sink)
    monkeypatch.setattr("apprise.url.URLBase.throttle", lambda *_, **__: None)
    monkeypatch.setattr(notifications, "PAUSE_SECONDS", 0)


def told(channel: Channel, sink: Sink, tone: Tone = "failure") -> Delivery:
    """What became of a message through the saved block of a channel."""
    row = CHANNELS[channel]
    sink.answer = row.answer
    block = row.block(sink.place)
    block.save("of-a-test", overwrite=True, _sync=True)
    slug = f"{block.get_block_type_slug()}/of-a-test"
    assert type(Block.load(slug, _sync=True)) is type(block)  # type: ignore[call-arg]
    return deliver(Notification(channel=channel, block=slug), SUBJECT, BODY, tone)


def at(pointer: str, document: Any) -> Any:
    for part in pointer.split("/")[1:]:
        document = document[int(part) if isinstance(document, list) else part]
    return document


def test_every_channel_has_a_row() -> None:
    assert set(CHANNELS) == set(get_args(Channel)) == set(BLOCKS)


@pytest.mark.parametrize("channel", get_args(Channel))
def test_a_channel_delivers_subject_and_body_to_its_vendors_address(channel: Channel, api: str, sink: Sink) -> None:
    assert told(channel, sink) == Delivery(
        channel=channel, block=f"{BLOCKS[channel][0]}/of-a-test", ok=True, problem=None, attempts=1
    )
    row, (address,), (posted,) = CHANNELS[channel], sink.asked, sink.bodies
    assert row.address in address
    assert at(row.subject, posted).strip() == SUBJECT
    assert "2 of 4 (50 %)\n\nowner: @orders-team · é" in at(row.body, posted)
    assert "a+b = 100 %" in at(row.body, posted)


@pytest.mark.parametrize("channel", get_args(Channel))
def test_a_channel_that_refuses_is_heard_and_keeps_its_credentials(
    channel: Channel, api: str, sink: Sink, capfd: pytest.CaptureFixture[str]
) -> None:
    sink.down = True
    refused = told(channel, sink)
    assert (refused.ok, refused.attempts, sink.refused) == (False, 3, 3)
    assert "503" in str(refused.problem)
    sink.server.shutdown()
    sink.server.server_close()
    unreachable = told(channel, sink)
    assert not unreachable.ok
    assert "onnection" in str(unreachable.problem)
    said = f"{refused.problem} {unreachable.problem} {capfd.readouterr()}"
    assert SECRET not in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("tone", "severity"), [("failure", "critical"), ("warning", "warning"), ("success", "info")], ids=str
)
def test_a_page_is_as_severe_as_its_message(tone: Tone, severity: str, api: str, sink: Sink) -> None:
    assert told("pagerduty", sink, tone).ok
    assert sink.bodies[0]["payload"]["severity"] == severity


def test_mail_keeps_its_lines_and_signs_as_html(api: str, sink: Sink) -> None:
    assert told("email", sink).ok
    (content,) = sink.bodies[0]["content"]
    assert content["type"] == "text/html"
    assert content["value"].startswith("<pre>orders in prod: FAILED\n\n- amount &lt; 10 &amp; a+b")


def test_a_block_that_is_no_channel_is_refused(api: str, sink: Sink) -> None:
    from prefect.blocks.system import Secret

    Secret(value=SecretStr(json.dumps(SECRET))).save("of-a-test", overwrite=True, _sync=True)  # type: ignore[call-arg]
    channel = Notification.model_construct(channel="slack", block="secret/of-a-test")
    assert deliver(channel, SUBJECT, BODY).problem == "secret/of-a-test is not a notification block"


def test_an_address_that_nothing_understands_is_not_shown(
    api: str, sink: Sink, capfd: pytest.CaptureFixture[str]
) -> None:
    url = SecretStr(f"https://hooks.example.com/{SECRET}")
    SlackWebhook(url=url).save("of-a-test", overwrite=True, _sync=True)  # type: ignore[call-arg]
    capfd.readouterr()
    problem = deliver(Notification(channel="slack", block="slack-webhook/of-a-test"), SUBJECT, BODY).problem
    assert problem == "There are no service(s) to notify"
    assert SECRET not in str(capfd.readouterr())


@pytest.mark.parametrize("channel", get_args(Channel))
def test_no_name_in_a_message_is_a_link_a_mark_or_a_call_to_everybody(
    channel: Channel, api: str, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = "<!channel> <@U6TTX1F9R> <https://evil.example|bank> [bank](https://evil.example) *a* _b_ `c` & !x> </pre><b>"
    monkeypatch.setattr(
        f"{__name__}.BODY", f"orders in prod: FAILED\n\n- {odd}: FAILED [error], a+b\n\nhttps://prefect/runs/1"
    )
    assert told(channel, sink).ok
    (posted,) = sink.bodies
    body = at(CHANNELS[channel].body, posted)
    wanted = {"slack": html.escape(odd, quote=False), "email": html.escape(odd), "teams": odd.replace("](", "] (")}
    assert f"\n- {wanted.get(channel, odd)}: FAILED [error], a+b\n" in body
    assert "https://prefect/runs/1" in body
    if channel == "slack":
        assert posted["mrkdwn"] is False
