"""What a reader answers about maturity, comparisons and names, and what it refuses."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.dimensions import Cache, Facts, FeedbackKind
from ingest.projects.models import Feature, Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, QUARTER, Window, floor
from observatory.metrics import reads, roller, series, windows
from observatory.metrics.reading import State
from observatory.metrics.series import BadWindow, UnknownValue
from tests.factories import costs, interactions, verdicts

TODAY = floor(datetime.now(UTC), DAY) - DAY
NOW = TODAY + timedelta(hours=11, minutes=2)
THUMB = int(FeedbackKind.THUMB)


def rated(project: Project, at: datetime, count: int, up: int, feature: str = "write-draft") -> None:
    """So many calls an hour apart from `at` backwards, each with a thumb."""
    names = interactions(
        project, [{"at": at - number * timedelta(minutes=1), "feature": feature} for number in range(count)]
    )
    verdicts(project, [{"interaction": name, "kind": THUMB, "value": float(n < up)} for n, name in enumerate(names)])


def ask(project: Project, name: str, window: Window, **options: Any) -> Any:
    with project_scope(project.pk):
        return series.read(name, window, now=NOW, **options)


def roll(project: Project) -> None:
    roller.roll(NOW, only=[project.pk], everything=True)


def test_immature_feedback_is_drawn_but_not_judged(project: Project) -> None:
    rated(project, TODAY - 2 * DAY + 12 * HOUR, 100, 80)
    rated(project, NOW - HOUR, 50, 0)
    roll(project)
    answer = ask(project, "thumbs_up_rate", Window(TODAY - 3 * DAY, NOW), grain="1d")
    assert (answer.reading.value, answer.reading.sample_size) == (0.8, 100)
    assert answer.judged.end == floor(NOW - DAY, QUARTER)
    assert answer.mature_to == NOW - DAY
    assert [(point.reading.value, point.mature) for point in answer.series] == [
        (None, True),
        (0.8, True),
        (None, False),
        (0.0, False),
    ]


def test_a_day_with_something_still_to_be_counted_is_not_complete(project: Project) -> None:
    rated(project, TODAY - 2 * DAY + 12 * HOUR, 10, 8)
    roll(project)
    window = Window(TODAY - 4 * DAY, TODAY)
    assert [point.complete for point in ask(project, "calls", window, grain="1d").series] == [True] * 4
    interactions(project, [{"at": TODAY - 3 * DAY + HOUR}])
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dirty_bucket (project_id, bucket, facts) VALUES (%s, %s, %s)",
            [project.pk, TODAY - 3 * DAY + HOUR, int(Facts.INTERACTIONS)],
        )
    days = ask(project, "calls", window, grain="1d").series
    assert [(point.reading.value, point.complete) for point in days] == [
        (None, True),
        (None, False),
        (10, True),
        (0, True),
    ]
    roll(project)
    assert [point.complete for point in ask(project, "calls", window, grain="1d").series] == [True] * 4


def test_history_that_waits_to_be_counted_is_told_of_the_windows_that_hold_it(project: Project) -> None:
    """And while it waits, nothing is called not sent: it may be in there."""
    rated(project, TODAY - 2 * DAY + 12 * HOUR, 10, 8)
    roll(project)
    late = TODAY - 20 * DAY + HOUR
    interactions(project, [{"at": late, "cache": int(Cache.EXACT)}])
    with project_scope(project.pk), connection.cursor() as cursor:
        mark = "INSERT INTO dirty_bucket (project_id, bucket, facts) VALUES (%s, %s, %s)"
        cursor.execute(mark, [project.pk, late, int(Facts.INTERACTIONS)])
    week, month, before = (Window(TODAY - days * DAY, TODAY) for days in (7, 30, 60))
    earlier = Window(before.start, late - HOUR)
    assert ask(project, "calls", month).complete_to == late
    assert ask(project, "calls", before).complete_to == late
    assert ask(project, "calls", Window(late, TODAY)).complete_to == late
    for untouched in (week, earlier, Window(late + MINUTE * 15, TODAY)):
        assert ask(project, "calls", untouched).complete_to == NOW
    assert ask(project, "calls", month).reading.value == 10
    assert ask(project, "cache_hit_rate", week).reading.state is State.NO_DATA
    with project_scope(project.pk):
        assert series.Reader(NOW).coverage().waits_from == late
        assert series.Reader(NOW).coverage().complete_to == NOW

    roll(project)
    assert ask(project, "calls", month).complete_to == NOW
    assert ask(project, "calls", month).reading.value == 11
    assert ask(project, "correction_rate", week).reading.state is State.NOT_INSTRUMENTED
    with project_scope(project.pk):
        assert series.Reader(NOW).coverage().waits_from is None


def test_a_window_without_a_mature_part_is_learning(project: Project) -> None:
    rated(project, NOW - HOUR, 50, 40)
    roll(project)
    answer = ask(project, "thumbs_up_rate", Window(NOW - 5 * HOUR, NOW))
    assert (answer.reading.state, answer.reading.value, answer.reading.sample_size) == (State.LEARNING, None, 50)
    assert ask(project, "calls", Window(NOW - 5 * HOUR, NOW)).reading.value == 50


def test_a_feature_may_mature_at_its_own_pace(project: Project) -> None:
    rated(project, NOW - 3 * HOUR, 50, 40)
    with project_scope(project.pk):
        Feature.objects.update(maturity_hours=2)
    roll(project)
    reading = ask(project, "thumbs_up_rate", Window(NOW - 5 * HOUR, NOW), feature="write-draft").reading
    assert (reading.value, reading.sample_size) == (0.8, 50)


def test_feedback_counts_in_the_bucket_of_its_interaction(project: Project) -> None:
    (name,) = interactions(project, [{"at": TODAY - 5 * DAY, "feature": "write-draft"}])
    roll(project)
    verdicts(project, [{"interaction": name, "kind": THUMB, "value": 1.0, "said_at": NOW}])
    roll(project)
    answer = ask(project, "thumbs_up_rate", Window(TODAY - 6 * DAY, TODAY), grain="1d")
    assert [point.reading.sample_size for point in answer.series] == [0, 1, 0, 0, 0, 0]


def test_the_last_word_on_an_interaction_is_the_one_that_counts(project: Project) -> None:
    (name,) = interactions(project, [{"at": TODAY - 5 * DAY, "feature": "write-draft"}])
    for value in (1.0, 0.0):
        verdicts(project, [{"interaction": name, "kind": THUMB, "value": value}])
    roll(project)
    with project_scope(project.pk):
        points = series.series("thumbs_up_rate", Window(TODAY - 6 * DAY, TODAY), "1d", now=NOW)
    assert sum(point.reading.sample_size for point in points) == 1


def test_a_kind_of_feedback_that_never_came_is_not_instrumented(project: Project) -> None:
    rated(project, TODAY - 2 * DAY, 30, 20)
    roll(project)
    window = Window(TODAY - 3 * DAY, TODAY - DAY)
    assert ask(project, "correction_rate", window).reading.state is State.NOT_INSTRUMENTED
    assert ask(project, "thumbs_up_rate", window).reading.state is State.OK
    assert ask(project, "review_queue_depth", window).reading.state is State.NOT_INSTRUMENTED
    names = interactions(project, [{"at": TODAY - 30 * DAY, "feature": "write-draft"}])
    verdicts(project, [{"interaction": names[0], "kind": int(FeedbackKind.CORRECTION)}])
    roll(project)
    assert ask(project, "correction_rate", window).reading.value == 0.0


def test_a_feature_that_never_sent_a_correction_has_no_rate_of_nothing(project: Project) -> None:
    rated(project, TODAY - 2 * DAY, 30, 20)
    rated(project, TODAY - 2 * DAY, 30, 20, feature="chat")
    (old,) = interactions(project, [{"at": TODAY - 30 * DAY, "feature": "write-draft"}])
    verdicts(project, [{"interaction": old, "kind": int(FeedbackKind.CORRECTION)}])
    roll(project)
    window = Window(TODAY - 3 * DAY, TODAY - DAY)
    with project_scope(project.pk):
        found = series.breakdown(["correction_rate", "flag_rate"], window, now=NOW)
    assert found["write-draft"]["correction_rate"].value == 0.0, "it sends corrections: none is 0"
    assert found["chat"]["correction_rate"].state is State.NOT_INSTRUMENTED
    assert found["chat"]["flag_rate"].state is State.NOT_INSTRUMENTED
    answer = ask(project, "correction_rate", window, feature="chat", grain="1d")
    assert {point.reading.state for point in answer.series} <= {State.NOT_INSTRUMENTED, State.NO_DATA}
    assert ask(project, "correction_rate", window, feature="write-draft").reading.sample_size == 30


def test_a_project_without_interactions_has_no_data(project: Project) -> None:
    roll(project)
    for name in ("calls", "error_rate", "cost_total", "dau", "thumbs_up_rate", "latency_p95", "escalations_24h"):
        answer = ask(project, name, Window(TODAY - 3 * DAY, NOW), compare="baseline")
        assert (answer.reading.state, answer.reading.value) == (State.NO_DATA, None), name
        assert answer.comparison is None


def test_before_the_first_roll_everything_is_incomplete_and_nothing_breaks(project: Project) -> None:
    interactions(project, [{"at": NOW - HOUR, "feature": "write-draft"}])
    answer = ask(project, "calls", Window(TODAY, NOW), grain="15m")
    assert answer.reading.state is State.NO_DATA
    assert not any(point.complete for point in answer.series)


def test_a_comparison_with_the_previous_window_and_the_same_weekday(project: Project) -> None:
    interactions(project, [{"at": TODAY - DAY + n * HOUR, "feature": "write-draft"} for n in range(8)])
    interactions(project, [{"at": TODAY - 2 * DAY + n * HOUR, "feature": "write-draft"} for n in range(5)])
    interactions(project, [{"at": TODAY - 8 * DAY + n * HOUR, "feature": "write-draft"} for n in range(2)])
    roll(project)
    window = Window(TODAY - DAY, TODAY)
    previous = ask(project, "calls", window, compare="previous").comparison
    weekday = ask(project, "calls", window, compare="weekday").comparison
    assert (previous.window, previous.value, previous.difference) == (Window(TODAY - 2 * DAY, TODAY - DAY), 5, 3)
    assert (weekday.window, weekday.value, weekday.difference) == (Window(TODAY - 8 * DAY, TODAY - 7 * DAY), 2, 6)


@pytest.fixture(scope="module")
def steady(make_project: Any) -> Project:
    """A call every six minutes for a fortnight, rolled up; for tests that only ask."""
    project: Project = make_project()
    interactions(project, [{"at": NOW - number * 6 * MINUTE, "feature": "write-draft"} for number in range(3500)])
    roll(project)
    return project


@pytest.mark.parametrize("kind", ["previous", "weekday"])
@pytest.mark.parametrize("text", ["15m", "24h", "7d"])
def test_a_comparison_is_with_a_window_of_the_same_length(steady: Project, text: str, kind: str) -> None:
    window = windows.span(text, NOW, "UTC")
    answer = ask(steady, "calls", window, compare=kind)
    other = answer.comparison.window
    assert answer.window == answer.judged
    if window.length >= DAY:  # a quarter of an hour more or less is a hundredth of it; what just came is in it
        assert answer.window.end == window.end
        assert abs(other.length - window.length) <= 2 * QUARTER
        return
    assert answer.window.length == other.length == window.length
    back = 7 * DAY if kind == "weekday" else window.length
    assert other == Window(answer.window.start - back, answer.window.end - back)
    assert abs(answer.comparison.difference) <= 1


def test_minutes_are_compared_with_minutes_while_they_are_kept(project: Project) -> None:
    interactions(project, [{"at": NOW - HOUR, "feature": "write-draft"}])
    roll(project)
    answer = ask(project, "calls", Window(NOW - 15 * MINUTE, NOW), compare="previous")
    assert answer.window == Window(NOW - 15 * MINUTE, NOW)
    assert answer.comparison.window == Window(NOW - 30 * MINUTE, NOW - 15 * MINUTE)


def test_the_baseline_is_the_features_first_28_days(project: Project) -> None:
    for number in range(28):
        rated(project, TODAY - (40 - number) * DAY + HOUR, 20, 15)
    rated(project, TODAY - 50 * DAY, 20, 0, feature="older")
    rated(project, TODAY - 3 * DAY, 40, 20)
    roll(project)
    week = Window(TODAY - 7 * DAY, TODAY - DAY)
    found = ask(project, "thumbs_up_rate", week, feature="write-draft", compare="baseline").comparison
    assert found.window == Window(TODAY - 40 * DAY, TODAY - 12 * DAY)
    assert (found.value, found.sample_size) == (0.75, 560)
    assert found.difference == pytest.approx(-0.25)
    assert found.interval[0] < -0.25 < found.interval[1]


def test_where_the_baseline_begins_is_looked_up_once_for_all_metrics(project: Project) -> None:
    rated(project, TODAY - 40 * DAY + 12 * HOUR, 10, 8)
    rated(project, TODAY - 2 * DAY + 12 * HOUR, 10, 8)
    roll(project)
    asked = []
    for names in (["calls"], ["calls", "error_rate", "thumbs_up_rate"]):
        with project_scope(project.pk), CaptureQueriesContext(connection) as queries:
            reader = series.Reader(NOW)
            found = [reader.read(name, Window(TODAY - 3 * DAY, TODAY), compare="baseline") for name in names]
        assert all(answer.comparison for answer in found)
        asked.append(sum("SELECT bucket, counters FROM sheet" in query["sql"] for query in queries))
    assert asked[0] == asked[1] > 0


def test_a_baseline_that_is_not_over_is_none(project: Project) -> None:
    rated(project, TODAY - 9 * DAY, 40, 20)
    roll(project)
    assert ask(project, "thumbs_up_rate", Window(TODAY - 3 * DAY, TODAY), compare="baseline").comparison is None


def test_groups_have_one_reading_for_each_value(project: Project) -> None:
    rated(project, TODAY - 2 * DAY, 40, 20)
    rated(project, TODAY - 2 * DAY, 25, 25, feature="translate")
    roll(project)
    answer = ask(project, "thumbs_up_rate", Window(TODAY - 3 * DAY, TODAY - DAY), group_by="feature")
    assert {name: reading.value for name, reading in answer.groups.items()} == {"write-draft": 0.5, "translate": 1.0}
    assert list(answer.groups) == ["write-draft", "translate"]


def test_users_are_not_known_by_model(project: Project) -> None:
    interactions(project, [{"at": NOW - HOUR, "feature": "write-draft", "model": "a", "user_id": "ann"}])
    roll(project)
    window = Window(TODAY, NOW)
    with pytest.raises(BadWindow, match="dau is kept by feature, not by model"):
        ask(project, "dau", window, where={"model": "a"})
    with project_scope(project.pk):
        found = series.breakdown(["calls", "dau"], window, by="model", now=NOW)
        daily = series.breakdown(["dau", "mau"], window, now=NOW)
    with pytest.raises(BadWindow, match="dau is kept by feature, not by model"):
        ask(project, "dau", window, group_by="model")
    assert found["a"]["dau"].state is State.NOT_INSTRUMENTED
    assert (daily["write-draft"]["dau"].value, daily["write-draft"]["mau"].value) == (1, 1)


def test_sessions_and_anonymous_calls_are_no_users(project: Project) -> None:
    interactions(project, [{"at": NOW - HOUR, "feature": "write-draft", "session_id": "s"}])
    interactions(project, [{"at": NOW - HOUR, "feature": "write-draft"}])
    roll(project)
    assert ask(project, "dau", Window(TODAY, NOW)).reading.state is State.NOT_INSTRUMENTED
    interactions(project, [{"at": NOW - HOUR, "feature": "write-draft", "user_id": "ann"}])
    roll(project)
    assert ask(project, "dau", Window(TODAY, NOW)).reading.value == 1


def test_escalations_go_by_their_own_time(project: Project) -> None:
    interactions(project, [{"at": TODAY - 9 * DAY, "feature": "write-draft"}])
    roll(project)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO feedback (project_id, occurred_at, received_at, kind, id) VALUES"
            " (%(p)s, %(a)s, %(a)s, 5, 'one'), (%(p)s, %(b)s, %(b)s, 5, 'two'), (%(p)s, %(a)s, %(a)s, 1, 'three')",
            {"p": project.pk, "a": NOW - HOUR, "b": NOW - 30 * HOUR},
        )
    assert ask(project, "escalations_24h", Window(NOW - DAY, NOW)).reading.value == 1
    assert ask(project, "escalations_24h", Window(NOW - 2 * DAY, NOW)).reading.value == 2


def test_cache_hits_count_by_kind_of_cache(project: Project) -> None:
    kinds = [Cache.EXACT] * 3 + [Cache.SEMANTIC] * 2 + [Cache.NONE] * 15
    interactions(project, [{"at": NOW - HOUR, "feature": "write-draft", "cache": int(kind)} for kind in kinds])
    roll(project)
    assert ask(project, "cache_hit_rate", Window(TODAY, NOW)).reading.value == 0.25


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"name": "mood"}, UnknownValue, "no metric 'mood'; there are calls"),
        ({"feature": "poem"}, UnknownValue, "no feature 'poem'; there are write-draft"),
        ({"where": {"model": "gpt-9"}}, UnknownValue, "no model 'gpt-9'; there are none yet"),
        ({"grain": "1y"}, BadWindow, "grain is one of"),
        ({"compare": "tomorrow"}, BadWindow, "compare is one of previous, weekday, baseline"),
        ({"group_by": "mood"}, BadWindow, "group_by is one of feature, model"),
        ({"name": "dau", "grain": "1h"}, BadWindow, "local days"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(
    project: Project, options: dict[str, str], error: type[Exception], said: str
) -> None:
    interactions(project, [{"at": NOW - HOUR, "feature": "write-draft"}])
    roll(project)
    with pytest.raises(error, match=said):
        ask(project, options.pop("name", "calls"), Window(TODAY, NOW), **options)


def test_a_page_loads_none_of_the_heavy_libraries() -> None:
    code = (
        "import django, sys; django.setup()\n"
        "from observatory.metrics import api, series, users\n"
        "print(sorted({'numpy', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_bill_before_the_first_call_is_no_first_day(project: Project) -> None:
    costs(project, [{"at": TODAY - n * DAY, "amount_nano": 10**9, "feature": "write-draft"} for n in range(5, 9)])
    interactions(project, [{"at": TODAY - 3 * DAY + HOUR, "feature": "write-draft"}])
    roll(project)
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        assert reader.first_day() == reader.first_day("write-draft") == Window(TODAY - 3 * DAY, TODAY - 2 * DAY)
        assert reader.reading("cost_total", Window(TODAY - 9 * DAY, TODAY)).value == 4.0


def test_after_the_last_run_nothing_is_unknown_and_not_zero(project: Project) -> None:
    interactions(project, [{"at": NOW - 5 * HOUR, "feature": "write-draft"}])
    roller.roll(NOW - 2 * HOUR, only=[project.pk], everything=True)
    points = ask(project, "calls", Window(NOW - 6 * HOUR, NOW), grain="1h").series
    assert [point.reading.value for point in points] == [None, 1, 0, 0, 0, None, None]
    assert [point.complete for point in points] == [True] * 4 + [False] * 3


@pytest.mark.parametrize(("room", "fetches"), [(reads.KEPT_BYTES, 1), (0, 3)], ids=["kept", "no room"])
def test_what_several_questions_of_a_request_are_about_is_fetched_once(
    project: Project, monkeypatch: pytest.MonkeyPatch, room: int, fetches: int
) -> None:
    rated(project, NOW - 2 * DAY, 20, 15)
    roll(project)
    fetched, asked = reads._fetched, []
    monkeypatch.setattr(reads, "KEPT_BYTES", room)
    monkeypatch.setattr(reads, "_fetched", lambda *what: asked.append(what) or fetched(*what))
    with project_scope(project.pk):
        reader, window = series.Reader(NOW), Window(TODAY - 3 * DAY, TODAY)
        read = [reader.reading(name, window, feature="write-draft") for name in ("calls", "error_rate", "calls")]
        assert [one.value for one in read] == [20, 0.0, 20]
        assert len(asked) == fetches
        assert reader.reading("calls", Window(TODAY - DAY, TODAY), feature="write-draft").value == 0
        assert len(asked) == fetches + 1, "another window is another question"
