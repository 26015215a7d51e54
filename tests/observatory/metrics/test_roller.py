"""The roller's laws: nothing is lost, nothing is counted twice, old marks wait, and one failure stays alone."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections

from ingest import partitions
from ingest.binding import Bound
from ingest.dimensions import Facts, FeedbackKind
from ingest.models import ChangeEvent
from ingest.projects.models import Feature, Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, QUARTER, WEEK, Window, floor, local_day, week_start
from observatory.metrics import recompute, roller, series, store, verify
from observatory.metrics.windows import Level
from tests.factories import interactions, verdicts

NOW = floor(datetime.now(UTC), DAY) - 2 * DAY + timedelta(hours=13, minutes=7, seconds=20)
SECOND = timedelta(seconds=1)


def elsewhere(work: Callable[[], Any]) -> None:
    """Do something over another connection, as another process would, and wait for it."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def send(project: Project, *instants: datetime, **row: Any) -> list[str]:
    return interactions(project, [{"at": at, "feature": "write-draft", "user_id": "u", **row} for at in instants])


def calls(project: Project, window: Window, now: datetime = NOW) -> float | None:
    with project_scope(project.pk):
        return series.reading("calls", window, now=now).value


def roll(project: Project, now: datetime = NOW, **options: Any) -> roller.RollReport:
    return roller.roll(now, only=[project.pk], **options)


def levels(project: Project) -> dict[Level, set[datetime]]:
    """The buckets of interactions that are stored at each level."""
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT level, bucket FROM sheet WHERE project_id = %s AND facts = 1", [project.pk])
        found: dict[Level, set[datetime]] = {level: set() for level in Level}
        for level, bucket in cursor.fetchall():
            found[Level(level)].add(bucket)
    return found


def differences(project: Project, now: datetime = NOW) -> list[verify.Difference]:
    return [found for day in verify.days_of(project, now) for found in verify.verify(project, day).differences]


def test_an_event_is_counted_once_however_often_it_is_rolled(project: Project) -> None:
    send(project, NOW - 3 * MINUTE, NOW - 3 * MINUTE, NOW - HOUR, NOW - 5 * DAY)
    for _ in range(3):
        roll(project, everything=True)
        with project_scope(project.pk):
            store.set_unmerged(Level.DAY, Facts.INTERACTIONS, [floor(NOW - 5 * DAY, DAY)])
        send(project, NOW - 7 * DAY)
    roll(project, everything=True)
    assert calls(project, Window(NOW - 6 * DAY, NOW)) == 4
    assert calls(project, Window(NOW - 8 * DAY, NOW)) == 7
    assert differences(project) == []


def test_what_is_committed_after_the_read_is_counted_by_the_next_run(project: Project, monkeypatch: Any) -> None:
    send(project, NOW - MINUTE)
    monkeypatch.setattr(recompute, "recompute", then_once(recompute.recompute, lambda: send(project, NOW - MINUTE)))
    roll(project)
    assert calls(project, Window(NOW - HOUR, NOW)) == 1
    roll(project)
    assert calls(project, Window(NOW - HOUR, NOW)) == 2
    assert differences(project) == []


def test_what_is_committed_between_claim_and_read_is_counted_at_once(project: Project, monkeypatch: Any) -> None:
    send(project, NOW - MINUTE)
    monkeypatch.setattr(store, "claim", then_once(store.claim, lambda: send(project, NOW - MINUTE)))
    roll(project)
    assert calls(project, Window(NOW - HOUR, NOW)) == 2


