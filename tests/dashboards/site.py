"""A project with a history, its people, and a signed-in HTTP client: what tests of pages begin with."""

import itertools
import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import httpx2

from ingest.timeline import DAY
from tests.harness import people

BOARDS = ("", "health/", "quality/", "cost/", "engagement/")
PAGES = (
    *BOARDS, "drift/", "incidents/", "interactions/", "status/", "settings/", "settings/keys/", "settings/features/", "settings/data/",
    "settings/receivers/", "settings/rules/", "settings/mail/",
)  # fmt: skip
DAYS, SHIFT_DAY, CALLS = 42, 32, 30

_numbers = itertools.count(1)


def person(project: Any, role: str = "owner") -> Any:
    """A member of a project."""
    from ingest.projects.models import Membership

    user = people.user_named(f"{role}-{os.getpid()}-{next(_numbers)}")
    Membership.objects.create(project=project, user=user, role=role)
    return user


def token_in(html: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert found, "the page has no form"
    return found.group(1)


@contextmanager
def client(web: str, user: Any) -> Iterator[httpx2.Client]:
    """A browser's cookies without the browser."""
    cookies = people.session_of(user)
    with httpx2.Client(base_url=web, timeout=30, headers={"Referer": web}, cookies=cookies) as asking:
        yield asking


def submit(asking: httpx2.Client, page: str, data: dict[str, Any], *, to: str = "") -> httpx2.Response:
    """POST a form as the page that holds it would."""
    token = token_in(asking.get(page).text)
    return asking.post(to or page, data={"csrfmiddlewaretoken": token, **data})


@dataclass
class Words:
    """Every text of a history. `spice` gives one for a place and a number: plain here, hostile elsewhere."""

    feature: str = "write-draft"
    strong: str = "gpt-4o"
    weak: str = "gpt-3.5-turbo"
    spice: Callable[[str, int], str] = field(default=lambda place, number: f"{place} {number}")


def history(now: datetime, words: Words) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Interactions with their thumbs: 80 % up until SHIFT_DAY, 45 % after it; the model changes with it."""
    chance = random.Random(5)
    for day in range(DAYS):
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) - (DAYS - day) * DAY
        is_shifted = day >= SHIFT_DAY
        for number in range(CALLS):
            at, id = midnight + timedelta(minutes=20 + 40 * number), f"i-{day}-{number}"
            serial = day * CALLS + number
            yield (
                {
                    "id": id, "feature": words.feature, "occurred_at": at.isoformat(), "provider": words.spice("provider", serial),
                    "model": words.weak if is_shifted else words.strong, "user_id": f"u-{chance.randrange(60)}",
                    "session_id": f"s-{day}-{number // 5}", "prompt": words.spice("prompt", serial),
                    "output": words.spice("output", serial), "latency_ms": 900 + number, "input_tokens": 400, "output_tokens": 90,
                    "segment": words.spice("segment", serial % 20), "release": words.spice("release", serial % 20),
                },
                {
                    "id": f"fb-{id}", "interaction_id": id, "kind": "thumb", "user_id": words.spice("user", serial),
                    "occurred_at": (at + timedelta(minutes=2)).isoformat(),
                    "value": "up" if chance.random() < (0.45 if is_shifted else 0.8) else "down",
                },
            )  # fmt: skip


@dataclass
class Site:
    """A filled project."""

    web: str
    project: Any
    owner: Any
    key: str
    finding: int
    incident: int

    @property
    def url(self) -> str:
        return f"/{self.project.slug}/"

    def post(self, path: str, items: list[dict[str, Any]]) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        for start in range(0, len(items), 500):
            answer = httpx2.post(
                f"{self.web}/api/v1/{path}", json=items[start : start + 500], headers=headers, timeout=30
            )
            assert answer.status_code == 200, answer.text[:500]


def make_key(project: Any) -> str:
    from ingest import timeline
    from ingest.projects import keys
    from ingest.projects.models import ApiKey
    from ingest.projects.scope import project_scope

    new = keys.make("test")
    with project_scope(project.id):
        ApiKey.objects.create(public=new.public, key_hash=new.key_hash, scopes="ingest,read", created_at=timeline.now())
    return new.text


def roll(project: Any) -> None:
    """Count everything that was posted."""
    from ingest import timeline
    from observatory.metrics import roller

    roller.roll(timeline.now(), only=[project.id], everything=True)


def _judge(site: Site, words: Words) -> None:
    """A rule on the thumbs, an incident from it, and the finding."""
    from alerts import evaluation, presets, rules
    from alerts.limits import Measure, Terms
    from alerts.models import Incident
    from alerts.severity import Certainty, Side
    from ingest import timeline
    from ingest.projects.scope import project_scope
    from observatory.drift import runs
    from observatory.drift.models import Finding

    now = timeline.now()
    with project_scope(site.project.id):
        presets.install(site.project.id, now)
        rules.create(
            name=f"Thumbs-up of {words.feature}"[:120], metric="thumbs_up_rate", feature=words.feature, now=now,
            terms=Terms(Side.BELOW, 0.702669, 0.652669, 50, Measure.VALUE, Certainty.VALUE),
            windows=rules.Windows(7 * 1440, 0), active_from=now - 8 * DAY,
        )  # fmt: skip
    for _ in range(20):
        if not runs.run(now, only=[site.project.id], budget_s=None, is_settled=True).left:
            break
    while evaluation.evaluate(now, only=[site.project.id], budget_s=5).left:
        pass
    with project_scope(site.project.id):
        site.finding = int(Finding.objects.values_list("pk", flat=True)[0])
        site.incident = int(Incident.objects.values_list("pk", flat=True)[0])


@cache
def shared(web: str) -> "Site":
    """The one filled project of tests that only look, for all folders together."""
    return build(web, description="What this project is about.")


def build(web: str, words: Words | None = None, **fields: Any) -> Site:
    """Post a history through the API, count it, and find what is in it."""
    from ingest import timeline
    from ingest.projects.models import Project

    said, now = words or Words(), timeline.now()
    number = f"{os.getpid()}-{next(_numbers)}"
    fields.setdefault("name", f"Site {number}")
    project = Project.objects.create(slug=f"site-{number}", created_at=now - 90 * DAY, **fields)
    site = Site(web, project, person(project), make_key(project), 0, 0)
    pairs = list(history(now, said))
    site.post("interactions", [interaction for interaction, _ in pairs])
    site.post("feedback", [thumb for _, thumb in pairs])
    roll(project)
    _judge(site, said)
    return site
