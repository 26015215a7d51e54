"""The daily forecast as it is made, kept, read and asked for: once a day, from whole days, in the project's zone."""

from datetime import date
from decimal import Decimal

import httpx2
import pytest
from django.db import connection

from ingest import timeline
from ingest.dimensions import FigureName
from ingest.models import Figure
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, Window, day_start, day_window
from observatory.metrics import forecasts, foreseeing, foreseen, roller, series, store
from observatory.metrics.forecasting.outlook import Standing
from observatory.metrics.reading import State
from observatory.metrics.series import BadWindow
from tests.factories import costs, interactions

GIANT = date(2026, 10, 20)


def bill(project, last, days, usd=10.0, *, users=1):
    """Calls of so many local days up to `last`, with `usd` a day and half of it on weekends; giant on one day."""
    rows = []
    for back in range(days):
        day = last - back * DAY
        start = day_start(day, project.time_zone)
        amount = usd * (0.5 if day.weekday() >= 5 else 1.0) * (1 + 0.02 * (back % 3))
        rows += [
            {"at": start + HOUR * 9, "feature": "a", "user_id": f"u{one}", "cost_nano": round(amount * 1e9 / users)}
            for one in range(users)
        ]
    interactions(project, rows)


def rolled(project, now, *, everything=True):
    roller.roll(now, only=[project.pk], everything=everything)


def stored(project):
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(
            "SELECT month, basis, made_at, encode(digest, 'hex'), outlook FROM forecast WHERE project_id = %s ORDER BY 1",
            [project.pk],
        )
        outlooks = cursor.fetchall()
        cursor.execute("SELECT * FROM expected_cost WHERE project_id = %s ORDER BY day", [project.pk])
        return outlooks, cursor.fetchall()


def plan(project, month, name, value, tier=""):
    with project_scope(project.pk):
        Figure.objects.create(
            month=month, name=name, tier=tier, id=f"{month}{name}{tier}", value=Decimal(value),
            received_at=timeline.now(), position=0,
        )  # fmt: skip


@pytest.fixture
def billed(project):
    """Sixty days of a project in Berlin up to 26 October 2026, over the end of summer time, and noon of the day after."""
    project.time_zone = "Europe/Berlin"
    project.save()
    bill(project, date(2026, 10, 26), 60, users=3)
    return project, day_start(date(2026, 10, 27), "Europe/Berlin") + 12 * HOUR


def test_a_forecast_is_made_once_a_day_and_the_same_however_often(billed):
    project, now = billed
    rolled(project, now)
    first = stored(project)
    ((month, basis, made_at, *_),) = first[0]
    assert (month, basis, made_at) == (date(2026, 10, 1), date(2026, 10, 26), now)
    assert [first[1][0][1], first[1][-1][1]] == [date(2026, 9, 26), date(2026, 10, 27)]
    rolled(project, now + 2 * HOUR)
    assert stored(project) == first, "nothing has changed, so nothing is made again"
    with project_scope(project.pk):
        connection.cursor().execute("DELETE FROM forecast WHERE project_id = %s", [project.pk])
    rolled(project, now)
    assert stored(project) == first
    rolled(project, now + DAY)
    (after,), days = stored(project)
    assert after[1] == date(2026, 10, 27)
    assert days[:-1] == first[1], "what was expected of a day stands while the days before it do"


def test_days_that_change_are_forecast_from_again_but_not_every_minute(billed):
    project, now = billed
    rolled(project, now)
    first = stored(project)
    interactions(project, [{"at": now - 9 * DAY, "feature": "a", "cost_nano": 10**9}])
    rolled(project, now + 20 * MINUTE, everything=False)
    assert stored(project) == first
    rolled(project, now + 2 * HOUR, everything=False)
    (after,), days = stored(project)
    assert after[3] != first[0][0][3]
    changed = {row[1] for row, before in zip(days, first[1], strict=True) if row != before}
    assert changed == {date(2026, 10, 19) + number * DAY for number in range(9)}


