"""Events of a year ago are counted as if they had come in time, from raw rows where finer rollups are long gone."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.dimensions import FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, QUARTER, Window, day_window, floor, local_day
from observatory.metrics import roller, series, verify
from tests.factories import costs, interactions, verdicts

NOW = floor(datetime.now(UTC), HOUR)
OLD = NOW - 390 * DAY


def roll(project: Project) -> None:
    roller.roll(NOW, only=[project.pk], everything=True)


def calls(project: Project, window: Window, grain: str = "auto") -> list[float | None]:
    with project_scope(project.pk):
        return [point.reading.value for point in series.series("calls", window, grain, now=NOW)]


def test_an_event_of_a_year_ago_is_in_its_quarter_its_hour_and_its_day(make_project) -> None:
    project = make_project(time_zone="Asia/Kathmandu")
    interactions(project, [{"at": NOW - HOUR, "feature": "draft", "user_id": "ann"}])
    roll(project)
    names = interactions(project, [{"at": OLD + n * HOUR, "feature": "draft", "user_id": "ann"} for n in range(3)])
    verdicts(project, [{"interaction": names[0], "kind": int(FeedbackKind.THUMB), "value": 1.0}])
    costs(project, [{"at": OLD, "amount_nano": 5_000_000_000, "feature": "draft"}])
    roll(project)
    day = day_window(local_day(OLD, project.time_zone), project.time_zone)
    assert sum(calls(project, Window(day.start, day.start + 2 * DAY), "1d")) == 3
    assert calls(project, Window(floor(OLD, QUARTER), floor(OLD, QUARTER) + QUARTER), "15m") == [1]
    assert sum(value or 0 for value in calls(project, Window(floor(OLD, HOUR), floor(OLD, HOUR) + 3 * HOUR), "1h")) == 3
    with project_scope(project.pk):
        window = Window(day.start, day.start + 2 * DAY)
        assert series.reading("cost_total", window, now=NOW).value == pytest.approx(5)
        assert series.reading("mau", Window(day.start, day.end), now=NOW).sample_size == 1


def test_a_year_old_history_equals_its_rows(project: Project) -> None:
    instants = [NOW - n * 65 * DAY for n in range(7)]
    interactions(project, [{"at": at, "feature": "draft", "user_id": f"u{at.month}"} for at in instants])
    roll(project)
    # One by one and long after, so that each lands in a day that was merged before.
    for at in instants:
        interactions(project, [{"at": at + timedelta(minutes=3), "feature": "other", "user_id": "ann"}])
        roll(project)
    found = [verify.verify(project, at.date()) for at in instants]
    assert [verification.differences for verification in found] == [[]] * 7
    assert [verification.users for verification in found] == [2] * 7
    assert verify.days_of(project, NOW)[0] == instants[-1].date()
