"""The main job, end to end, as its users do it: POST, roll up, find the drift, open the incident, mail it, sign the
webhook, read the page."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect
from standardwebhooks.webhooks import Webhook

from tests.alerts.sinks import HttpSink, MailSink, http_sink, mail_sink
from tests.harness.installation import Installation

PASSWORD = "correct horse battery"
PEOPLE = """
from datetime import timedelta
from django.contrib.auth.models import User
from alerts import rules
from alerts.limits import Measure, Terms
from alerts.severity import Certainty, Side
from ingest import timeline
from ingest.projects.models import Membership, Project
from ingest.projects.scope import project_scope
project = Project.objects.get(name="Story")
Membership.objects.create(project=project, user=User.objects.create_user("maya", password="{password}"))
now = timeline.now()
with project_scope(project.id):
    rules.create(name="Thumbs-up of write-draft", metric="thumbs_up_rate", feature="write-draft", now=now,
        terms=Terms(Side.BELOW, 0.70, 0.60, 50, Measure.VALUE, Certainty.VALUE),
        windows=rules.Windows(7 * 1440, 0), active_from=now - timedelta(days=10))
"""
DAYS, SHIFT_DAY, CALLS = 42, 32, 30


def history(now: datetime) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Interactions and their thumbs: 80 % up until SHIFT_DAY, 45 % after it; the model changes with it."""
    chance = random.Random(5)
    for day in range(DAYS):
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS - day)
        is_shifted = day >= SHIFT_DAY
        for number in range(CALLS):
            at = midnight + timedelta(minutes=20 + 40 * number)
            id, user = f"wd-{day}-{number}", f"u-{chance.randrange(60)}"
            yield (
                {
                    "id": id, "feature": "write-draft", "occurred_at": at.isoformat(), "user_id": user, "provider": "openai",
                    "model": "gpt-3.5-turbo" if is_shifted else "gpt-4o", "prompt": f"Where is order {number}?",
                    "output": f"It left on day {day}.", "latency_ms": 900 + number, "input_tokens": 400, "output_tokens": 90,
                },
                {
                    "id": f"fb-{id}", "interaction_id": id, "kind": "thumb", "user_id": user,
                    "occurred_at": (at + timedelta(minutes=2)).isoformat(),
                    "value": "up" if chance.random() < (0.45 if is_shifted else 0.8) else "down",
                },
            )  # fmt: skip


def send(address: str, key: str, path: str, items: list[dict[str, Any]]) -> None:
    for start in range(0, len(items), 500):
        answer = httpx2.post(
            f"{address}/api/v1/{path}",
            json=items[start : start + 500],
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def product() -> Iterator[tuple[Installation, str, MailSink, HttpSink]]:
    """A fresh product that mails to a real SMTP server, with one project, its key, one member and one rule."""
    with mail_sink() as mail, http_sink() as hook:
        installation = Installation()
        installation.environment["EMAIL_URL"] = f"smtp://{mail.host}:{mail.port}"
        try:
            assert installation.command("create_project", "Story").returncode == 0
            key = installation.command("create_key", "story", "--scopes", "ingest,read").stdout.strip()
            pairs = list(history(datetime.now(UTC)))
            send(installation.web(), key, "interactions", [call for call, _ in pairs])
            send(installation.web(), key, "feedback", [thumb for _, thumb in pairs])
            done = installation.command("shell", "-c", PEOPLE.format(password=PASSWORD))
            assert done.returncode == 0, done.stderr
            yield installation, key, mail, hook
        finally:
            installation.close()


@pytest.fixture(scope="module")
def page(product: tuple[Installation, str, MailSink, HttpSink], browser: Browser) -> Iterator[Page]:
    """A signed-in browser."""
    page = browser.new_page(base_url=product[0].address)
    page.goto("/sign-in/")
    page.fill("input[name=username]", "maya")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    yield page
    page.close()


def test_from_a_post_to_the_person_who_has_to_know(product, page):
    installation, _, mail, hook = product

    page.goto("/story/settings/receivers/")
    page.fill("input[name=recipient-email]", "on-call@example.com")
    page.click("text=Add address")
    page.fill("input[name=webhook-url]", hook.url)
    page.click("text=Add webhook")
    secret = page.locator("code.secret").text_content() or ""

    done = installation.command("catch_up")
    assert done.returncode == 0, done.stderr

    told = [
        one for one in mail.mails if "on-call@example.com" in str(one["To"]) and "write-draft" in str(one["Subject"])
    ]
    assert told, f"no mail: {done.stdout} {[str(one['Subject']) for one in mail.mails]}"
    text = told[-1].get_body(("plain",)).get_content()
    assert "Thumbs up" in text or "humbs-up" in text
    (incident,) = set(re.findall(rf"{installation.address}(/story/incidents/\d+/)", text))

    assert hook.received, "the webhook was not told"
    request = hook.received[-1]
    payload = Webhook(secret).verify(request.body, request.headers)
    assert "write-draft" in str(payload)

    page.goto(incident)
    expect(page.locator("h1")).to_contain_text("write-draft")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("main")).to_contain_text("acknowledged by maya")

    page.goto("/story/drift/")
    expect(page.locator("#findings")).to_contain_text("fell from")
    page.click("text=Open finding")
    expect(page.locator("h1")).to_contain_text("Thumbs-up for write-draft fell")
    expect(page.locator("#table-models")).to_contain_text("gpt-3.5-turbo")

    page.goto("/story/")
    expect(page.locator("#open-incidents")).to_contain_text("write-draft")


def test_the_number_on_the_page_is_the_number_of_the_api(product, page):
    installation, key, _, _ = product
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=6)
    answer = httpx2.get(
        f"{installation.address}/api/v1/metrics/thumbs_up_rate", params={"from": first.isoformat(), "to": (first + timedelta(days=7)).isoformat(), "feature": "write-draft"},
        headers={"Authorization": f"Bearer {key}"}, timeout=30,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    value = answer.json()["value"]
    assert 0.3 < value < 0.6
    page.goto("/story/quality/?feature=write-draft")
    expect(page.locator("#tile-thumbs_up_rate")).to_contain_text(f"{value * 100:.1f}")


def test_every_rollup_equals_the_raw_rows(product):
    installation, *_ = product
    done = installation.command("verify_rollups", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
