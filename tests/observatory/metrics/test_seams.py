"""A changed time zone leaves days of the old one before the raw horizon: the seam is known, told and marked."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import cast

import httpx2
import pytest
from django.db import connection

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention import accounts
from ingest.timeline import DAY, HOUR, MINUTE, Window, day_start, day_window, floor, local_day
from observatory.metrics import expiring, roller, seams, series
from observatory.metrics.reading import Point, Seam
from tests.factories import interactions

NOW = floor(datetime.now(UTC), DAY) - 2 * DAY + 13 * HOUR
BEGIN = NOW - 20 * DAY
CALLS = [BEGIN + number * 3 * HOUR + 20 * MINUTE for number in range(20 * 8)]
BERLIN, NEW_YORK, TOKYO = "Europe/Berlin", "America/New_York", "Asia/Tokyo"


def midnight(zone: str, days_ago: int = 9) -> datetime:
    return day_start(local_day(NOW, zone) - days_ago * DAY, zone)


def fill(project: Project, zone: str, since: datetime = BEGIN) -> None:
    """A call every three hours, counted by days of a zone."""
    interactions(project, [{"at": at, "feature": "a"} for at in CALLS if at >= since])
    change(project, zone, NOW)


def change(project: Project, zone: str, now: datetime, **fields: datetime) -> None:
    """Set the zone, or a horizon too, and roll."""
    Project.objects.filter(pk=project.pk).update(time_zone=zone, **fields)
    roller.roll(now, only=[project.pk], everything=True)


def found(project: Project, start: datetime = BEGIN) -> tuple[Seam, ...]:
    with project_scope(project.pk):
        return series.read("calls", Window(start, NOW), now=NOW).seams


def daily(project: Project) -> Sequence[Point]:
    with project_scope(project.pk):
        return series.series("calls", Window(BEGIN - 2 * DAY, NOW), "1d", now=NOW)


@pytest.mark.parametrize(
    ("old", "new"),
    [(BERLIN, NEW_YORK), (BERLIN, TOKYO), ("Asia/Kolkata", "Asia/Kathmandu"), ("Australia/Lord_Howe", "Pacific/Apia")],
)
def test_days_that_raw_rows_no_longer_reach_end_at_a_seam(project: Project, old: str, new: str) -> None:
    fill(project, old)
    change(project, new, NOW + MINUTE, raw_horizon=(horizon := midnight(old)))
    assert found(project) == (Seam(horizon, old, new, NOW + MINUTE),)
    cut = day_window(local_day(horizon, new), new)
    points = daily(project)
    assert [point.window for point in points if point.seam] == [cut]
    values = {point.window: point.reading.value for point in points}
    assert sum(value or 0 for value in values.values()) == len(CALLS)
    assert values[cut] == sum(horizon <= at < cut.end for at in CALLS)


def test_a_seam_is_told_to_those_who_ask_about_what_lies_before_it(project: Project) -> None:
    fill(project, BERLIN)
    change(project, TOKYO, NOW, raw_horizon=(horizon := midnight(BERLIN)))
    with project_scope(project.pk):
        for start, end, many in (
            (horizon - 3 * DAY, NOW, 1),
            (horizon - 3 * DAY, horizon - 2 * DAY, 1),
            (horizon, NOW, 0),
        ):
            assert len(series.read("calls", Window(start, end), grain="auto", now=NOW).seams) == many


def test_there_is_none_where_everything_was_counted_again(project: Project) -> None:
    fill(project, BERLIN)
    change(project, TOKYO, NOW)
    assert found(project) == ()
    assert not any(point.seam for point in daily(project))


def test_there_is_none_where_no_day_is_older_than_the_horizon(project: Project) -> None:
    horizon = midnight(BERLIN)
    fill(project, BERLIN, horizon)
    change(project, TOKYO, NOW, raw_horizon=horizon)
    assert found(project) == ()


def test_there_is_none_between_zones_with_the_same_days(project: Project) -> None:
    fill(project, BERLIN)
    change(project, "Europe/Paris", NOW, raw_horizon=midnight(BERLIN))
    assert found(project) == ()


def test_days_that_begin_alike_and_end_apart_are_not_the_same() -> None:
    """London's first summer day is an hour shorter than Reykjavik's, and begins with it."""
    day = datetime(2026, 3, 29, tzinfo=UTC)
    assert seams.differ([day], "Europe/London", "Atlantic/Reykjavik")
    assert not seams.differ([day - DAY], "Europe/London", "Atlantic/Reykjavik")


def test_a_change_again_at_the_same_horizon_moves_the_seam_to_the_newest_zone(project: Project) -> None:
    fill(project, BERLIN)
    change(project, TOKYO, NOW, raw_horizon=(horizon := midnight(BERLIN)))
    change(project, NEW_YORK, NOW + HOUR)
    assert found(project) == (Seam(horizon, BERLIN, NEW_YORK, NOW + HOUR),)
    change(project, BERLIN, NOW + 2 * HOUR)
    assert found(project) == ()
    for point in daily(project):
        assert (point.reading.value or 0) == sum(point.window.holds(at) for at in CALLS)


def test_changes_at_two_horizons_leave_two_seams(project: Project) -> None:
    fill(project, BERLIN)
    change(project, TOKYO, NOW, raw_horizon=(first := midnight(BERLIN, 14)))
    change(project, NEW_YORK, NOW + HOUR, raw_horizon=(second := midnight(TOKYO, 6)))
    assert found(project) == (
        Seam(first, BERLIN, TOKYO, NOW),
        Seam(second, TOKYO, NEW_YORK, NOW + HOUR),
    )
    assert found(project, first + 2 * DAY) == found(project)[1:]
    assert [sum((point.window.holds(first), point.window.holds(second))) for point in daily(project) if point.seam] == [1, 1]  # fmt: skip
    assert sum(point.reading.value or 0 for point in daily(project)) == len(CALLS)


@pytest.mark.parametrize(("new", "many"), [(TOKYO, 1), (NEW_YORK, 0)])
def test_users_of_the_cut_day_are_counted_where_no_frozen_day_has_its_date(
    project: Project, new: str, many: int
) -> None:
    """In the east the cut day is the first that is counted again; in the west it bears the date of the last old one."""
    horizon = midnight(BERLIN)
    old, cut = local_day(horizon - HOUR, BERLIN), local_day(horizon + HOUR, new)
    interactions(project, [{"at": horizon - HOUR, "user_id": "old"}, {"at": horizon + HOUR, "user_id": "cut"}])
    change(project, BERLIN, NOW)
    change(project, new, NOW + MINUTE, raw_horizon=horizon)
    assert users(project) == {(old, "old"), *[(cut, "cut")] * many}
    change(project, "Asia/Kolkata", NOW + HOUR)
    assert users(project) == {(old, "old"), (local_day(horizon, "Asia/Kolkata"), "cut")}


def users(project: Project) -> set[tuple[date, str]]:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT day, cluster FROM user_day WHERE project_id = %s", [project.pk])
        return set(cursor.fetchall())


def first_sheet(project: Project) -> datetime:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT min(bucket) FROM sheet WHERE project_id = %s", [project.pk])
        return cast("datetime", cursor.fetchone()[0])


def test_a_seam_goes_with_the_last_day_before_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "PORTION", 20)
    fill(project, BERLIN)
    change(project, TOKYO, NOW, raw_horizon=(first := midnight(BERLIN, 14)))
    change(project, NEW_YORK, NOW + HOUR, raw_horizon=(second := midnight(TOKYO, 6)))
    Project.objects.filter(pk=project.pk).update(rollup_days=8, raw_days=6)
    for _ in range(2):
        expiring.run(NOW, only=[project.pk], budget_s=60)
    gone = accounts.standings([project.pk])[0].rollups_gone
    assert gone is not None
    assert first_sheet(project) >= gone, "however many portions that takes"
    assert found(project, first - DAY) == (Seam(second, TOKYO, NEW_YORK, NOW + HOUR),)


def test_the_api_names_seams_and_the_day_that_one_cuts(project: Project, web: str, key: str) -> None:
    fill(project, BERLIN)
    change(project, "Asia/Kolkata", NOW, raw_horizon=(horizon := midnight(BERLIN)))
    times = {"from": (horizon - 3 * DAY).isoformat(), "to": (horizon + 3 * DAY).isoformat(), "grain": "1d"}
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx2.get(f"{web}/api/v1/metrics/calls", params=times, headers=headers, timeout=20).json()
    (seam,) = answer["seams"]
    assert (seam["from"], seam["to"]) == (BERLIN, "Asia/Kolkata")
    assert datetime.fromisoformat(seam["at"]) == horizon
    assert datetime.fromisoformat(seam["changed_at"]) == NOW
    (cut,) = [point for point in answer["series"] if point["seam"]]
    assert datetime.fromisoformat(cut["from"]) < horizon < datetime.fromisoformat(cut["to"])
    after = httpx2.get(f"{web}/api/v1/metrics/calls", params=times | {"from": horizon.isoformat()}, headers=headers)
    assert after.json()["seams"] == []


def test_a_distribution_names_the_same_seams_as_the_number_over_its_window(
    project: Project, web: str, key: str
) -> None:
    fill(project, BERLIN)
    change(project, "Asia/Kolkata", NOW, raw_horizon=(horizon := midnight(BERLIN)))
    for start, many in ((horizon - 3 * DAY, 1), (horizon, 0)):
        number, distribution = (
            httpx2.get(
                f"{web}/api/v1/metrics/{path}",
                params={"from": start.isoformat(), "to": (horizon + 3 * DAY).isoformat()},
                headers={"Authorization": f"Bearer {key}"},
                timeout=20,
            ).json()
            for path in ("latency_p50", "latency_p50/distribution")
        )
        assert distribution["seams"] == number["seams"]
        assert len(number["seams"]) == many


def test_another_projects_seam_is_nobodys_business(project: Project, make_project) -> None:
    other = make_project()
    fill(other, BERLIN)
    change(other, TOKYO, NOW, raw_horizon=midnight(BERLIN))
    fill(project, TOKYO)
    assert len(found(other)) == 1
    assert found(project) == ()
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM zone_seam WHERE project_id = %s", [project.pk])
        assert cursor.fetchone() == (0,)
