"""Numbers of users are of whole local days: what users divide, the window told and what it is compared with, too."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.dimensions import CostSource
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, day_window, local_day
from observatory.metrics import roller, series, windows
from observatory.metrics.reading import Answer
from tests.factories import interactions

ZONE = "Asia/Kolkata"
TODAY = day_window(local_day(datetime.now(UTC), ZONE) - DAY, ZONE)
NOW = TODAY.start + 15 * HOUR
YESTERDAY, EARLIER = (Window(TODAY.start - ago * DAY, TODAY.end - ago * DAY) for ago in (1, 2))
LAST_HOUR, LAST_DAY = Window(NOW - HOUR, NOW), Window(NOW - DAY, NOW)
USERS = {TODAY: 5, YESTERDAY: 8, EARLIER: 4}
DOLLAR = 10**9


@pytest.fixture(scope="module")
def called() -> Project:
    """Each day its users call twice, at 01:00 for a dollar and at 14:30 for two; u0 to u3 come every day."""
    project = Project.objects.create(slug="whole-days", name="Whole days", time_zone=ZONE, created_at=NOW - 40 * DAY)
    rows: list[dict[str, Any]] = [
        {"at": day.start + hour, "feature": "chat", "user_id": f"u{number}", "cost_nano": dollars * DOLLAR,
         "cost_source": int(CostSource.CATALOGUE)}
        for day, users in USERS.items()
        for number in range(users)
        for hour, dollars in ((HOUR, 1), (14.5 * HOUR, 2))
    ]  # fmt: skip
    interactions(project, rows)
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


@pytest.fixture(autouse=True)
def scope(called: Project) -> Iterator[None]:
    with project_scope(called.pk):
        yield


@pytest.mark.parametrize(("name", "is_asked"), [("calls", False), ("error_rate", False), ("dau", True)])
def test_marks_of_users_are_looked_at_only_for_numbers_of_users(name: str, is_asked: bool) -> None:
    with CaptureQueriesContext(connection) as asked:
        ask(name, Window(EARLIER.start, NOW))
    assert any("dirty_user" in query["sql"] for query in asked) is is_asked


def ask(name: str, window: Window, **options: Any) -> Answer:
    return series.read(name, window, now=NOW, **options)


@pytest.mark.parametrize(
    ("window", "days", "cost", "users"),
    [
        (LAST_HOUR, TODAY, 15, 5),
        (LAST_DAY, Window(YESTERDAY.start, TODAY.end), 39, 8),
        (Window(YESTERDAY.start + HOUR, YESTERDAY.start + 2 * HOUR), YESTERDAY, 24, 8),
        (Window(YESTERDAY.start, YESTERDAY.end), YESTERDAY, 24, 8),
    ],
)
def test_the_cost_that_users_divide_is_that_of_their_days(window: Window, days: Window, cost: int, users: int) -> None:
    answer = ask("cost_per_mau", window, group_by="feature")
    assert (answer.window, answer.judged) == (days, days)
    assert (answer.reading.value, answer.reading.sample_size) == (pytest.approx(cost / users), users)
    assert answer.groups == {"chat": answer.reading}
    assert series.reading("cost_per_mau", window, now=NOW) == answer.reading
    assert series.breakdown(["calls", "cost_per_mau"], window, now=NOW)["chat"]["cost_per_mau"] == answer.reading


@pytest.mark.parametrize(("window", "days"), [(LAST_HOUR, TODAY), (LAST_DAY, Window(YESTERDAY.start, TODAY.end))])
@pytest.mark.parametrize(
    "name", ["dau", "wau", "mau", "user_cost_p90", "adoption_rate", "ticket_rate_ai_users", "ticket_rate_non_users"]
)
def test_the_window_told_is_the_days_whose_users_are_counted(name: str, window: Window, days: Window) -> None:
    assert ask(name, window).window == days


def test_what_needs_no_users_keeps_its_hour_beside_them() -> None:
    beside = series.breakdown(["calls", "cost_per_mau"], LAST_HOUR, now=NOW)["chat"]
    assert (beside["calls"].value, beside["cost_per_mau"].value) == (5, pytest.approx(3))
    assert ask("cost_total", LAST_HOUR).window == LAST_HOUR


def test_days_are_compared_with_as_many_days() -> None:
    of_hour, of_day = (ask("cost_per_mau", window, compare="previous").comparison for window in (LAST_HOUR, TODAY))
    assert of_hour == of_day
    assert of_hour is not None
    assert (of_hour.window, of_hour.value, of_hour.sample_size) == (YESTERDAY, pytest.approx(3), 8)
    daily = ask("dau", Window(YESTERDAY.start + HOUR, YESTERDAY.end), compare="previous").comparison
    assert daily is not None
    assert (daily.window, daily.value, daily.difference) == (EARLIER, 4, 4)


def test_a_day_stays_a_day_before_a_change_of_the_clocks() -> None:
    long, before = (day_window(datetime(2026, 10, day).date(), "Europe/Berlin") for day in (25, 24))
    assert (long.length, before.length) == (25 * HOUR, 24 * HOUR)
    assert windows.days_before(long, "Europe/Berlin") == before