def test_a_history_that_comes_late_is_said_to_wait_and_forecast_from_at_once_when_it_is_counted(billed):
    project, now = billed
    rolled(project, now)
    with project_scope(project.pk):
        before = forecasts.current(now)
        assert (before.complete_to, before.waits_from, before.warnings) == (now, None, [])
        past = forecasts.current(now, date(2026, 7, 1))
    bill(project, date(2026, 8, 20), 10, users=2)
    first = day_start(date(2026, 8, 11), project.time_zone) + 9 * HOUR
    today = Window(day_start(date(2026, 10, 26), project.time_zone), now)
    with project_scope(project.pk):
        waiting = forecasts.current(now)
        assert forecasts.current(now, date(2026, 7, 1)).complete_to == past.complete_to, (
            "what came after it is nothing to it"
        )
        assert series.read("cost_anomaly", today, now=now).complete_to == first
        assert series.read("cost_total", today, now=now).complete_to == now
    assert (waiting.complete_to, waiting.waits_from) == (first, date(2026, 8, 11))
    assert waiting.end == before.end
    (warning,) = waiting.warnings
    assert "from 2026-08-11 on came late and are still being counted" in warning
    rolled(project, now + 20 * MINUTE, everything=False)
    with project_scope(project.pk):
        after = forecasts.current(now + 20 * MINUTE)
    assert (after.waits_from, after.warnings) == (None, [])
    assert after.known_days == (date(2026, 10, 26) - date(2026, 8, 11)).days > before.known_days


@pytest.mark.parametrize(("days", "is_made"), [(1, True), (60, False)])
def test_nothing_is_forecast_from_a_history_that_is_counted_in_part(billed, monkeypatch, days, is_made):
    project, now = billed
    rolled(project, now)
    first = stored(project)
    bill(project, date(2026, 10, 10), days)
    monkeypatch.setattr(store, "HISTORY", 30)
    with project_scope(project.pk):
        assert foreseeing.refresh(now, is_forced=True) is False, "nothing of it has been counted"
        assert foreseeing.refresh(now + DAY) is False
        connection.cursor().execute("UPDATE rolled SET complete_to = %s WHERE project_id = %s", [now + DAY, project.pk])
        assert foreseeing.refresh(now + DAY) is is_made
    assert (stored(project) != first) is is_made


def test_users_of_months_long_over_are_counted_again_when_their_calls_came_late(project):
    bill(project, date(2026, 10, 26), 100, users=2)
    now = day_start(date(2026, 10, 27), "UTC") + HOUR
    rolled(project, now)
    bill(project, date(2026, 8, 31), 10, usd=1.0, users=5)
    rolled(project, now + HOUR)
    with project_scope(project.pk):
        kept = foreseen.latest().whole_months
    assert [(one.month, one.users) for one in kept] == [(date(2026, 8, 1), 5), (date(2026, 9, 1), 2)]


