"""GET /unit-economics over real HTTP: three months that can be counted by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx2
import pytest

from ingest.dimensions import CostSource
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, day_start
from observatory.metrics import forecasts, foreseen, roller
from observatory.metrics.forecasting.growth import DEFAULT, Multiplier
from observatory.metrics.forecasting.outlook import Outlook, Standing
from observatory.metrics.foreseen import Forecast
from observatory.metrics.months import month_after
from tests.factories import interactions

NOW = datetime.now(UTC)
THIS = NOW.date().replace(day=1)
USERS = {month_after(THIS, -3): 10, month_after(THIS, -2): 20, month_after(THIS, -1): 40}
PRICES = {month_after(THIS, -3): 1_000_000_000, month_after(THIS, -2): 1_100_000_000, month_after(THIS, -1): 1_210_000_000}  # fmt: skip

Get = Callable[..., httpx2.Response]


def calls(month: date) -> list[dict[str, Any]]:
    """A call of every user on the first, all at one price."""
    fields = {"feature": "chat", "cost_nano": PRICES[month], "cost_source": int(CostSource.CLIENT)}
    return [{"at": day_start(month, "UTC") + HOUR, "user_id": f"u{n}", **fields} for n in range(USERS[month])]


@pytest.fixture
def get(web: str, key: str) -> Iterator[Get]:
    """GET the address with the fresh project's key, or another one."""
    with httpx2.Client(base_url=web, timeout=20) as client:

        def fetch(key: str = key, **asked: str) -> httpx2.Response:
            return client.get("/api/v1/unit-economics", params=asked, headers={"Authorization": f"Bearer {key}"})

        yield fetch


@pytest.fixture
def filled(project: Project) -> Project:
    """Three months whose users double and whose cost per user grows by a tenth; nothing yet of this one."""
    interactions(project, [row for month in USERS for row in calls(month)])
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


def test_months_say_users_cost_and_cost_per_user(get: Get, filled: Project) -> None:
    told = get().json()
    assert [one["month"] for one in told["months"]] == [f"{month_after(THIS, -ago):%Y-%m}" for ago in range(5, -1, -1)]
    for one, (month, users) in zip(told["months"][2:5], USERS.items(), strict=True):
        each = PRICES[month] / 1e9
        assert (one["whole"], one["users"], one["cost_usd"]) == (True, users, pytest.approx(users * each))
        assert one["cost_per_user"] == {
            "state": "ok",
            "value": pytest.approx(each),
            "interval": None,
            "sample_size": users,
        }
    assert [one["whole"] for one in told["months"]] == [False, False, True, True, True, False]
    assert told["months"][0]["users"] is None
    assert (told["trend"], told["whole_months"], told["needed_months"]) == ("creeping up", 3, 3)
    assert NOW <= datetime.fromisoformat(told["complete_to"]) <= datetime.now(UTC)


def test_many_times_the_users_are_told_by_the_growth_multiplier(get: Get, filled: Project) -> None:
    told = get(months="2").json()
    assert (told["growth"], told["growth_from"], told["trend"]) == (1.3, "planned", "learning")
    assert told["scaled_month"] == f"{month_after(THIS, -1):%Y-%m}"
    assert told["what_if"] == [
        {
            "times": times,
            "users": 40 * times,
            "cost_usd": pytest.approx(48.4 * times**1.3),
            "cost_per_user_usd": pytest.approx(1.21 * times**0.3),
        }
        for times in (10, 100, 1_000)
    ]
    asked = get(growth="1").json()
    assert (asked["growth"], asked["growth_from"]) == (1.0, "asked")
    assert [one["cost_per_user_usd"] for one in asked["what_if"]] == pytest.approx([1.21] * 3)


def test_the_multiplier_is_that_of_the_forecast(get: Get, filled: Project) -> None:
    with project_scope(filled.pk):
        assert forecasts.multiplier(NOW) == DEFAULT
        store_outlook(Multiplier(1.1, 1.0, 1.2, 5))
        assert forecasts.multiplier(NOW) == forecasts.current(NOW).multiplier
    told = get().json()
    assert (told["growth"], told["growth_from"]) == (1.1, "fitted")
    assert told["what_if"][0]["cost_usd"] == pytest.approx(48.4 * 10**1.1)


def store_outlook(multiplier: Multiplier) -> None:
    """A forecast of this month with nothing but its multiplier."""
    outlook = Outlook(Standing.LEARNING, NOW.date() - DAY, 0, multiplier=multiplier)
    foreseen.replace(Forecast(NOW, "UTC", b"", outlook, ()), NOW.date())


def test_a_feature_has_its_own_months(get: Get, filled: Project) -> None:
    interactions(filled, [{**row, "feature": "draft"} for row in calls(month_after(THIS, -1))[:4]])
    roller.roll(NOW, only=[filled.pk], everything=True)
    told = get(feature="draft", months="2").json()
    assert (told["months"][0]["users"], told["months"][0]["cost_usd"]) == (4, pytest.approx(4 * 1.21))


def test_without_users_nothing_is_scaled(get: Get, project: Project) -> None:
    told = get().json()
    assert {(one["users"], one["cost_usd"], one["cost_per_user"]["state"]) for one in told["months"]} == {(None, None, "no_data")}  # fmt: skip
    assert (told["trend"], told["whole_months"], told["scaled_month"], told["what_if"]) == ("learning", 0, None, [])


def test_another_projects_key_sees_none_of_it(
    get: Get, filled: Project, make_project: Callable[..., Project], make_key: Callable[..., str]
) -> None:
    told = get(key=make_key(make_project(), "read")).json()
    assert {one["users"] for one in told["months"]} == {None}
    assert get(key=make_key(filled, "ingest")).status_code == 403
