"""What stands before the raw horizon is frozen: no mark and no change of the time zone counts it again."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from ingest.dimensions import Facts
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, Window, day_start, floor, local_day
from observatory.metrics import roller, series, store, verify
from observatory.metrics.layout import Counter
from observatory.metrics.sheets import ALL_FEATURES, TOTAL
from observatory.metrics.windows import Level
from tests.factories import interactions
from tests.harness.sheets import counted

NOW = floor(datetime.now(UTC), DAY) - 2 * DAY + 13 * HOUR


def send(project: Project, *instants: datetime, **row: Any) -> None:
    interactions(project, [{"at": at, "feature": "write-draft", "user_id": "u", **row} for at in instants])


def roll(project: Project, now: datetime = NOW) -> None:
    roller.roll(now, only=[project.pk], everything=True)


def test_buckets_before_the_raw_horizon_are_frozen(project: Project) -> None:
    old = floor(NOW, DAY) - 9 * DAY + HOUR
    send(project, old, user_id="early")
    roll(project)
    Project.objects.filter(pk=project.pk).update(raw_horizon=floor(NOW, DAY) - 8 * DAY)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM interaction WHERE project_id = %s", [project.pk])
    send(project, old + MINUTE)
    roll(project, NOW + MINUTE)
    with project_scope(project.pk), connection.cursor() as cursor:
        assert series.reading("calls", Window(NOW - 10 * DAY, NOW), now=NOW).value == 1
        cursor.execute("SELECT cluster FROM user_day WHERE project_id = %s", [project.pk])
        assert cursor.fetchall() == [("early",)]
        cursor.execute("SELECT count(*) FROM dirty_bucket WHERE project_id = %s", [project.pk])
        assert cursor.fetchone() == (0,)
    project.refresh_from_db()
    assert [found for day in verify.days_of(project, NOW) for found in verify.verify(project, day).differences] == []


def test_a_day_mark_from_before_the_raw_horizon_leaves_the_frozen_sheet(project: Project) -> None:
    day = floor(NOW, DAY) - 9 * DAY
    send(project, day + HOUR)
    roll(project)
    Project.objects.filter(pk=project.pk).update(raw_horizon=day + DAY)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM interaction WHERE project_id = %s", [project.pk])
        cursor.execute("DELETE FROM sheet WHERE project_id = %s AND level = %s", [project.pk, int(Level.QUARTER)])
        store.set_unmerged(Level.DAY, Facts.INTERACTIONS, [day])
    roll(project, NOW + MINUTE)
    assert days(project) == {day: 1}


def test_of_a_day_that_the_raw_horizon_cuts_only_what_came_after_it_is_counted(project: Project) -> None:
    """The zone has changed: a new day reaches back over the horizon into an old, frozen one that was counted already."""
    horizon = floor(NOW, DAY) - 8 * DAY
    send(project, horizon - 2 * HOUR, horizon + HOUR)
    roll(project)
    Project.objects.filter(pk=project.pk).update(raw_horizon=horizon, time_zone="America/New_York")
    roll(project, NOW + MINUTE)
    assert days(project) == {horizon - DAY: 1, horizon: 1}


@pytest.mark.parametrize("thin", [0, roller.THIN_DAY])
def test_a_cut_day_is_counted_once_however_often_the_zone_changes(
    project: Project, monkeypatch: pytest.MonkeyPatch, thin: int
) -> None:
    monkeypatch.setattr(roller, "THIN_DAY", thin)
    horizon = floor(NOW, DAY) - 8 * DAY
    send(project, horizon - 2 * HOUR, horizon + HOUR, tier="free")
    roll(project)
    for number, zone in enumerate(("America/New_York", "Asia/Kathmandu", "America/New_York"), start=1):
        Project.objects.filter(pk=project.pk).update(raw_horizon=horizon, time_zone=zone)
        roll(project, NOW + number * MINUTE)
        assert days(project) == {horizon - DAY: 1, horizon: 1}
        with project_scope(project.pk):
            for where in ({}, {"tier": "free"}):
                asked = series.reading("calls", Window(horizon - 3 * DAY, NOW), where=where, now=NOW)
                assert asked.value == 2


def test_a_cut_day_that_still_waits_is_forgotten_with_its_zone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roller, "THIN_DAY", 0)
    horizon = floor(NOW, DAY) - 8 * DAY
    send(project, horizon + HOUR)
    roll(project)
    for number, zone in enumerate(("Pacific/Honolulu", "America/New_York"), start=1):
        Project.objects.filter(pk=project.pk).update(raw_horizon=horizon, time_zone=zone)
        roll(project, NOW + number * MINUTE)
        assert days(project) == {horizon: 1}
        with project_scope(project.pk):
            cut = day_start(local_day(horizon, zone), zone)
            store.set_unmerged(Level.DAY, Facts.INTERACTIONS, [cut])


def test_a_cut_day_leaves_a_frozen_one_that_begins_with_it(project: Project) -> None:
    """London's first summer day has 23 hours and begins with that of Reykjavik, which its horizon cuts."""
    begin = datetime(NOW.year if NOW.month > 4 else NOW.year - 1, 4, 1, tzinfo=UTC)
    sunday = begin - (begin.weekday() + 1) * DAY
    horizon = sunday + 23 * HOUR
    Project.objects.filter(pk=project.pk).update(time_zone="Europe/London")
    send(project, sunday + HOUR, horizon + MINUTE)
    roll(project)
    Project.objects.filter(pk=project.pk).update(raw_horizon=horizon, time_zone="Atlantic/Reykjavik")
    roll(project, NOW + MINUTE)
    assert days(project, horizon - DAY) == {sunday: 1, horizon: 1}


def days(project: Project, since: datetime = NOW - 30 * DAY) -> dict[datetime, int]:
    """The calls that each stored day counts."""
    everything = Window(since, NOW)
    with project_scope(project.pk):
        found = store.fetch(Level.DAY, Facts.INTERACTIONS, [everything])
    totals = {key.bucket: sheet for key, sheet in counted(found).items() if key[1:] == (TOTAL, ALL_FEATURES)}
    return {bucket: sheet[TOTAL][Counter.CALLS] for bucket, sheet in totals.items()}
