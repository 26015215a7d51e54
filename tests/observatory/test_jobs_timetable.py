"""The timetable names what exists, and Celery is set so that no message is ever the truth."""

import importlib.metadata
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from celery import Celery
from kombu.utils.imports import symbol_by_name

from ingest.duties import Duty
from observatory import health, timetable
from observatory.celery import app
from observatory.queues import NODES, QUEUES
from tests.harness.installation import free_port

ROOT = Path(__file__).resolve().parents[2]


def names_after(statement: str, installation) -> set[str]:
    """The modules a fresh process has loaded after one statement."""
    probe = f"{statement}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_every_duty_has_a_task_a_queue_and_a_period():
    duties = {duty.name.lower() for duty in Duty}
    assert set(timetable.TASKS) == set(timetable.PERIODS_S) == set(QUEUES) == duties
    assert set(health.PATIENCE) == set(Duty)


def test_every_task_can_be_found_by_its_name():
    app.loader.import_default_modules()
    assert set(timetable.TASKS.values()) <= set(app.tasks)


def test_every_task_goes_to_the_queue_of_its_duty():
    for duty, task in timetable.TASKS.items():
        assert app.amqp.router.route({}, task)["queue"].name == duty


def test_every_queue_is_served_by_one_node():
    assert sorted(queue for queues in NODES.values() for queue in queues) == sorted(QUEUES)
    assert "dispatch" not in NODES["measure"]


def test_a_message_expires_when_the_next_one_is_due():
    for entry in timetable.timetable().values():
        assert entry["options"]["expires"] == entry["schedule"]


@pytest.mark.parametrize("duty", ["roll", "evaluate", "dispatch"])
def test_what_people_wait_for_ticks_every_three_seconds_with_a_sweep_behind_it(duty):
    assert timetable.PERIODS_S[duty] == (3, 30)


def test_a_duty_is_called_late_only_after_several_missed_periods_and_within_three_minutes_when_it_ticks():
    for duty, patience in health.PATIENCE.items():
        slowest = max(timetable.PERIODS_S[duty.name.lower()])
        assert patience.total_seconds() >= 3 * slowest
        assert slowest >= timetable.HOUR_S or patience.total_seconds() < 180


def test_beat_begins_with_every_duty_at_once():
    scheduler = import_module("celery.beat").Scheduler(app=app, lazy=True)
    scheduler.setup_schedule()
    assert all(entry.is_due()[0] for entry in scheduler.schedule.values())
    assert {entry.task for entry in scheduler.schedule.values()} == set(timetable.TASKS.values())


def test_a_broker_that_is_away_is_one_line_and_one_when_it_is_back(caplog):
    entries = {f"{n}": {"task": f"task-{n}", "schedule": 3.0} for n in range(3)}
    one_try = {"set_as_current": False, "task_publish_retry": False, "broker_transport_options": {"max_retries": 0}}
    away, back = (
        Celery(**one_try, broker=url, beat_schedule=entries)
        for url in (f"redis://127.0.0.1:{free_port()}/0", "memory://")
    )
    scheduler = symbol_by_name(app.conf.beat_scheduler)(app=away, lazy=True)
    scheduler.setup_schedule()
    for current in (away, away, back, back):
        scheduler.app = current
        for entry in scheduler.schedule.values():
            scheduler.apply_entry(entry)
    said = [record for record in caplog.records if record.name in {"celery.beat", "observatory.beat"}]
    assert [record.levelname for record in said] == ["ERROR", "WARNING"], said
    assert "Connection refused" in said[0].getMessage()
    assert "\n" not in said[0].getMessage()
    assert said[0].exc_info is None


def test_a_task_is_acknowledged_after_its_work_and_leaves_no_result():
    conf = app.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_ignore_result
    assert conf.accept_content == ["json"]
    assert not conf.worker_enable_remote_control
    assert not conf.task_create_missing_queues
    assert conf.broker_connection_max_retries is None


def test_names_fit_where_postgresql_keeps_them():
    assert max(map(len, QUEUES)) <= 47
    assert max(len(f"celery@{node}") for node in NODES) <= 33


def test_migrations_made_the_queues_of_today_from_the_sql_of_todays_pgmq():
    # A newer pgmq needs a migration that brings installed databases to its SQL.
    from pgmq import get_embedded_sql_version

    made = [
        import_module(f"observatory.migrations.{path.stem}") for path in (ROOT / "observatory/migrations").glob("0*.py")
    ]
    assert {queue for migration in made for queue in getattr(migration, "QUEUES", ())} == set(QUEUES)
    assert (importlib.metadata.version("pgmq"), get_embedded_sql_version()) == ("1.1.4", "1.13.0")


def test_beat_loads_neither_djangos_apps_nor_any_task(installation):
    loaded = names_after("import observatory.timetable, celery.apps.beat", installation)
    assert "django.contrib.auth.models" not in loaded
    assert not set(loaded) & {"ingest.models", "ingest.tasks", "alerts.tasks", "numpy"}


def test_workers_start_without_what_only_some_slices_need(installation):
    loaded = names_after(
        "from observatory.celery import app; import celery.apps.worker; app.loader.import_default_modules()",
        installation,
    )
    assert "ingest.tasks" in loaded
    assert not set(loaded) & {"numpy", "scipy", "pandas", "plotly", "rest_framework.views", "dashboards.urls"}


def test_the_web_does_not_load_celery(installation):
    loaded = names_after("import observatory.wsgi, observatory.health_urls", installation)
    assert not set(loaded) & {"celery", "kombu", "pgmq"}


def test_an_unknown_job_is_refused_with_the_list_of_those_that_exist(capsys):
    from observatory import jobs

    assert jobs.main(["sweep"]) == 2
    assert "measure|tell|beat" in capsys.readouterr().err
