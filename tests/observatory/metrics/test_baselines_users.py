"""Users in a comparison with a pinned baseline: read once, for what is compared, and only of windows that are not large."""

import random
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.dimensions import FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, floor
from observatory.metrics import roller, series
from observatory.metrics.baselines import against, pinning
from tests.factories import interactions, verdicts

NOW = floor(datetime.now(UTC), DAY) - DAY + 9 * HOUR
TODAY = floor(NOW, DAY)
BEFORE, WEEK = Window(TODAY - 21 * DAY, TODAY - 10 * DAY), Window(TODAY - 9 * DAY, TODAY - 2 * DAY)
FEATURE = "write-draft"


@pytest.fixture(scope="module")
def pinned() -> Project:
    """A project with 700 calls in the baseline and in the week after it, in which everybody calls more often."""
    project = Project.objects.create(slug="repeating", name="Repeating", time_zone="UTC", created_at=BEFORE.start)
    chance = random.Random(4)
    for window, people in ((BEFORE, 200), (WEEK, 20)):
        pace = {f"u{number}": chance.lognormvariate(6, 0.5) for number in range(people)}
        rows = []
        for _ in range(700):
            user, at = chance.choice([*pace]), window.start + chance.random() * window.length
            model, latency = chance.choice(["a-large", "b-small"]), pace[user] * chance.lognormvariate(0, 0.2)
            rows.append({"at": at, "feature": FEATURE, "model": model, "user_id": user, "latency_ms": latency})
        kind = int(FeedbackKind.THUMB)
        names = interactions(project, rows)
        verdicts(project, [{"interaction": n, "kind": kind, "value": float(chance.random() < 0.7)} for n in names])
    roller.roll(NOW, only=[project.pk], everything=True)
    with project_scope(project.pk):
        for feature in (FEATURE, None):
            assert pinning.pin("v1", BEFORE, feature=feature, by="test", now=NOW).state == "frozen"
    return project


def readings_of_users(asked: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in asked if "user_day" in query["sql"]]


@pytest.mark.parametrize("feature", [FEATURE, None])
def test_user_rows_are_read_once_and_only_for_what_is_compared(pinned: Project, feature: str | None) -> None:
    with project_scope(pinned.pk):
        with CaptureQueriesContext(connection) as asked:
            against.against("v1", Window(WEEK.start, NOW), feature=feature, now=NOW)
        (whole,) = readings_of_users(asked)
        assert "thumbs_up" in whole
        assert "dismissals" not in whole  # the baseline has none
        with CaptureQueriesContext(connection) as asked:
            against.against("v1", WEEK, feature=feature, only=["error_rate", "calls"], now=NOW)
        (one,) = readings_of_users(asked)
        assert "errors" in one
        assert "thumbs" not in one
        with CaptureQueriesContext(connection) as asked:
            against.against("v1", WEEK, feature=feature, only=["calls"], now=NOW)
        assert readings_of_users(asked) == []


@pytest.mark.parametrize("feature", [FEATURE, None])
def test_what_one_request_compares_is_read_together_and_says_what_it_says_alone(
    pinned: Project, feature: str | None
) -> None:
    asked_of = [
        (name, window)
        for window in (Window(WEEK.end - 3 * DAY, WEEK.end), WEEK, Window(WEEK.start, NOW))
        for name in ("error_rate", "latency_p50", "latency_p95", "thumbs_up_rate")
    ]

    def compared(reader: series.Reader) -> list[object]:
        return [
            reader.read(name, window, feature=feature, compare="baseline:v1").comparison for name, window in asked_of
        ]

    with project_scope(pinned.pk):
        alone = [
            series.read(name, window, feature=feature, compare="baseline:v1", now=NOW).comparison
            for name, window in asked_of
        ]
        whole = against.against("v1", WEEK, feature=feature, only=["error_rate", "thumbs_up_rate"], now=NOW)
        reader = series.Reader(NOW)
        reader.pinned.expect(["error_rate", "latency_p50", "thumbs_up_rate"])
        with CaptureQueriesContext(connection) as asked:
            together = compared(reader)
            table = reader.pinned.against("v1", WEEK, feature=feature, only=["error_rate", "thumbs_up_rate"])
    assert together == alone
    assert table == whole
    assert all(one.interval for one in alone if one)
    assert len(readings_of_users(asked)) == 3, "each window adds its days, for all metrics"
    assert sum(" baseline " in query["sql"] for query in asked) == 2


def test_of_a_window_with_too_many_calls_users_repeat_as_they_did_before_and_it_says_so(
    pinned: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with project_scope(pinned.pk):
        small = against.against("v1", WEEK, feature=FEATURE, now=NOW)
        monkeypatch.setattr(against, "MOST_CALLS_BY_USER", 699)
        with CaptureQueriesContext(connection) as asked:
            large = against.against("v1", WEEK, feature=FEATURE, now=NOW)
            counts = against.against("v1", WEEK, feature=FEATURE, only=["calls"], now=NOW)
            series.read("latency_p50", WEEK, feature=FEATURE, compare="baseline:v1", now=NOW)
            # A model has fewer calls than the feature, whose users they are.
            one = {"model": "a-large"}
            series.read("latency_p50", WEEK, feature=FEATURE, where=one, compare="baseline:v1", now=NOW)
    assert readings_of_users(asked) == []
    assert small.warnings == counts.warnings == []
    assert large.warnings == [against.USERS_AS_BEFORE]
    by_users, by_baseline = ({one.metric: one for one in found.metrics}["latency_p50"] for found in (small, large))
    assert (by_baseline.before, by_baseline.now) == (by_users.before, by_users.now)
    assert by_users.design_effects[1] > 3 * by_users.design_effects[0]
    assert by_baseline.design_effects[1] == pytest.approx(by_baseline.design_effects[0], rel=0.3)


def test_a_comparison_with_a_baseline_that_settles_says_what_else_there_is(pinned: Project) -> None:
    with project_scope(pinned.pk):
        assert pinning.pin("soon", Window(TODAY - 5 * DAY, TODAY + DAY), by="test", now=NOW).state == "settling"
        with pytest.raises(against.Settling) as settling:
            series.read("error_rate", WEEK, compare="baseline:soon", now=NOW)
    assert (settling.value.parameter, settling.value.allowed) == ("compare", ("previous", "weekday", "baseline"))
