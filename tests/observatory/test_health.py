"""/healthz and /readyz, and the pulses that the Status page shows."""

import threading
import time
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from django.db import connection

from ingest import duties, timeline
from ingest.duties import Duty
from observatory import health
from tests.harness.installation import free_port

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def state(age: timedelta | None, *, started_at: datetime = LONG_AGO, duty: Duty = Duty.ROLL) -> str:
    beat_at = None if age is None else NOW - age
    return health.pulse_of(duty, beat_at, started_at=started_at, now=NOW).state


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(0, "fresh"), (150, "fresh"), (151, "late"), (-30, "fresh"), (-3600, "late")],
)
def test_a_beat_is_fresh_for_two_and_a_half_minutes_and_never_from_the_future(age_s, expected):
    assert state(timedelta(seconds=age_s)) == expected


def test_a_duty_that_never_beat_is_late():
    assert state(None) == "late"


def test_right_after_a_start_nobody_is_late():
    assert state(None, started_at=NOW - timedelta(seconds=100)) == "starting"
    assert state(timedelta(days=3), started_at=NOW - timedelta(seconds=100)) == "starting"
    assert state(None, started_at=NOW - timedelta(seconds=200)) == "late"


def test_partitions_are_made_hourly_and_may_be_three_hours_old():
    assert state(timedelta(hours=2), duty=Duty.PARTITIONS) == "fresh"
    assert state(timedelta(hours=4), duty=Duty.PARTITIONS) == "late"


def test_the_partitions_asked_for_reach_seven_days_ahead():
    wanted = health.wanted_partitions(datetime(2026, 3, 4, 12, tzinfo=UTC))
    assert {name for name in wanted if name.startswith("cost")} == {"cost_20260302", "cost_20260309"}
    assert len(wanted) == 2 * len(health.PARTITIONED)


@pytest.fixture
def beating():
    """Every duty has just done its work."""
    for duty in Duty:
        duties.beat(duty, timeline.now(), {})


def test_a_product_that_works_is_ready(beating):
    answers = health.readiness(timeline.now())
    assert list(answers) == ["database", "safety", "migrations", "partitions", "duties"]
    assert {name: check.detail for name, check in answers.items() if not check.ok} == {}


@pytest.mark.parametrize("stopped", list(Duty))
def test_each_duty_that_stops_is_named(beating, stopped, monkeypatch):
    monkeypatch.setattr(health.liveness, "started_at", None)
    duties.beat(stopped, timeline.now() - timedelta(hours=5), {})
    pulses = health.pulses(timeline.now())
    assert [pulse.duty for pulse in pulses if pulse.state == "late"] == [stopped.name.lower()]
    assert stopped.name.lower() in health.readiness(timeline.now())["duties"].detail
    assert not health.readiness(timeline.now())["duties"].ok


@pytest.mark.parametrize("table", ["interaction", "payload", "search", "feedback", "verdict", "cost"])
def test_missing_partitions_are_named(beating, table):
    check = health.readiness(timeline.now() + timedelta(days=60))["partitions"]
    assert not check.ok
    assert f" {table}_" in check.detail


def test_the_partitions_of_every_table_that_has_some_are_asked_for():
    with connection.cursor() as cursor:
        cursor.execute("SELECT partrelid::regclass::text FROM pg_catalog.pg_partitioned_table")
        assert {name for (name,) in cursor.fetchall()} == set(health.PARTITIONED)


def test_a_missing_migration_is_named_and_nothing_after_it_is_asked(monkeypatch):
    monkeypatch.setattr(health, "_migrated", threading.Event())
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda self, targets: [("alerts.0009_more", False)])
    answers = health.readiness(timeline.now())
    assert answers["migrations"] == health.Check(False, "not applied: alerts.0009_more")
    assert "duties" not in answers


def test_a_server_that_may_forget_is_not_ready(monkeypatch, beating):
    monkeypatch.setattr(health.checks, "weak_settings", lambda: ["fsync=off"])
    check = health.readiness(timeline.now())["safety"]
    assert not check.ok
    assert "observatory.E001" in check.detail


def test_the_running_web_answers_both(web, beating):
    alive = httpx2.get(f"{web}/healthz")
    assert (alive.status_code, alive.json()["status"]) == (200, "ok")
    ready = httpx2.get(f"{web}/readyz")
    assert ready.status_code == 200, ready.text
    assert ready.json()["checks"]["safety"] == {"ok": True, "detail": "durable, roles apart, queues there"}
    assert ready.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["healthz", "readyz"])
def test_a_health_check_changes_nothing(web, path):
    assert httpx2.post(f"{web}/{path}").status_code in {403, 405}


def test_a_web_without_a_database_lives_and_says_that_it_is_not_ready(installation):
    port = free_port()
    process = installation.web_process(
        "observatory.wsgi:application", port, DATABASE_URL="postgresql://observatory_app:word@127.0.0.1:1/observatory"
    )
    try:
        assert httpx2.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        asked_at = time.monotonic()
        ready = httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"]["ok"] is False
        assert time.monotonic() - asked_at < 6
    finally:
        process.terminate()
        process.wait(10)
