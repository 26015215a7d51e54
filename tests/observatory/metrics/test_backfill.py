"""Counting a range of days again, and verifying one: as far as raw rows reach, and on from where a run was interrupted."""

import json
import threading
from collections.abc import Iterator
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import override_settings

from ingest import timeline
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, day_start, local_day
from observatory.management.commands import verify_rollups
from observatory.metrics import backfill, resuming, roller, store, verify
from observatory.metrics.backfill import Stride
from observatory.metrics.resuming import Place
from tests.factories import interactions

NOW = timeline.now()
TODAY = local_day(NOW, "UTC")
ADDED = "UPDATE user_day SET calls = calls + 1 WHERE project_id = %s"
LOST = "DELETE FROM sheet WHERE project_id = %s"


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with override_settings(DATA_DIR=tmp_path):
        yield tmp_path


@pytest.fixture
def spoilt(project: Project, data_dir: Path, monkeypatch: Any) -> Project:
    """Four days of calls, rolled up and then falsified behind the roller's back; portions only grow."""
    monkeypatch.setattr(backfill, "REST", 0)
    monkeypatch.setattr(backfill, "SHORT_S", 600)
    at = [day_start(TODAY - n * DAY, "UTC") + n * HOUR for n in range(4)]
    interactions(project, [{"at": one, "feature": "chat", "user_id": "ann", "latency_ms": 1.0} for one in at])
    roller.roll(timeline.now(), only=[project.pk], everything=True)
    execute(project, LOST)
    execute(project, ADDED)
    return project


def execute(project: Project, order: str) -> None:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(order, [project.pk])


def run(name: str, project: Project, **options: Any) -> str:
    out = StringIO()
    call_command(name, project=project.slug, stdout=out, stderr=out, **options)
    return out.getvalue()


def differing_days(project: Project) -> set[date]:
    return {day for day in verify.days_of(project, NOW) if verify.verify(project, day).differences}


def ago(days: int) -> str:
    return (TODAY - days * DAY).isoformat()


def test_a_range_is_counted_again_and_no_other_day(spoilt):
    assert differing_days(spoilt) == {TODAY - n * DAY for n in range(4)}
    said = run("backfill_rollups", spoilt, start=ago(2), end=ago(0))
    assert said.startswith("2 days: ")
    assert differing_days(spoilt) == {TODAY, TODAY - 3 * DAY}
    run("backfill_rollups", spoilt, start=ago(30))
    assert differing_days(spoilt) == set()


def test_frozen_days_stay_as_they_are(spoilt):
    Project.objects.filter(pk=spoilt.pk).update(raw_horizon=day_start(TODAY - DAY, "UTC"))
    run("backfill_rollups", spoilt, start=ago(30))
    with project_scope(spoilt.pk), connection.cursor() as cursor:
        cursor.execute("SELECT day, calls FROM user_day WHERE project_id = %s ORDER BY day", [spoilt.pk])
        assert [calls for _, calls in cursor.fetchall()] == [2, 2, 1, 1]
        cursor.execute("SELECT count(*) FROM dirty_bucket WHERE project_id = %s", [spoilt.pk])
        assert cursor.fetchone() == (0,)


def test_rows_that_have_no_calls_any_more_go(spoilt):
    run("backfill_rollups", spoilt, start=ago(9))
    execute(spoilt, "DELETE FROM interaction WHERE project_id = %s")
    run("backfill_rollups", spoilt, start=ago(9))
    with project_scope(spoilt.pk), connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM sheet WHERE project_id = %(p)s), (SELECT count(*) FROM user_day WHERE project_id = %(p)s)",
            {"p": spoilt.pk},
        )
        assert cursor.fetchone() == (0, 0)


class Killed(BaseException):
    """What ends a process at once."""


@pytest.fixture
def killed_after_two_days(monkeypatch: Any) -> list[date]:
    """Each of both commands dies when it has done two days; gives the days that were begun."""
    begun: list[date] = []

    def mortal(work: Any) -> Any:
        def one(project: Project, day: date, *rest: Any) -> Any:
            if len(begun) == 2:
                begun.append(day)
                raise Killed
            begun.append(day)
            return work(project, day, *rest)

        return one

    monkeypatch.setattr(backfill, "backfill", mortal(backfill.backfill))
    monkeypatch.setattr(verify, "verify", mortal(verify.verify))
    return begun


def test_a_backfill_that_was_killed_goes_on_where_it_was(spoilt, killed_after_two_days):
    with pytest.raises(Killed):
        run("backfill_rollups", spoilt, start=ago(9))
    said = run("backfill_rollups", spoilt, start=ago(9))
    assert f"Going on after {ago(2)}: 2 days were counted before." in said
    assert "4 days: " in said
    assert killed_after_two_days == [TODAY - n * DAY for n in (3, 2, 1, 1, 0)]


