"""Users' months are what their days add up to, whatever changes the days; and a verification that would tell."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, day_start, local_day
from observatory.metrics import expiring, months, series, user_bits, user_months, verify, verify_months, verify_sets
from tests.observatory.metrics.crowd import NOW, Crowd, generate, roll, sent_in_halves

MONTH = months.month_of(local_day(NOW, "UTC"))


def differences(project: Project, zone: str = "UTC") -> list[str]:
    """What differs in the months of 42 days, by no mark excused."""
    found: list[str] = []
    with project_scope(project.pk):
        for back in range(42):
            compared = verify_months.compare(local_day(NOW, zone) - back * DAY)
            assert compared.waiting == 0
            found += compared.differing + verify_sets.differing(local_day(NOW, zone) - back * DAY)
    return found


def test_months_equal_the_days_after_a_change_of_the_time_zone(project: Project) -> None:
    crowd = generate(10, Window(NOW - 40 * DAY, NOW), 15, "UTC")
    sent_in_halves(project, crowd)
    assert differences(project) == []
    Project.objects.filter(pk=project.pk).update(time_zone="Pacific/Kiritimati")
    project.refresh_from_db()
    roll(project)
    assert differences(project, "Pacific/Kiritimati") == []
    moved = Crowd("Pacific/Kiritimati", crowd.interactions, crowd.costs)
    first = months.month_of(local_day(NOW, moved.zone) - 31 * DAY)
    with project_scope(project.pk):
        start = day_start(first, moved.zone)
        found = series.users(Window(start, day_start(months.month_after(first), moved.zone)), now=NOW)
    assert found.users == len(moved.spent(first, months.last_of(first)))
    assert found.total_usd == pytest.approx(moved.spent(first, months.last_of(first)).sum() / 1e9)


def test_days_that_are_no_longer_kept_leave_their_months_too(project: Project) -> None:
    crowd = generate(11, Window(NOW - 40 * DAY, NOW), 15, "UTC")
    crowd.send(project)
    roll(project)
    before = local_day(NOW, "UTC") - 20 * DAY
    with project_scope(project.pk):
        gone = expiring._delete(expiring.USERS, before)
    roll(project)
    assert differences(project) == []
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM user_day WHERE project_id = %s", [project.pk])
        assert cursor.fetchone()[0] > 0 < gone
        cursor.execute("SELECT sum(calls) FROM user_month WHERE project_id = %s AND is_whole", [project.pk])
        (kept,) = cursor.fetchone()
    assert int(kept) == int((crowd.table.day >= before).sum())


def breaks_a_month(project: Project) -> None:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE user_month SET cost_nano = cost_nano + 1 WHERE ctid = (SELECT ctid FROM user_month"
            " WHERE project_id = %s AND cluster = 'user-001' ORDER BY month DESC LIMIT 1)",
            [project.pk],
        )
        assert cursor.rowcount == 1


def loses_a_day(project: Project) -> None:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("UPDATE user_month SET active_days = 0 WHERE project_id = %s AND is_user", [project.pk])


def loses_the_marks(project: Project) -> None:
    """The bug `a change without its mark`: what comes late is in the days and never in the months."""
    crowd = generate(12, Window(NOW - 5 * DAY, NOW), 3, "UTC")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_months, "marking", lambda change: change)
        crowd.interactions = [{**row, "id": f"late-{row['id']}"} for row in crowd.interactions]
        crowd.costs = []
        crowd.send(project)
        roll(project)


def loses_a_user_of_a_set(project: Project) -> None:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE user_set SET users = %s WHERE project_id = %s AND NOT is_month AND feature_id = -1",
            [user_bits.packed(b"\1"), project.pk],
        )


def loses_a_month_of_sets(project: Project) -> None:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM user_set WHERE project_id = %s AND is_month AND feature_id = -1", [project.pk])


def loses_a_number(project: Project) -> None:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM user_number WHERE project_id = %s AND number = 0", [project.pk])


@pytest.mark.parametrize(
    "breaks",
    [breaks_a_month, loses_a_day, loses_the_marks, loses_a_user_of_a_set, loses_a_month_of_sets, loses_a_number],
)
def test_the_verification_finds_months_that_are_not_their_days(project: Project, breaks: Any) -> None:
    crowd = generate(12, Window(NOW - 5 * DAY, NOW), 6, "UTC")
    crowd.send(project)
    roll(project)
    assert differences(project) == []
    breaks(project)
    assert differences(project) != []


def test_the_verification_of_a_day_tells_of_months(project: Project) -> None:
    generate(12, Window(NOW - 2 * DAY, NOW), 6, "UTC").send(project)
    roll(project)
    breaks_a_month(project)
    found = [
        difference for day in verify.days_of(project, NOW) for difference in verify.verify(project, day).differences
    ]
    assert [difference.what for difference in found] == ["user month"]
    assert "'user-001'" in found[0].reason


def test_what_is_behind_goes_on_at_every_tick_and_rests_after_long_slices(project: Project, monkeypatch: Any) -> None:
    clock = [1000.0]
    monkeypatch.setattr(user_months, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(user_months, "PAIRS_AT_ONCE", 2)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO unmerged_user (project_id, month, cluster) SELECT %s, %s, n::text FROM generate_series(1, 5) n",
            [project.pk, MONTH],
        )

        def waiting_after(*, is_due: bool = False, seconds: float = 0.0) -> tuple[bool, int]:
            is_left = user_months.merge_due(is_due=is_due, is_everything=False)
            clock[0] += seconds
            return is_left, user_months.waiting([MONTH], 9)

        assert waiting_after() == (False, 5)
        assert waiting_after(is_due=True) == (True, 3)
        monkeypatch.setattr(user_months, "replace", slow := Slower(user_months.replace, clock))
        assert waiting_after() == (True, 1)
        assert waiting_after(seconds=2.0) == (False, 1)
        assert waiting_after(seconds=9.0) == (False, 1)
        assert waiting_after() == (False, 0)
        assert slow.calls == 2


class Slower:
    """A function that takes a second by a clock of our own."""

    def __init__(self, work: Any, clock: list[float]) -> None:
        self.work, self.clock, self.calls = work, clock, 0

    def __call__(self, *arguments: Any) -> None:
        self.calls += 1
        self.work(*arguments)
        self.clock[0] += 1.0
