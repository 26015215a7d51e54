"""Weeks go when every horizon has passed them and no row is left, and nobody waits behind that."""

import threading
import time
from datetime import datetime

import psycopg
import pytest
from django.db import connection

from ingest import partitions, records, timeline
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention import accounts, sweeps, weeks
from ingest.timeline import DAY, WEEK, week_start
from tests.ingest.record import rows, statuses, take

NOW = timeline.now()


HORIZON = week_start(NOW - 3_000 * DAY)
"""Long before whatever other tests store, and behind every other project's horizon."""


def tables_of(week: datetime) -> set[str]:
    return {table for table, start in weeks.existing() if start == week}


def test_a_week_goes_when_every_horizon_has_passed_it_and_no_row_is_left(make_project):
    project = make_project(raw_days=3_600, text_days=3_600)
    week = HORIZON - WEEK
    take(project, records.INTERACTIONS, {"id": "a", "feature": "draft", "occurred_at": week.isoformat()}, NOW)
    Project.objects.filter(pk=project.pk).update(raw_horizon=HORIZON, text_horizon=HORIZON)
    assert {"interaction", "payload", "feedback", "verdict", "cost", "search"} <= tables_of(week)
    weeks.drop()
    assert {"interaction", "verdict", "payload", "search"} <= tables_of(week), "some of them hold rows"
    Project.objects.filter(pk=project.pk).update(raw_horizon=week + DAY)
    with project_scope(project.pk):
        (standing,) = accounts.standings([project.pk])
        for portion in sweeps.portions(standing, NOW):
            portion()
    weeks.drop()
    assert "interaction" in tables_of(week), "one horizon has not passed it"
    assert "payload" not in tables_of(week)
    Project.objects.filter(pk=project.pk).update(raw_horizon=HORIZON)
    dropped, is_busy = weeks.drop()
    assert (dropped > 0, is_busy, tables_of(week)) == (True, False, set())


def test_a_week_that_somebody_reads_is_left_for_the_next_time_and_inserts_go_on(make_project, installation):
    week = HORIZON - 2 * WEEK
    project = make_project(raw_days=3_600, text_days=3_600, raw_horizon=HORIZON, text_horizon=HORIZON)
    partitions.ensure_for([week])
    with psycopg.connect(installation.server.urls.jobs) as reader:
        reader.execute("SELECT count(*) FROM interaction")
        _, is_busy = weeks.drop()
        assert is_busy
        assert "interaction" in tables_of(week)
        assert statuses(take(project, records.INTERACTIONS, {"feature": "draft"}, timeline.now())) == ["created"]
    assert weeks.drop()[1] is False
    assert tables_of(week) == set()


def test_the_web_cannot_drop_a_week_and_nobody_one_that_is_not_over(installation):
    with psycopg.connect(installation.server.urls.app) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute("SELECT drop_partition(now() - interval '300 days')")
    with connection.cursor() as cursor, pytest.raises(Exception, match="is not over"):
        cursor.execute("SELECT drop_partition(now())")


def filled(make_project, week: datetime):
    """A project whose horizons have passed a week in which it has a row."""
    project = make_project(raw_days=3_600, text_days=3_600)
    take(project, records.INTERACTIONS, {"feature": "draft", "occurred_at": week.isoformat()}, NOW)
    Project.objects.filter(pk=project.pk).update(raw_horizon=HORIZON, text_horizon=HORIZON)
    return project


def test_a_week_that_holds_rows_is_not_even_locked(make_project):
    week = HORIZON - 3 * WEEK
    project = filled(make_project, week)
    before = tables_of(week)
    assert "interaction" in before
    _, is_busy = weeks.drop()
    assert (is_busy, tables_of(week)) == (False, before)
    assert len(rows(project, "interaction", "id")) == 1


def test_a_row_that_comes_after_the_look_and_before_the_detaching_is_kept(make_project, installation):
    week = HORIZON - 4 * WEEK
    project = make_project(raw_days=3_600, text_days=3_600, raw_horizon=HORIZON, text_horizon=HORIZON)
    partitions.ensure_for([week])
    found = []

    def drop() -> None:
        found.append(weeks.drop())
        connection.close()

    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'cost'::regclass"
    with psycopg.connect(installation.server.urls.jobs) as late:
        late.execute(
            "INSERT INTO cost (project_id, occurred_at, received_at, component, amount_nano, id) VALUES (%s, %s, now(), 1, 1, 'late')",
            [project.pk, week],
        )
        dropping = threading.Thread(target=drop)
        dropping.start()
        while dropping.is_alive() and not late.execute(waits).fetchone()[0]:
            time.sleep(0.002)
        late.commit()
    dropping.join()
    assert [row["id"] for row in rows(project, "cost", "id")] == ["late"]
    assert found[0][1], "it is left for the next time"
