"""GET /people/costs and /people/cohorts over real HTTP, and a user whose id is an address."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from ingest.dimensions import CostSource
from ingest.projects.models import Project
from ingest.timeline import DAY, HOUR, floor
from observatory.metrics import roller
from tests.factories import interactions

NOW = datetime.now(UTC)
YESTERDAY = floor(NOW, DAY) - DAY + HOUR

Get = Callable[..., httpx2.Response]


@pytest.fixture
def get(web: str, key: str) -> Iterator[Get]:
    """GET a path of the API with the fresh project's key."""
    with httpx2.Client(base_url=web, timeout=20) as client:
        headers = {"Authorization": f"Bearer {key}"}
        yield lambda path, **asked: client.get(f"/api/v1/people/{path}", params=asked, headers=headers)


@pytest.fixture
def filled(project: Project) -> Project:
    """Ten users, the n-th with n calls of n² milli-dollars each, one call a day from yesterday back; and nobody's call."""
    rows: list[dict[str, Any]] = [
        {
            "at": YESTERDAY - back * DAY,
            "feature": "write-draft",
            "user_id": f"u{number}",
            "cost_nano": number**2 * 1_000_000,
            "cost_source": int(CostSource.CATALOGUE),
        }
        for number in range(1, 11)
        for back in range(number)
    ]
    interactions(project, [*rows, {"at": YESTERDAY, "feature": "other", "cost_nano": 10**9}])
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


def test_costs_say_percentiles_the_curve_and_the_largest_users(get: Get, filled: Project) -> None:
    told = get("costs", window="12d", limit="2").json()
    total = sum(n**3 for n in range(1, 11)) / 1000
    assert (told["users"], told["complete"]) == (10, True)
    assert told["total_usd"] == pytest.approx(total)
    assert told["mean_usd"] == pytest.approx(total / 10)
    assert (told["p50_usd"], told["p90_usd"], told["p99_usd"]) == (0.125, 0.729, 1.0)
    assert told["top1_share"] == pytest.approx(1 / total)
    assert told["lorenz"][0] == [0, 0]
    assert told["lorenz"][-1] == [1, 1]
    assert len(told["lorenz"]) == 11
    largest = {"user_id": "u10", "calls": 10, "cost_usd": 1.0, "multiple": pytest.approx(10 / total)}
    assert told["largest"][0] == largest
    assert len(told["largest"]) == 2
    assert told["states"] == {
        "p90_usd": {"state": "ok", "minimum_sample": 10},
        "p95_usd": {"state": "learning", "minimum_sample": 20},
        "p99_usd": {"state": "learning", "minimum_sample": 100},
        "top1_share": {"state": "learning", "minimum_sample": 100},
    }


def test_where_no_call_has_a_price_nobody_costs_nothing(get: Get, project: Project) -> None:
    interactions(project, [{"at": YESTERDAY, "feature": "a", "user_id": "u"}])
    roller.roll(NOW, only=[project.pk], everything=True)
    told = get("costs", window="12d").json()
    assert (told["users"], told["total_usd"]) == (1, None)
    assert told["largest"] == [{"user_id": "u", "calls": 1, "cost_usd": None, "multiple": None}]


def test_without_users_everything_is_unknown(get: Get, filled: Project) -> None:
    told = get("costs", window="12d", feature="other").json()
    unknown = {name: told[name] for name in ("total_usd", "mean_usd", "p90_usd", "top1_share")}
    assert (told["users"], told["largest"], told["lorenz"]) == (0, [], [])
    assert set(unknown.values()) == {None}
    assert {one["state"] for one in told["states"].values()} == {"no_data"}


def test_cohorts_say_who_came_when_and_who_of_them_still_calls(get: Get, filled: Project) -> None:
    told = get("cohorts", period="week", count="4").json()
    assert told["earlier_users"] == 0
    assert get("cohorts", period="week", count="2").json()["earlier_users"] == sum(_by_week()[:2])
    assert [cohort["users"] for cohort in told["cohorts"]][-4:] == _by_week()
    assert [len(cohort["periods"]) for cohort in told["cohorts"]] == [4, 3, 2, 1]
    assert told["cohorts"][0]["periods"][0]["rate"] is None or told["cohorts"][0]["users"]
    assert [one["after_days"] for one in told["retention"]] == [30, 60, 90]
    assert told["retention"][0]["never_activated"] == {"active": 0, "rate": None, "interval": None}


def _by_week() -> list[int]:
    """How many users made their first call in each of the last four weeks."""
    monday = floor(NOW, DAY) - NOW.weekday() * DAY
    firsts = [YESTERDAY - (number - 1) * DAY for number in range(1, 11)]
    weeks = [(monday - back * 7 * DAY, monday - (back - 1) * 7 * DAY) for back in (3, 2, 1, 0)]
    return [sum(start <= first < end for first in firsts) for start, end in weeks]


REFUSALS: list[tuple[str, dict[str, str], int, str]] = [
    ("costs", {"mood": "x"}, 400, "feature, tier, segment"),
    ("costs", {"limit": "101"}, 400, "0 to 100"),
    ("costs", {"limit": "-1"}, 400, "whole number"),
    ("costs", {"window": "soon"}, 400, "15m, 24h or 7d"),
    ("costs", {"feature": "nowhere"}, 404, "write-draft"),
    ("costs", {"tier": "gold"}, 404, "none yet"),
    ("costs", {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 400, "ends after it starts"),
    ("cohorts", {"period": "year"}, 400, "month, week"),
    ("cohorts", {"count": "1"}, 400, "2 to 12"),
    ("cohorts", {"tier": "pro"}, 400, "period, count, feature"),
]


def test_what_cannot_be_answered_is_refused_with_what_can(get: Get, filled: Project) -> None:
    for path, asked, status, words in REFUSALS:
        answer = get(path, **asked)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), asked
        assert words in answer.json()["detail"]


def test_these_addresses_take_no_users_id(web: str, project: Project, make_key: Callable[..., str]) -> None:
    headers = {"Authorization": f"Bearer {make_key(project, 'read,admin')}"}
    assert httpx2.delete(f"{web}/api/v1/users/costs", headers=headers).status_code == 202
    assert httpx2.delete(f"{web}/api/v1/people/costs", headers=headers).status_code == 405


def test_a_key_without_read_is_told_nothing(web: str, project: Project, make_key: Callable[..., str]) -> None:
    headers = {"Authorization": f"Bearer {make_key(project, 'ingest')}"}
    assert httpx2.get(f"{web}/api/v1/people/costs", headers=headers).status_code == 403


def test_an_erased_user_is_in_no_month(get: Get, filled: Project) -> None:
    from ingest import timeline
    from tests.ingest.test_erasure import erase

    assert get("costs", window="12d").json()["largest"][0]["user_id"] == "u10"
    erase(filled, "u10")
    told = get("costs", window="12d").json()
    assert (told["users"], told["largest"][0]["user_id"]) == (9, "u9")
    roller.roll(timeline.now() + timedelta(minutes=1), only=[filled.pk], everything=True)
    assert get("costs", window="12d").json()["users"] == 9