def then_once(function: Callable[..., Any], afterwards: Callable[[], Any]) -> Callable[..., Any]:
    """The function, after whose first call something happens elsewhere."""
    todo = [afterwards]

    def both(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        if todo:
            elsewhere(todo.pop())
        return result

    return both


def test_a_run_that_dies_leaves_its_marks(project: Project, monkeypatch: Any) -> None:
    send(project, NOW - MINUTE)
    with monkeypatch.context() as broken:
        broken.setattr(store, "replace", lambda *_: 1 / 0)
        report = roll(project)
    assert (report.failed, report.left) == (1, True)
    assert calls(project, Window(NOW - HOUR, NOW)) is None
    assert roll(project).buckets == 1
    assert calls(project, Window(NOW - HOUR, NOW)) == 1


def test_one_failing_project_does_not_stop_the_others(make_project: Any, monkeypatch: Any) -> None:
    bad, good = make_project(), make_project()
    send(bad, NOW - MINUTE)
    send(good, NOW - MINUTE)
    begin = roller._begin

    def poisoned(project: Project, *arguments: Any) -> Any:
        return 1 / 0 if project.pk == bad.pk else begin(project, *arguments)

    monkeypatch.setattr(roller, "_begin", poisoned)
    report = roller.roll(NOW, only=[bad.pk, good.pk])
    assert (report.failed, report.buckets) == (1, 1)
    assert calls(good, Window(NOW - HOUR, NOW)) == 1


def test_a_second_roller_leaves_the_project_to_the_first(project: Project) -> None:
    send(project, NOW - MINUTE)
    reports = []
    with project_scope(project.pk):
        store.lock(wait=True)
        elsewhere(lambda: reports.append(roll(project)))
    assert reports == [roller.RollReport(left=True)]
    assert roll(project).buckets == 1


def test_a_spent_budget_leaves_the_rest_to_the_next_run(project: Project) -> None:
    send(project, NOW - MINUTE)
    assert roll(project, budget_s=-1.0) == roller.RollReport(left=True)
    assert roll(project).buckets == 1


def test_older_marks_wait_a_minute_and_late_ones_a_quarter_of_an_hour(project: Project) -> None:
    roll(project, NOW)
    send(project, NOW, NOW - HOUR, NOW - 3 * DAY)
    assert roll(project, NOW + 3 * SECOND).buckets == 1
    assert roll(project, NOW + 59 * SECOND).buckets == 0
    assert roll(project, NOW + 61 * SECOND).buckets == 1
    assert roll(project, NOW + 14 * MINUTE).buckets == 0
    assert roll(project, NOW + 16 * MINUTE).buckets == 1
    assert calls(project, Window(NOW - 4 * DAY, NOW + HOUR), NOW + HOUR) == 3


def test_a_history_that_somebody_sends_is_not_left_to_the_late_run(project: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(store, "HISTORY", 2)
    roll(project, NOW)
    send(project, NOW - 3 * DAY, NOW - 6 * DAY)
    assert [roll(project, NOW + late * SECOND).buckets for late in (59, 62)] == [0, 2]


def test_everything_does_not_wait(project: Project) -> None:
    roll(project, NOW)
    send(project, NOW - HOUR, NOW - 3 * DAY)
    assert roll(project, NOW + SECOND, everything=True).buckets == 2


def test_an_event_older_than_the_kept_minutes_is_counted_in_its_quarter(project: Project) -> None:
    old, fresh = floor(NOW - 3 * DAY, QUARTER) + 7 * MINUTE, NOW - 2 * MINUTE
    send(project, old, fresh)
    roll(project, everything=True)
    stored = levels(project)
    assert stored[Level.MINUTE] == {floor(fresh, MINUTE)}
    assert stored[Level.QUARTER] == {floor(old, QUARTER)}
    assert stored[Level.DAY] == {floor(old, DAY)}


def test_the_open_quarter_and_day_are_read_from_minutes_and_stored_when_closed(project: Project) -> None:
    quarter = floor(NOW, QUARTER)
    send(project, quarter + MINUTE, quarter - MINUTE)
    roll(project, everything=True)
    assert levels(project)[Level.QUARTER] == {quarter - QUARTER}
    assert calls(project, Window(floor(NOW, DAY), NOW)) == 2
    roll(project, quarter + QUARTER, everything=True)
    assert levels(project)[Level.QUARTER] == {quarter - QUARTER, quarter}
    assert levels(project)[Level.DAY] == set()
    roll(project, floor(NOW, DAY) + DAY, everything=True)
    assert levels(project)[Level.DAY] == {floor(NOW, DAY)}
    assert differences(project) == []


def test_a_late_event_of_a_merged_day_shows_before_the_day_is_merged_again(project: Project) -> None:
    yesterday = floor(NOW, DAY) - 3 * HOUR
    send(project, yesterday)
    roll(project, everything=True)
    send(project, yesterday + MINUTE)
    # Sixty seconds later the minute is counted; its quarter is merged and its day waits.
    roll(project, NOW + 61 * SECOND)
    assert calls(project, Window(floor(NOW, DAY) - DAY, NOW)) == 2
    with project_scope(project.pk):
        assert store.unmerged(Level.DAY)[Facts.INTERACTIONS] == [floor(NOW, DAY) - DAY]
    roll(project, NOW + 16 * MINUTE)
    with project_scope(project.pk):
        assert store.unmerged(Level.DAY)[Facts.INTERACTIONS] == []
    assert calls(project, Window(floor(NOW, DAY) - DAY, NOW)) == 2
    assert differences(project) == []


def test_minutes_are_dropped_after_two_days_and_their_quarters_stay(project: Project) -> None:
    send(project, NOW - HOUR)
    roll(project, everything=True)
    later = NOW + timedelta(hours=50)
    roll(project, later)
    assert levels(project)[Level.MINUTE] == set()
    assert calls(project, Window(NOW - DAY, later), later) == 1
    # An earlier instant of evaluation must not bring minutes back that nobody has counted.
    send(project, NOW - HOUR + MINUTE)
    roll(project, NOW, everything=True)
    assert levels(project)[Level.MINUTE] == set()
    assert calls(project, Window(NOW - DAY, later), later) == 2
    assert differences(project, later) == []


def test_a_bucket_whose_rows_are_gone_has_no_sheet(project: Project) -> None:
    (name,) = send(project, NOW - MINUTE)
    send(project, NOW - 2 * MINUTE)
    roll(project, everything=True)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM interaction WHERE project_id = %s AND id = %s", [project.pk, name])
        cursor.execute(
            "INSERT INTO dirty_bucket (project_id, bucket, facts) VALUES (%s, %s, 1)",
            [project.pk, floor(NOW - MINUTE, MINUTE)],
        )
    roll(project, everything=True)
    assert levels(project)[Level.MINUTE] == {floor(NOW - 2 * MINUTE, MINUTE)}
    assert calls(project, Window(NOW - HOUR, NOW)) == 1


def test_it_says_how_far_everything_committed_is_counted(project: Project) -> None:
    send(project, NOW - MINUTE)
    roll(project)
    with project_scope(project.pk):
        cover = series.coverage(NOW)
    assert cover.complete_to == NOW
    assert cover.last_interaction_at == NOW - MINUTE
    assert cover.mature_to == NOW - DAY
    send(project, NOW - HOUR)
    later = NOW + 3 * SECOND
    roll(project, later)
    with project_scope(project.pk):
        assert series.coverage(later).complete_to == floor(NOW - HOUR, MINUTE)
        points = series.series("calls", Window(NOW - 2 * HOUR, NOW), "15m", now=later)
    assert [point.complete for point in points] == [point.window.end <= floor(NOW - HOUR, MINUTE) for point in points]
    roll(project, NOW + 61 * SECOND)
    with project_scope(project.pk):
        assert series.coverage(NOW + 61 * SECOND).complete_to == NOW + 61 * SECOND


def test_waiting_feedback_holds_maturity_back_but_not_completeness(project: Project) -> None:
    (name,) = send(project, NOW - 30 * HOUR)
    roll(project, everything=True)
    verdicts(project, [{"interaction": name, "kind": int(FeedbackKind.THUMB), "value": 1.0}])
    later = NOW + MINUTE
    roll(project, later)
    with project_scope(project.pk):
        cover = series.coverage(later)
    assert cover.complete_to == later
    assert cover.mature_to == floor(NOW - 30 * HOUR, MINUTE)
    roll(project, NOW + 16 * MINUTE)
    with project_scope(project.pk):
        assert series.coverage(NOW + 16 * MINUTE).mature_to == NOW + 16 * MINUTE - DAY


def test_a_slowly_maturing_feature_holds_the_projects_maturity_back(project: Project) -> None:
    send(project, NOW - MINUTE)
    interactions(project, [{"at": NOW - MINUTE, "feature": "report"}])
    with project_scope(project.pk):
        Feature.objects.filter(name="report").update(maturity_hours=72)
    roll(project)
    with project_scope(project.pk):
        assert series.coverage(NOW).mature_to == NOW - 3 * DAY
        assert series.coverage(NOW, "write-draft").mature_to == NOW - DAY


def test_feedback_that_came_before_its_interaction_is_counted_by_the_run_that_binds_it(
    project: Project, monkeypatch: Any
) -> None:
    (name,) = send(project, NOW - 3 * DAY)
    roll(project, everything=True)
    waiting = [{"interaction": name, "kind": int(FeedbackKind.FLAG), "name": "wrong"}]

    def bind(*_: Any) -> Bound:
        bound = [waiting.pop() for _ in range(len(waiting))]
        verdicts(project, bound)
        return Bound(len(bound), left=False)

    monkeypatch.setattr("ingest.binding.bind", bind)
    roll(project, everything=True)
    with project_scope(project.pk):
        points = series.series("flag_rate", Window(NOW - 4 * DAY, NOW - 2 * DAY), "1d", now=NOW)
        assert store.due_marks(NOW, NOW - 9 * DAY, None, 9) == []
    assert [point.reading.state for point in points] == ["no_data", "learning", "no_data"]


def test_a_flood_of_orphans_does_not_keep_the_live_minute_from_being_counted(
    project: Project, monkeypatch: Any
) -> None:
    send(project, NOW - MINUTE)
    monkeypatch.setattr("ingest.binding.bind", lambda *_: Bound(0, left=True))
    monkeypatch.setattr(roller, "ORPHANS_BUDGET_S", 0.05)
    assert roll(project).left
    assert calls(project, Window(NOW - HOUR, NOW)) == 1


def test_a_project_never_rolled_is_complete_to_its_creation(project: Project) -> None:
    with project_scope(project.pk):
        assert series.coverage(NOW).complete_to == project.created_at
        assert series.coverage(NOW).last_interaction_at is None


def test_a_new_time_zone_makes_other_days(project: Project) -> None:
    at = floor(NOW, DAY) - DAY + 2 * HOUR
    send(project, at)
    roll(project, everything=True)
    Project.objects.filter(pk=project.pk).update(time_zone="America/New_York")
    project.refresh_from_db()
    roll(project, NOW + MINUTE, everything=True)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT day FROM user_day WHERE project_id = %s", [project.pk])
        assert cursor.fetchall() == [(local_day(at, "America/New_York"),)]
        points = series.series("calls", Window(at - DAY, at + DAY), "1d", now=NOW)
    assert [point.reading.value for point in points if point.window.holds(at)] == [1]
    assert differences(project) == []


def test_a_shift_of_models_becomes_a_change_event_once(project: Project) -> None:
    rows = []
    for day in range(28):
        is_later = day >= 14
        for number in range(60):
            model = "b-small" if number < (30 if is_later else 3) else "a-large"
            at = floor(NOW, DAY) - (28 - day) * DAY + number * 10 * MINUTE
            rows.append({"at": at, "feature": "write-draft", "model": model})
    interactions(project, rows)
    roll(project, everything=True)
    send(project, NOW - 20 * DAY, model="a-large")
    roll(project, everything=True)
    with project_scope(project.pk):
        found = list(ChangeEvent.objects.filter(source="noticed"))
        feature = Feature.objects.get(name="write-draft")
    assert len(found) == 1
    assert found[0].kind == "model"
    assert found[0].feature_number == feature.number
    assert "b-small" in found[0].title
    assert abs(found[0].occurred_at - (floor(NOW, DAY) - 14 * DAY)) <= 2 * DAY


@pytest.mark.parametrize(("many", "thin"), [(1, 1000), (700, 1000), (700, 0)])
def test_a_backlog_is_counted_in_portions(project: Project, monkeypatch: Any, many: int, thin: int) -> None:
    monkeypatch.setattr(roller, "THIN_DAY", thin)
    monkeypatch.setattr(roller, "BUCKETS_AT_ONCE", 5)
    monkeypatch.setattr(roller, "MANY_USERS", 2)
    monkeypatch.setattr(roller, "QUARTERS_AT_ONCE", 3)
    monkeypatch.setattr(roller, "DAYS_AT_ONCE", 2)
    monkeypatch.setattr("observatory.metrics.raw.MOST_ROWS", many)
    rows = [
        {"at": NOW - n * HOUR - (n % 2) * MINUTE, "feature": "write-draft", "user_id": f"u{n % 7}"}
        for n in range(0, 60, 3)
    ]
    interactions(project, rows)
    report = roll(project, everything=True)
    assert (report.left, report.failed) == (False, 0)
    assert calls(project, Window(NOW - 8 * DAY, NOW)) == 20
    assert differences(project) == []


def test_a_week_that_has_just_begun_gets_its_statistics_before_anything_is_counted(make_project):
    project = make_project()
    at = week_start(NOW) - 47 * WEEK + DAY  # a week that no other test writes to
    partitions.ensure_for([at])
    send(project, *[at + SECOND * second for second in range(2_000)])
    assert rows_known_of(at) < 0
    roll(project)
    assert rows_known_of(at) == 2_000


def rows_known_of(at: datetime) -> float:
    """How many rows the planner believes the week's interactions to be; below 0 where it knows nothing."""
    table = f"interaction_{week_start(at):%Y%m%d}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [table])
        return float(cursor.fetchone()[0])
