"""The drift duty on real rows: baselines that settle, findings that open, are refitted, resolved and taken back."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.dimensions import FeedbackKind
from ingest.projects.scope import project_scope
from observatory.drift import findings, runs
from observatory.drift.models import Baseline, Finding, Series
from observatory.metrics import roller
from tests import factories

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
FIRST = (NOW - 50 * DAY).replace(hour=0)


def post(project, days, up_of_ten, tokens=400):
    """Twenty rated calls a day on these day numbers; `up_of_ten` of ten thumbs are up."""
    calls = []
    for day in days:
        for number in range(40):
            at = FIRST + day * DAY + timedelta(hours=9, minutes=number)
            id = f"{project.pk}-{day}-{number}"
            calls.append(
                {
                    "id": id,
                    "at": at,
                    "feature": "write-draft",
                    "model": "m",
                    "user_id": f"u{number}",
                    "input_tokens": tokens + number,
                }
            )
    factories.interactions(project, calls)
    thumbs = [
        {
            "interaction": call["id"],
            "kind": int(FeedbackKind.THUMB),
            "value": float((number * 7 + number // 10) % 10 < up_of_ten),
        }
        for number, call in enumerate(calls)
    ]
    factories.verdicts(project, thumbs)
    return thumbs


def settle(project, now=NOW, *, is_settled=True):
    roller.roll(now, only=[project.pk], everything=True)
    return runs.run(now, only=[project.pk], budget_s=None, is_settled=is_settled)


def series_of(project, signal="thumbs_up_rate"):
    with project_scope(project.pk):
        return Series.objects.get(signal=signal)


def test_a_young_feature_says_how_many_days_it_has(project):
    post(project, range(40, 48), up_of_ten=8)
    settle(project)
    series = series_of(project)
    assert series.state == Series.State.COLLECTING
    assert (series.lacking["missing"], series.lacking["have"], series.lacking["need"]) == ("days", 8, 28)


def test_the_first_28_days_become_the_baseline_and_nothing_is_found_in_calm(project):
    post(project, range(45), up_of_ten=8)
    report = settle(project)
    assert report.opened == 0
    assert series_of(project).state == Series.State.WATCHING
    with project_scope(project.pk):
        stored = Baseline.objects.get(series__signal="thumbs_up_rate")
        assert (stored.first_day, stored.last_day) == (FIRST.date(), (FIRST + 27 * DAY).date())
        assert stored.content["p0"] == pytest.approx(0.8, abs=0.01)
        assert findings.watched() == 2


def test_a_fall_is_found_dated_and_kept_once(project):
    post(project, range(34), up_of_ten=8)
    post(project, range(34, 48), up_of_ten=4)
    assert settle(project).opened == 1
    assert settle(project, NOW + timedelta(minutes=6)).opened == 0
    with project_scope(project.pk):
        (found,) = findings.open_findings()
        assert found.direction == "down"
        assert found.is_strong
        assert abs((found.started_day - (FIRST + 34 * DAY).date()).days) <= 1
        assert found.started_low <= found.started_day <= found.started_high
        case = findings.case(found, "UTC", NOW)
        assert case.effect is not None
        assert case.effect.value == pytest.approx(0.4, abs=0.02)


def test_prompts_that_grow_are_found_on_the_side_of_more(project):
    post(project, range(34), up_of_ten=8)
    post(project, range(34, 48), up_of_ten=8, tokens=700)
    settle(project)
    with project_scope(project.pk):
        (found,) = findings.open_findings()
        assert (found.series.signal, found.direction) == ("input_tokens", "up")


def test_a_baseline_waits_until_its_days_have_stopped_changing(project):
    post(project, range(30), up_of_ten=8)
    settle(project, is_settled=False)
    assert series_of(project).lacking["missing"] == "settled days"
    settle(project, NOW + timedelta(minutes=7), is_settled=False)
    assert series_of(project).state == Series.State.COLLECTING
    settle(project, NOW + timedelta(minutes=14), is_settled=False)
    assert series_of(project).state == Series.State.WATCHING


def test_days_that_still_arrive_start_the_wait_anew(project):
    post(project, range(29), up_of_ten=8)
    settle(project, is_settled=False)
    factories.interactions(
        project, [{"at": FIRST + timedelta(hours=3), "feature": "write-draft", "input_tokens": 9, "user_id": "late"}]
    )
    settle(project, NOW + timedelta(minutes=14), is_settled=False)
    assert series_of(project, "input_tokens").state == Series.State.COLLECTING
    assert series_of(project, "thumbs_up_rate").state == Series.State.WATCHING


def test_late_feedback_never_moves_an_accepted_baseline_but_takes_an_alarm_back(project):
    post(project, range(34), up_of_ten=8)
    thumbs = post(project, range(34, 48), up_of_ten=4)
    settle(project)
    with project_scope(project.pk):
        before = Baseline.objects.get(series__signal="thumbs_up_rate").content
    better = [{**thumb, "value": float(number % 5 > 0)} for number, thumb in enumerate(thumbs)]
    factories.verdicts(project, better)
    settle(project, NOW + timedelta(minutes=6))
    with project_scope(project.pk):
        assert Baseline.objects.get(series__signal="thumbs_up_rate").content == before
        assert list(findings.open_findings()) == []
        assert Finding.objects.get().withdrawn_at is not None
    assert series_of(project).state == Series.State.WATCHING


def test_immature_days_are_not_read(project):
    post(project, range(34), up_of_ten=8)
    settle(project)
    last = series_of(project).judged_to
    assert last == runs.last_closed_day(NOW, _feature(project), "UTC")


def test_refolding_gives_the_same_points(project):
    post(project, range(40), up_of_ten=8)
    settle(project)
    first = series_of(project).points
    assert first
    settle(project, NOW + timedelta(minutes=6))
    assert series_of(project).points == first


def test_only_the_projects_asked_for_are_touched(project, make_project):
    other = make_project()
    post(other, range(30), up_of_ten=8)
    settle(project)
    with project_scope(other.pk):
        assert not Series.objects.exists()


def _feature(project):
    from ingest.projects.models import Feature

    with project_scope(project.pk):
        return Feature.objects.get(name="write-draft")


def test_the_last_closed_day_ended_before_feedback_of_it_matured(project):
    post(project, range(1), up_of_ten=8)
    feature = _feature(project)
    feature.maturity_hours = 24
    assert runs.last_closed_day(datetime(2026, 3, 10, 0, 30, tzinfo=UTC), feature, "UTC") == date(2026, 3, 8)
    assert runs.last_closed_day(datetime(2026, 3, 10, 23, 59, tzinfo=UTC), feature, "UTC") == date(2026, 3, 8)
    assert runs.last_closed_day(datetime(2026, 3, 10, 3, 0, tzinfo=UTC), feature, "America/New_York") == date(
        2026, 3, 7
    )


def test_one_series_that_fails_never_stops_the_others(project, make_project, monkeypatch):
    other = make_project()
    post(project, range(30), up_of_ten=8)
    post(other, range(30), up_of_ten=8)
    sound = runs._fold

    def fold(due, *rest):
        if due.project.pk == project.pk and due.signal.name == "thumbs_up_rate":
            raise ValueError("a poisoned row")
        sound(due, *rest)

    monkeypatch.setattr(runs, "_fold", fold)
    roller.roll(NOW, only=[project.pk, other.pk], everything=True)
    report = runs.run(NOW, only=[project.pk, other.pk], budget_s=None, is_settled=True)
    assert (report.series, report.failed) == (3, 1)
    with project_scope(other.pk):
        assert findings.watched() == 2
    with project_scope(project.pk):
        assert findings.watched() == 1


def test_what_is_due_is_asked_without_the_points_of_every_series(project):
    post(project, range(45), up_of_ten=8)
    settle(project)
    with CaptureQueriesContext(connection) as asked:
        due = runs._due_in(project)
    assert {one.read_at for one in due} == {NOW}
    assert [query["sql"] for query in asked if "points" in query["sql"]] == []
