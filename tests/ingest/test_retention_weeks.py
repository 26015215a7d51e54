"""Weeks go when every horizon has passed them and no row is left, and nobody waits behind that."""

from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest
from django.db import connection
from django.db.models import Q

from ingest import records, timeline
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention import accounts, sweeps, weeks
from ingest.timeline import DAY, WEEK, week_start
from tests.ingest.record import statuses, take

NOW = timeline.now()


@pytest.fixture
def everybody_forgets() -> Iterator[datetime]:
    """Every project of this database has forgotten all that is older than 380 days; undone at the end."""
    horizon = week_start(NOW - 380 * DAY)
    behind = Project.objects.filter(Q(raw_horizon=None) | Q(raw_horizon__lt=horizon))
    were = list(behind.values_list("pk", "raw_horizon", "text_horizon"))
    Project.objects.filter(pk__in=[pk for pk, *_ in were]).update(raw_horizon=horizon, text_horizon=horizon)
    yield horizon
    for pk, raw, text in were:
        Project.objects.filter(pk=pk).update(raw_horizon=raw, text_horizon=text)


def tables_of(week: datetime) -> set[str]:
    return {table for table, start in weeks.existing() if start == week}


def test_a_week_goes_when_every_horizon_has_passed_it_and_no_row_is_left(make_project, everybody_forgets):
    horizon = everybody_forgets
    project = make_project()
    week = horizon - WEEK
    take(project, records.INTERACTIONS, {"id": "a", "feature": "draft", "occurred_at": week.isoformat()}, NOW)
    Project.objects.filter(pk=project.pk).update(raw_horizon=horizon, text_horizon=horizon)
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
    Project.objects.filter(pk=project.pk).update(raw_horizon=horizon)
    dropped, is_busy = weeks.drop()
    assert (dropped > 0, is_busy, tables_of(week)) == (True, False, set())


def test_a_week_that_somebody_reads_is_left_for_the_next_time_and_inserts_go_on(
    make_project, everybody_forgets, installation
):
    from ingest import partitions

    week = everybody_forgets - 2 * WEEK
    partitions.ensure_for([week])
    project = make_project(raw_horizon=everybody_forgets, text_horizon=everybody_forgets)
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