def test_the_month_so_far_and_to_come_against_its_plan(billed):
    project, now = billed
    plan(project, date(2026, 10, 1), FigureName.FORECAST_COST_USD, "200", "pro")
    plan(project, date(2026, 10, 1), FigureName.FORECAST_COST_USD, "62", "free")
    plan(project, date(2026, 11, 1), FigureName.FORECAST_USERS, "6")
    interactions(project, [{"at": now - HOUR, "feature": "a", "cost_nano": 2 * 10**9}])
    rolled(project, now)
    with project_scope(project.pk):
        found = forecasts.current(now)
    assert (found.month, found.standing, found.basis) == (date(2026, 10, 1), Standing.OK, date(2026, 10, 26))
    amounts = [
        10.0 * (0.5 if day.weekday() >= 5 else 1.0) * (1 + 0.02 * ((date(2026, 10, 26) - day).days % 3))
        for day in (date(2026, 10, 1) + number * DAY for number in range(26))
    ]
    assert found.actual == pytest.approx(sum(amounts) + 2.0)
    assert found.days[25].actual == found.days[25].projected.expected == pytest.approx(sum(amounts))
    assert found.days[26].actual == found.actual
    assert found.days[27].actual is None
    assert found.end.expected == pytest.approx(sum(amounts) + 4 * 10.2 + 5.1, rel=0.02)
    assert found.plan == 262.0, "without a figure for all tiers, those of the tiers add up"
    assert found.over_plan_on == date(2026, 10, 30)
    (october, november, *_) = found.scenarios
    assert (october.by, october.plan) == ("trend", 262.0)
    assert (november.by, november.planned_users) == ("users", 6.0)
    per_day = sum(amounts[-30:] + [10.0 * (0.5 if day.weekday() >= 5 else 1.0) * (1 + 0.02 * ((date(2026, 10, 26) - day).days % 3)) for day in (date(2026, 9, 27) + number * DAY for number in range(4))]) / 30  # fmt: skip
    assert november.expected == pytest.approx(30 * per_day * 2**1.3)
    assert found.multiplier.is_default


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu", "Europe/Berlin"])
def test_a_month_ends_where_it_ends_in_the_projects_zone(project, zone):
    project.time_zone = zone
    project.save()
    bill(project, date(2026, 10, 31), 40)
    midnight = day_start(date(2026, 11, 1), zone)
    before, after = midnight - MINUTE, midnight + MINUTE
    rolled(project, before)
    with project_scope(project.pk):
        found = forecasts.current(before)
        assert (found.month, found.basis, len(found.days)) == (date(2026, 10, 1), date(2026, 10, 30), 31)
        early = forecasts.current(after)
    assert (early.month, early.standing) == (date(2026, 11, 1), Standing.OK), "until its own is made"
    assert early.end.expected == pytest.approx(30 * 8.6, rel=0.1)
    rolled(project, after)
    with project_scope(project.pk):
        now, past = forecasts.current(after), forecasts.current(after, date(2026, 10, 1))
    assert (now.month, now.basis, now.days[0].day) == (date(2026, 11, 1), date(2026, 10, 31), date(2026, 11, 1))
    assert now.days[-1].projected.expected == now.end.expected
    assert past.basis == date(2026, 10, 30)
    assert past.days[-1].actual == pytest.approx(past.actual)


def test_too_little_history_is_learning_at_the_rate_so_far(project):
    bill(project, date(2026, 10, 26), 9, usd=7.0)
    now = day_start(date(2026, 10, 27), "UTC") + HOUR
    rolled(project, now)
    with project_scope(project.pk):
        found = forecasts.current(now)
    assert (found.standing, found.known_days) == (Standing.LEARNING, 8), "the first day is seldom whole"
    assert found.end.expected > found.actual
    assert found.end.low_95 is None
    assert stored(project)[1] == []


def test_no_cost_and_no_calls_have_no_forecast(project):
    now = day_start(date(2026, 10, 27), "UTC") + HOUR
    rolled(project, now)
    with project_scope(project.pk):
        nothing = forecasts.current(now)
    assert (nothing.standing, nothing.actual, nothing.end, nothing.scenarios) == (Standing.LEARNING, None, None, ())
    bill(project, date(2026, 10, 26), 30, usd=0.0)
    rolled(project, now)
    with project_scope(project.pk):
        free = forecasts.current(now)
    assert (free.standing, free.actual, free.end, free.plan) == (Standing.NO_DATA, 0.0, None, None)


def test_a_changed_zone_has_a_forecast_of_its_own(billed):
    project, now = billed
    rolled(project, now)
    project.time_zone = "Asia/Tokyo"
    project.save()
    rolled(project, now)
    with project_scope(project.pk):
        assert foreseen.latest().time_zone == "Asia/Tokyo"
        assert forecasts.current(now).standing is Standing.OK


def test_whole_months_carry_users_and_cost_a_day(project):
    bill(project, date(2026, 10, 26), 100, users=4)
    now = day_start(date(2026, 10, 27), "UTC") + HOUR
    rolled(project, now)
    with project_scope(project.pk):
        kept = foreseen.latest().whole_months
    assert [(one.month, one.users) for one in kept] == [(date(2026, 8, 1), 4), (date(2026, 9, 1), 4)]
    september = [date(2026, 9, 1) + number * DAY for number in range(30)]
    expected = sum(
        10.0 * (0.5 if day.weekday() >= 5 else 1.0) * (1 + 0.02 * ((date(2026, 10, 26) - day).days % 3))
        for day in september
    )
    assert kept[1].cost_per_day == pytest.approx(expected / 30)


