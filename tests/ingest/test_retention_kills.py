"""Whoever kills retention at any point finds the same state once it has ended; with the order reversed he would not."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from unittest import mock

import pytest
from django.db import connection

from ingest import timeline, turns
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention import accounts, duty, horizons, sweeps
from ingest.timeline import DAY, HOUR
from observatory import retaining
from tests.ingest import retained
from tests.ingest.retained import LEFT, retain, roll, rollups, shortened

ROOT = Path(__file__).resolve().parents[2]
NOW = timeline.now()
MINUTES = timedelta(minutes=3)


@pytest.fixture
def short(project: Project) -> Project:
    return shortened(project, NOW)


class Killed(Exception):
    """What stands for the end of the process."""


STEPS: dict[str, str] = {
    "announcing": "ingest.retention.accounts.announce",
    "looking whether all is counted": "observatory.metrics.freezing._is_settled",
    "moving the raw horizon": "ingest.retention.accounts.move_raw_horizon",
    "moving the text horizon": "ingest.retention.accounts.move_text_horizon",
    "deleting": "ingest.retention.sweeps.delete",
    "deleting keys": "ingest.retention.sweeps._delete_keys",
    "clearing texts": "ingest.retention.clearing.clear",
    "deleting late events": "ingest.retention.sweeps.delete_late",
    "closing the account": "ingest.retention.accounts.save_swept",
    "dropping weeks": "ingest.retention.weeks.drop",
}


@contextmanager
def killed_at(place: str, *, after: bool) -> Iterator[None]:
    """Die before or after the first call of a function."""
    module, _, name = place.rpartition(".")
    real = getattr(import_module(module), name)

    def dying(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        raise Killed(place)

    with mock.patch(place, dying):
        yield


def run_until_killed(project: Project, place: str, *, after: bool, steps=retaining.STEPS) -> None:
    """Run the duty as a process would that dies there; what one failing project hides must come out here."""
    with (
        killed_at(place, after=after),
        mock.patch.object(turns.log, "exception", _raise),
        pytest.raises(Killed),
    ):
        retain(project, NOW, steps=steps)


def _raise(*_: object) -> None:
    raise  # noqa: PLE0704 - called where the exception is being handled


BEFORE = ("moving the raw horizon", "deleting keys", "closing the account")


@pytest.mark.parametrize(
    ("step", "after"),
    [*((step, True) for step in STEPS), *((step, False) for step in BEFORE)],
    ids=[*(f"after {step}" for step in STEPS), *(f"before {step}" for step in BEFORE)],
)
def test_a_kill_at_any_step_ends_in_the_same_state(short, step, after):
    before = rollups(short)
    with mock.patch.object(sweeps, "PORTION", 2):
        run_until_killed(short, STEPS[step], after=after)
        assert_nothing_is_half_gone(short)
        check_a_late_writer_wipes_nothing(short, before)
        retain(short, NOW + MINUTES)
    assert retained.counts(short) == LEFT
    assert rollups(short) == before


def assert_nothing_is_half_gone(project: Project) -> None:
    """Every record has its key, and every key its record."""
    counted = retained.counts(project)
    assert counted["record_key"] == sum(counted[name] for name in ("interaction", "feedback", "cost", "user_event"))


def check_a_late_writer_wipes_nothing(project: Project, before) -> None:
    """Somebody marks an old bucket while retention is cut off in the middle: its sums stay what they were."""
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dirty_bucket (project_id, bucket, facts) SELECT %s, date_trunc('minute', %s::timestamptz), 1",
            [project.pk, NOW - 50 * DAY - HOUR],
        )
        cursor.execute(
            "INSERT INTO dirty_user (project_id, quarter, cluster) VALUES (%s, %s, 'u0')",
            [project.pk, NOW - 50 * DAY - HOUR],
        )
    roll(project, NOW + MINUTES)
    assert rollups(project) == before


def delete_before_the_horizon_moves(now, *, only=None, budget_s=2.0):
    """The planted bug: rows go by where the horizon should stand, and it moves afterwards."""
    real = accounts.standings

    def ahead(only=None):
        from dataclasses import replace

        found = real(only)
        return [replace(one, raw_horizon=horizons.target(one.raw_days, one.time_zone, now)) for one in found]

    with mock.patch.object(accounts, "standings", ahead):
        return duty.run(now, only=only, budget_s=budget_s)


def test_with_the_order_reversed_the_check_fails(short):
    planted = (f"{__name__}.delete_before_the_horizon_moves", "observatory.metrics.freezing.advance")
    before = rollups(short)
    with mock.patch.object(retaining, "import_string", _import_from_here):
        run_until_killed(short, "ingest.retention.accounts.save_swept", after=False, steps=planted)
    with pytest.raises(AssertionError):
        check_a_late_writer_wipes_nothing(short, before)


def _import_from_here(path: str):
    from django.utils.module_loading import import_string

    name = path.rpartition(".")[2]
    return globals()[name] if path.startswith(__name__) else import_string(path)


DYING = """
import sys, django
django.setup()
from datetime import datetime
from ingest.retention import sweeps
from observatory import retaining
sweeps.PORTION, calls, real = 2, [0], sweeps._delete_keys
def slow(kind, ids):
    real(kind, ids)
    calls[0] += 1
    if calls[0] == 2:
        print("in the middle", flush=True)
        sys.stdin.read()
sweeps._delete_keys = slow
retaining.retain(datetime.fromisoformat(sys.argv[1]), only=[int(sys.argv[2])], budget_s=60)
"""


@pytest.mark.fault
def test_after_a_real_kill_inside_a_portion_the_next_process_ends_it(short, installation):
    before = rollups(short)
    retaining.retain(NOW, only=[short.pk])
    words = [sys.executable, "-c", DYING, (NOW + MINUTES).isoformat(), str(short.pk)]
    environment = {**installation.environment, "OBSERVATORY_ROLE": "jobs"}
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "in the middle\n"
        process.send_signal(signal.SIGKILL)
    assert_nothing_is_half_gone(short)
    assert retained.counts(short)["interaction"] == 7
    check_a_late_writer_wipes_nothing(short, before)
    retaining.retain(NOW + 2 * MINUTES, only=[short.pk], budget_s=60)
    assert retained.counts(short)["interaction"] == 6
    assert_nothing_is_half_gone(short)
    assert rollups(short) == before
