"""What must hold before the product may run."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import SystemCheckError
from django.db import connection

from ingest.management.base import OWN_CHECKS
from observatory import checks

ROOT = Path(__file__).resolve().parents[2]
OURS = {"ingest", "observatory", "alerts", "dashboards"}
MAKERS = {"up", "prepare", "backup", "restore"}
"""The commands that make, or carry away, what would be checked."""


def ids() -> list[str]:
    return [message.id for message in run_checks(tags=["database"], databases=["default"])]


def test_a_right_installation_has_no_problem():
    assert ids() == []


def test_nothing_is_asked_of_the_database_unless_it_is_named():
    assert checks.database_is_safe(None) == []


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
def test_a_server_that_may_forget_is_refused(value):
    with connection.cursor() as cursor:
        cursor.execute(f"SET synchronous_commit = {value}")
    try:
        assert checks.weak_settings() == [f"synchronous_commit={value}"]
        assert "observatory.E001" in ids()
    finally:
        connection.close()


def test_the_jobs_role_is_bound_by_row_level_security():
    assert checks.too_strong_roles() == []


def test_a_missing_queue_is_named(monkeypatch):
    monkeypatch.setattr(checks, "QUEUES", ("roll", "tidy"))
    assert checks.missing_queues() == ["tidy"]
    assert ids() == ["observatory.E003"]


def test_another_broker_needs_no_queues_here(monkeypatch):
    monkeypatch.setattr(checks, "QUEUES", ("tidy",))
    monkeypatch.setattr(checks.settings, "BROKER_URL", "redis://valkey")
    assert checks.missing_queues() == []


def test_the_owner_is_asked_for_durability_alone(monkeypatch):
    monkeypatch.setattr(checks.settings, "ROLE", "owner")
    monkeypatch.setattr(checks, "QUEUES", ("tidy",))
    assert ids() == []


def test_every_command_runs_our_checks_alone():
    ours = {name: app for name, app in get_commands().items() if app.split(".")[0] in OURS}
    asked = {name: load_command_class(app, name).requires_system_checks for name, app in ours.items()}
    assert {name for name, tags in asked.items() if tags != (OWN_CHECKS,)} == MAKERS
    assert all(asked[name] == () for name in MAKERS)


def test_a_command_refuses_to_run_without_the_masker_it_was_given(monkeypatch):
    def lost():
        raise ImproperlyConfigured("OBSERVATORY_MASKER=lost")

    monkeypatch.setattr(checks.redacting, "own_masker", lost)
    with pytest.raises(SystemCheckError, match=r"observatory\.E004\) OBSERVATORY_MASKER=lost"):
        call_command("create_project", "Masked", skip_checks=False)


@pytest.mark.parametrize("path", ["nowhere.masker:mask", "json:nothing"])
def test_the_web_refuses_to_start_without_the_masker_it_was_given(installation, path):
    done = subprocess.run(
        [sys.executable, "-c", "import observatory.wsgi"],
        cwd=ROOT,
        env={**installation.environment, "OBSERVATORY_MASKER": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"observatory.E004: OBSERVATORY_MASKER={path}" in done.stderr


def test_the_web_refuses_a_role_that_its_walls_do_not_bind(installation):
    done = subprocess.run(
        [sys.executable, "-c", "import observatory.wsgi"],
        cwd=ROOT,
        env={**installation.environment, "DATABASE_URL": installation.server.urls.owner},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "observatory.E002" in done.stderr
    assert "observatory_owner" in done.stderr