def test_one_giant_day_lies_outside_its_range_and_the_next_is_usual_again(billed):
    project, now = billed
    bill(project, date(2026, 10, 27), 1)
    costs(project, [{"at": day_start(GIANT, project.time_zone) + HOUR, "amount_nano": 300 * 10**9}])
    rolled(project, now)
    with project_scope(project.pk):
        first, last = GIANT - 2 * DAY, GIANT + 2 * DAY
        window = Window(day_start(first, project.time_zone), day_window(last, project.time_zone).end)
        values = [point.reading.value for point in series.series("cost_anomaly", window, now=now)]
        whole = series.reading("cost_anomaly", window, now=now)
        ranges = forecasts.expected_days(first, last)
        with pytest.raises(BadWindow, match="the whole project's"):
            series.reading("cost_anomaly", window, feature="a", now=now)
        today = series.reading("cost_anomaly", day_window(date(2026, 10, 27), project.time_zone), now=now)
        early = series.reading("cost_anomaly", day_window(date(2026, 9, 10), project.time_zone), now=now)
    assert values[2] > 0.999
    assert max(values[:2] + values[3:]) < 0.95
    assert whole.value == values[2]
    assert whole.sample_size == ranges[GIANT].known_days
    assert ranges[GIANT + DAY].quantile(1.96) < 20
    assert today.state is State.NO_DATA, "it is not over"
    assert early.state is State.LEARNING


def test_a_day_without_any_cost_lies_below_its_range(billed):
    project, now = billed
    rolled(project, now + 2 * DAY)
    with project_scope(project.pk):
        silent = day_window(date(2026, 10, 27), project.time_zone)
        found = series.reading("cost_anomaly", silent, now=now + 2 * DAY)
    assert found.value > 0.999


def test_a_failing_forecast_stops_nothing(billed, monkeypatch):
    project, now = billed
    monkeypatch.setattr(foreseeing, "history", lambda _: 1 / 0)
    report = roller.roll(now, only=[project.pk], everything=True)
    assert (report.failed, report.left) == (0, False)
    assert stored(project) == ([], [])


@pytest.mark.parametrize("text", ["2026-1", "2026-13", "26-01", "2026-01-01", "x", "1999-12", "2100-01", "२०२६-०१", ""])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(ValueError, match="for example 2026-01"):
        forecasts.month_named(text)


def test_the_api_tells_it_with_its_meaning(web, project, key):
    now = timeline.now()
    today = timeline.local_day(now, project.time_zone)
    bill(project, today - DAY, 40)
    plan(project, today.replace(day=1), FigureName.FORECAST_COST_USD, "100")
    rolled(project, now)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=f"{web}/api/v1", headers=headers, timeout=30) as asking:
        answer = asking.get("/forecasts/cost")
        body = answer.json()
        bill(project, today - 50 * DAY, 3)
        waiting = asking.get("/forecasts/cost").json()
        past = asking.get("/forecasts/cost?month=2024-02").json()
        bad, unknown = asking.get("/forecasts/cost?month=2026-13"), asking.get("/forecasts/cost?moth=2026-01")
    assert answer.status_code == 200, answer.text
    assert (body["month"], body["state"], body["plan"], body["needed_days"]) == (f"{today:%Y-%m}", "ok", 100.0, 14)
    assert body["projected"]["interval_95"][0] <= body["projected"]["interval_80"][0] <= body["projected"]["expected"]
    assert body["multiplier"] == {"value": 1.3, "low": 1.2, "high": 1.5, "changes": 0, "is_default": True}
    assert len(body["scenarios"]) == 4
    since = today - 52 * DAY
    assert (body["warnings"], body["complete_to"][:10] >= f"{today}") == ([], True)
    assert waiting["complete_to"] == f"{since}T09:00:00Z"
    assert f"from {since} on came late" in waiting["warnings"][0]
    assert (past["state"], past["actual"], past["projected"], len(past["days"])) == ("no_data", None, None, 29)
    for refused in (bad, unknown):
        assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert "2026-01" in bad.json()["detail"]
    assert "month" in unknown.json()["detail"]