def test_a_verification_that_was_killed_goes_on_and_tells_what_it_had_found(
    spoilt, data_dir, killed_after_two_days, monkeypatch
):
    monkeypatch.setattr(verify_rollups, "SHOWN", 100)
    with pytest.raises(Killed):
        run("verify_rollups", spoilt, all=True)
    out = StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("verify_rollups", project=spoilt.slug, all=True, stdout=out, stderr=out)
    assert exit_.value.code == 1
    assert killed_after_two_days == [TODAY - n * DAY for n in (3, 2, 1, 1, 0)]
    users = [line for line in out.getvalue().splitlines() if "user row" in line and "cluster 'ann'" in line]
    assert len(users) == 4, "those of both runs"
    assert list((data_dir / resuming.FOLDER).iterdir()) == [], "a run that came to its end leaves nothing"


def test_other_words_or_a_day_later_begin_anew(data_dir):
    walk = resuming.opened(data_dir, "x", "all", NOW)
    walk.reached(Place(1, TODAY), NOW, {"days": 1})
    walk.leave()
    for of, now, last in (("all", NOW + HOUR, Place(1, TODAY)), ("some", NOW, None), ("all", NOW + DAY, None)):
        found = resuming.opened(data_dir, "x", of, now)
        assert found.last == last
        found.leave()


def test_the_same_command_twice_at_once_and_a_broken_account_begin_anew(data_dir):
    first = resuming.opened(data_dir, "x", "all", NOW)
    first.reached(Place(1, TODAY), NOW, {})
    assert resuming.opened(data_dir, "x", "all", NOW).last is None
    first.leave()
    (data_dir / resuming.FOLDER / "x.json").write_text('{"of": "al')
    assert resuming.opened(data_dir, "x", "all", NOW).last is None


def test_without_a_place_to_write_it_works_all_the_same(data_dir):
    (data_dir / resuming.FOLDER).write_text("a file where a folder should be")
    walk = resuming.opened(data_dir, "x", "all", NOW)
    walk.reached(Place(1, TODAY), NOW, {})
    walk.end()


def test_verification_of_a_range_leaves_other_days_out(spoilt):
    run("backfill_rollups", spoilt, start=ago(2), end=ago(0))
    assert "0 differing of " in run("verify_rollups", spoilt, start=ago(2), end=ago(0))
    with pytest.raises(SystemExit):
        run("verify_rollups", spoilt, end=ago(2))
    assert "0 differing of " in run("verify_rollups", spoilt, start=ago(1), now=(NOW - DAY).isoformat())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": "soon"}, "--from soon: not a day"),
        ({"start": ago(1), "end": ago(1)}, "--from has to be before --to"),
        ({"start": ago(1), "now": "soon"}, "--now soon"),
        ({"start": ago(1), "now": "2999-01-01T00:00:00Z"}, "lies in the future"),
    ],
)
@pytest.mark.parametrize("command", ["verify_rollups", "backfill_rollups"])
def test_days_that_cannot_be_are_refused(project, data_dir, command, options, said):
    with pytest.raises(CommandError, match=said):
        run(command, project, **options)


def test_live_minutes_are_counted_while_a_backfill_goes_on(spoilt, monkeypatch):
    """What is sent while one portion is counted is in the rollups after the next, though the backfill is not done."""
    portions = 0
    honest = roller.roll

    def send() -> None:
        interactions(spoilt, [{"at": timeline.floor(timeline.now(), MINUTE), "feature": "chat"}])
        connections.close_all()

    seen: list[bool] = []

    def rolled(*arguments: Any, **options: Any) -> Any:
        nonlocal portions
        portions += 1
        sender = threading.Thread(target=send)
        sender.start()
        sender.join()
        report = honest(*arguments, **options)
        with project_scope(spoilt.pk):
            seen.append(not store.due_marks(timeline.EPOCH, NOW - 2 * MINUTE, None, 10))
        return report

    monkeypatch.setattr(roller, "roll", rolled)
    backfill.backfill(spoilt, TODAY - 2 * DAY, Stride(length=6 * HOUR), timeline.now)
    assert portions >= 2
    assert all(seen)


def test_portions_are_as_long_as_a_second_allows():
    stride = Stride()
    for _ in range(9):
        stride.took(0.01)
    assert stride.length == backfill.LONGEST
    for _ in range(20):
        stride.took(1000 * (stride.length / DAY))
    assert stride.length == backfill.SHORTEST


def test_portions_that_are_slow_whatever_their_length_do_not_become_ever_shorter():
    """Few rows on a busy machine: a quarter of an hour would take as long as six hours."""
    stride = Stride(6 * HOUR)
    lengths = []
    for _ in range(20):
        stride.took(2.0)
        lengths.append(stride.length)
    assert min(lengths) >= 3 * HOUR


def test_the_account_is_a_file_that_says_where_it_is(data_dir):
    walk = resuming.opened(data_dir, "x", "all", NOW)
    walk.reached(Place(7, TODAY), NOW, {"days": 1})
    told = json.loads((data_dir / resuming.FOLDER / "x.json").read_text())
    assert (told["project"], told["day"], told["told"]) == (7, TODAY.isoformat(), {"days": 1})
    walk.end()
    assert not (data_dir / resuming.FOLDER / "x.json").exists()
