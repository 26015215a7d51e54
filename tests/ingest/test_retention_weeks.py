"""Weeks go when every horizon has passed them and no row is left, and nobody waits behind that."""

from datetime import datetime

import psycopg
import pytest
from django.db import connection

from ingest import partitions, records, timeline
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention import accounts, sweeps, weeks
from ingest.timeline import DAY, WEEK, week_start
from tests.ingest.record import statuses, take

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
