"""GET /tickets/categories and /people/tickets over real HTTP: tickets that can be counted by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from ingest.projects.models import Project
from ingest.timeline import DAY, HOUR, floor
from observatory.metrics import roller
from observatory.metrics.economics import poisson_interval

NOW = datetime.now(UTC)
NOON = floor(NOW, DAY) - 3 * DAY + 12 * HOUR
WEEK = {"from": (floor(NOW, DAY) - 7 * DAY).isoformat(), "to": floor(NOW, DAY).isoformat()}
CALLS, USERS, WITHOUT = 200, 25, 40
TICKETS = {"accuracy": 4, "billing": 2, "price": 1}

Get = Callable[..., httpx2.Response]


@pytest.fixture
def get(web: str, key: str) -> Iterator[Get]:
    """GET a path of the API with the fresh project's key, or another one."""
    with httpx2.Client(base_url=web, timeout=20) as client:

        def fetch(path: str, key: str = key, **asked: str) -> httpx2.Response:
            return client.get(f"/api/v1/{path}", params=asked, headers={"Authorization": f"Bearer {key}"})

        yield fetch


@pytest.fixture
def filled(project: Project, post: Any) -> Project:
    """200 calls of 25 users, 40 people without AI; of every category's tickets the first is of one without."""
    early = NOON - 2 * DAY
    calls = [{"feature": "chat", "user_id": f"u-{n % USERS}", "occurred_at": early.isoformat()} for n in range(CALLS)]
    seen = [
        {"user_id": f"w-{n}", "event": "seen", "is_control": True, "occurred_at": (early + n * timedelta(minutes=1)).isoformat()}
        for n in range(WITHOUT)
    ]  # fmt: skip
    said = [
        {"kind": "ticket", "category": category, "occurred_at": NOON.isoformat(), "feature": "chat", "user_id": "u-1" if n else "w-1"}
        for category, count in TICKETS.items()
        for n in range(count)
    ]  # fmt: skip
    for path, items in (("interactions", calls), ("users", seen), ("feedback", said)):
        answer = post(path, items)
        assert answer.status_code == 200, answer.text
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


def rate(count: int, n: int) -> dict[str, Any]:
    """So many of n, for 1,000 of them."""
    ends = pytest.approx([1_000 * end / n for end in poisson_interval(count)])
    return {"state": "ok", "value": pytest.approx(1_000 * count / n), "interval": ends, "sample_size": n}


def test_categories_stand_with_their_count_rate_and_interval(get: Get, filled: Project) -> None:
    told = get("tickets/categories", **WEEK).json()
    assert told["categories"] == [
        {"category": name, "of": 1, "tickets": count, **rate(count, CALLS)} for name, count in TICKETS.items()
    ]
    assert (told["metric"], told["unit"], told["others"]) == ("ticket_rate", "per_1000", None)
    assert told["all"] == {"category": "", "of": 3, "tickets": 7, **rate(7, CALLS)}
    whole = get("metrics/ticket_rate", **WEEK).json()
    assert {name: told["all"][name] for name in ("value", "interval")} == {name: whole[name] for name in ("value", "interval")}  # fmt: skip
    assert {datetime.fromisoformat(told[name]) for name in ("from", "to")} == {floor(NOW, DAY) - 7 * DAY, floor(NOW, DAY)}  # fmt: skip
    assert NOW <= datetime.fromisoformat(told["complete_to"]) <= datetime.now(UTC)


def test_beyond_the_limit_categories_are_one_line(get: Get, filled: Project) -> None:
    told = get("tickets/categories", limit="1", feature="chat", **WEEK).json()
    assert [one["category"] for one in told["categories"]] == ["accuracy"]
    assert told["others"] == {"category": "", "of": 2, "tickets": 3, **rate(3, CALLS)}
    assert get("tickets/categories", limit="0", **WEEK).json()["others"]["tickets"] == 7


def test_tickets_of_ai_users_stand_beside_those_without(get: Get, filled: Project) -> None:
    told = get("people/tickets", **WEEK).json()
    assert told["categories"] == [
        {"category": name, "ai_users": rate(count - 1, USERS), "non_users": rate(1, WITHOUT)}
        for name, count in TICKETS.items()
    ]
    assert (told["ai_users"], told["non_users"]) == (rate(4, USERS), rate(3, WITHOUT))
    for name in ("ai_users", "non_users"):
        assert told[name]["value"] == get(f"metrics/ticket_rate_{name}", **WEEK).json()["value"]
    assert NOW <= datetime.fromisoformat(told["complete_to"]) <= datetime.now(UTC)


def test_without_tickets_it_says_what_the_metrics_say(get: Get, project: Project, post: Any) -> None:
    """There is no data before the first interaction; after it, what nobody sent is not instrumented."""
    for state in ("no_data", "not_instrumented"):
        nothing = {"state": state, "value": None, "interval": None, "sample_size": 0}
        told = get("tickets/categories").json()
        assert (told["categories"], told["others"]) == ([], None)
        assert told["all"] == {"category": "", "of": 0, "tickets": 0, **nothing}
        people = get("people/tickets").json()
        assert (people["categories"], people["ai_users"], people["non_users"]) == ([], nothing, nothing)
        for name in ("ticket_rate", "ticket_rate_ai_users", "ticket_rate_non_users"):
            assert get(f"metrics/{name}").json()["state"] == state
        assert post("interactions", [{"feature": "chat"}]).status_code == 200
        roller.roll(datetime.now(UTC), only=[project.pk], everything=True)


def test_another_projects_key_sees_none_of_it(
    get: Get, filled: Project, make_project: Callable[..., Project], make_key: Callable[..., str]
) -> None:
    other, only_ingest = make_key(make_project(), "read"), make_key(filled, "ingest")
    for path in ("tickets/categories", "people/tickets"):
        assert get(path, key=other, **WEEK).json()["categories"] == []
        assert get(path, key=only_ingest, **WEEK).status_code == 403
