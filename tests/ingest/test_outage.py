"""The database away, slow or new: one more try where that helps, an honest 503 where it does not."""

import time
from datetime import timedelta

import psycopg
import pytest

from ingest import partitions, records, timeline
from ingest.database import Unavailable, steadfast
from tests.ingest.record import rows, statuses, take


@pytest.fixture
def superuser(installation):
    with psycopg.connect(installation.server.superuser_url, autocommit=True) as connection:
        yield connection


def test_a_connection_that_died_in_the_pool_costs_nobody_an_answer(post, project, superuser):
    assert post("interactions", {"feature": "a"}).status_code == 200
    killed = superuser.execute(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'observatory-app'"
    ).fetchone()
    assert killed[0] > 0
    assert [post("interactions", {"feature": "a", "id": str(n)}).status_code for n in range(10)] == [200] * 10
    assert len(rows(project, "interaction")) == 11


def test_what_cannot_be_committed_in_time_is_503_and_stored_by_the_retry_only(post, project, superuser):
    item = {"feature": "a", "id": "x"}
    post("interactions", {"feature": "a", "id": "before"})
    with psycopg.connect(superuser.info.dsn, password=superuser.info.password) as blocker:
        blocker.execute("LOCK TABLE record_key IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        answer = post("interactions", item)
        assert time.monotonic() - started < 6.5
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/problem+json"
    assert statuses(post("interactions", item)) == ["created"]


def test_a_request_is_stored_whole_or_not_at_all(project, superuser):
    superuser.execute(f"ALTER TABLE dirty_bucket ADD CONSTRAINT broken CHECK (project_id <> {project.id})")
    try:
        with pytest.raises(psycopg.errors.CheckViolation):
            take(project, records.INTERACTIONS, [{"feature": "a"}, {"feature": "b"}])
    finally:
        superuser.execute("ALTER TABLE dirty_bucket DROP CONSTRAINT broken")
    assert rows(project, "interaction") == rows(project, "payload") == rows(project, "record_key") == []


def test_a_week_without_partitions_is_made_on_demand(project, superuser):
    week = timeline.week_start(timeline.now() - timedelta(days=40))
    for table in ("interaction", "payload", "feedback", "verdict", "cost"):
        superuser.execute(f"DROP TABLE IF EXISTS partitions.{table}_{week:%Y%m%d}")
    at = (week + timedelta(days=1)).isoformat()
    assert take(project, records.INTERACTIONS, {"feature": "a", "occurred_at": at}).created == 1
    assert len(rows(project, "interaction")) == 1
    assert partitions.ensure(timeline.now()) == 0


def failing(*errors):
    """Work that fails with each error in turn and then succeeds."""
    left = list(errors)

    def work():
        if left:
            raise left.pop(0)
        return "done"

    return work


LOST = psycopg.OperationalError("server closed the connection unexpectedly")


@pytest.mark.parametrize(
    "error", [LOST, psycopg.errors.AdminShutdown(), psycopg.errors.DeadlockDetected(), psycopg.InterfaceError()]
)
def test_lost_connections_and_collisions_are_tried_once_more(error):
    assert steadfast(failing(error)) == "done"
    with pytest.raises(Unavailable):
        steadfast(failing(error, error))


@pytest.mark.parametrize(
    "error", [psycopg.errors.QueryCanceled(), psycopg.errors.LockNotAvailable(), psycopg.errors.DiskFull()]
)
def test_what_would_only_take_longer_is_told_at_once(error):
    with pytest.raises(Unavailable):
        steadfast(failing(error))


def test_a_defect_of_ours_stays_what_it_is():
    with pytest.raises(psycopg.errors.UndefinedTable):
        steadfast(failing(psycopg.errors.UndefinedTable()))
