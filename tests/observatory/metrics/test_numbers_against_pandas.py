"""Every metric equals a slow, plain pandas computation from the rows that were sent."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ingest.dimensions import FeedbackKind
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, day_start, floor, local_day
from observatory.metrics import roller, series, spans, wide
from observatory.metrics.reading import State
from observatory.metrics.windows import BadWindow
from tests.observatory.metrics.stream_oracles import EXACT, WITHIN_ONE_PERCENT
from tests.observatory.metrics.streams import Stream, generate

# A fixed day would one day lie beyond the partitions that are made.
NOW = floor(datetime.now(UTC), DAY) - 3 * DAY + timedelta(hours=9, minutes=41, seconds=30)
FROM = floor(NOW, DAY) - 11 * DAY
ZONE = "America/St_Johns"
OUTAGES_AT = (
    FROM + timedelta(days=2, hours=5),
    FROM + timedelta(days=6, hours=7),
    NOW - timedelta(hours=30, seconds=30),
)
BY_THE_MINUTE = ("uptime", "minutes_down", "peak_requests_per_minute", "peak_tokens_per_minute")


@pytest.fixture(scope="module")
def sent() -> Any:
    """A project with eleven days of rows, rolled up in two halves, and the stream itself."""
    from ingest.projects.models import Project

    project = Project.objects.create(slug="oracle", name="Oracle", time_zone=ZONE, created_at=FROM)
    stream = generate(7, Window(FROM, NOW), 1_500, OUTAGES_AT)
    half = len(stream.interactions) // 2
    early = {row["id"] for row in stream.interactions[:half]}

    def part(is_early: bool) -> Stream:
        def mine(row: dict[str, Any]) -> bool:
            return (row.get("interaction") in early) is is_early

        rows = stream.interactions[:half] if is_early else stream.interactions[half:]
        return Stream(rows, [row for row in stream.verdicts if mine(row)], [row for row in stream.costs if mine(row)])

    # Days with more rows than this are merged from their quarters, the others counted from rows: here are both.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roller, "THIN_DAY", 130)
        # The same of the wide sets; and of the first days no hours are kept.
        patch.setattr(wide, "THIN", 130)
        patch.setattr(spans, "DAYS_OF_HOURS", 5)
        # The second half falls into buckets that were rolled before: late events must replace, not add.
        part(is_early=True).send(project)
        roller.roll(NOW - timedelta(hours=30), only=[project.pk], everything=True)
        part(is_early=False).send(project)
        roller.roll(NOW, only=[project.pk], everything=True)
    return project, stream


FILTERS: list[dict[str, Any]] = [
    {},
    {"feature": "write-draft"},
    {"model": "a-large"},
    {"feature": "summarise", "model": "b-small"},
]


def windows() -> list[Window]:
    """From raw-merged days, over quarters, to minutes: every level has to be right at its edges."""
    local = day_start(local_day(NOW, ZONE), ZONE)
    mature = NOW.replace(minute=30, second=0) - DAY
    return [
        Window(local - 6 * DAY, local - DAY),
        Window(FROM, mature),
        Window(NOW.replace(minute=7, second=0) - timedelta(hours=40), mature),
        Window(FROM + timedelta(days=3, hours=10, minutes=15), FROM + timedelta(days=8, hours=18, minutes=45)),
    ]


@pytest.mark.parametrize("by", FILTERS, ids=str)
@pytest.mark.parametrize("window", windows(), ids=["days", "days and quarters", "quarters and minutes", "odd quarters"])
def test_it_is_what_pandas_counts(sent: Any, window: Window, by: dict[str, Any]) -> None:
    project, stream = sent
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        for name, oracle in EXACT.items():
            reading = reader.reading(name, window, feature=by.get("feature"), where=by)
            if reading.value is not None:
                assert reading.value == pytest.approx(oracle(stream, window, by), rel=1e-9), name
            else:
                assert reading.state is (State.LEARNING if reading.sample_size else State.NO_DATA), name
                assert reading.sample_size < 20, name
        for name, oracle in WITHIN_ONE_PERCENT.items():
            reading = reader.reading(name, window, feature=by.get("feature"), where=by)
            if reading.value is not None:
                assert reading.value == pytest.approx(oracle(stream, window, by), rel=0.01), name


OTHER_FILTERS: list[dict[str, Any]] = [
    {"tier": "free"},
    {"tier": "(none)"},
    {"feature": "translate", "language": "pt"},
    {"tier": "pro", "environment": "production"},
    {"feature": "summarise", "model": "a-large", "tier": "(none)"},
]


@pytest.mark.parametrize("by", OTHER_FILTERS, ids=str)
@pytest.mark.parametrize("window", windows()[1:], ids=["all", "hours and minutes", "odd hours"])
def test_by_any_dimension_it_is_what_pandas_counts(sent: Any, window: Window, by: dict[str, Any]) -> None:
    project, stream = sent
    rows = {name: None if value == "(none)" else value for name, value in by.items()}
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        for name, oracle in EXACT.items():
            if name in BY_THE_MINUTE and len(by.keys() - {"feature"}) > 1:
                with pytest.raises(BadWindow, match=f"{name} is counted minute by minute"):
                    reader.read(name, window, grain="1d", feature=by.get("feature"), where=by)
                continue
            answer = reader.read(name, window, grain="1d", feature=by.get("feature"), where=by)
            if answer.reading.value is None:
                assert answer.reading.sample_size < 20, name
            else:
                expected = oracle(stream, answer.judged, rows)
                assert answer.reading.value == pytest.approx(expected, rel=1e-9), name
                assert name != "uptime" or expected < 1, "an outage must show"
            assert answer.untold == (0 if len(by.keys() - {"feature"}) > 1 else None)
        for name, oracle in WITHIN_ONE_PERCENT.items():
            answer = reader.read(name, window, grain="1d", feature=by.get("feature"), where=by)
            if answer.reading.value is not None:
                assert answer.reading.value == pytest.approx(oracle(stream, answer.judged, rows), rel=0.01), name


def test_a_large_window_has_a_value_for_every_metric(sent: Any) -> None:
    project, _ = sent
    with project_scope(project.pk):
        states = {name: series.reading(name, windows()[1], now=NOW).state for name in (*EXACT, *WITHIN_ONE_PERCENT)}
    assert set(states.values()) == {State.OK}


@pytest.mark.parametrize("grain", ["15m", "1h", "1d"])
def test_the_points_of_a_series_add_up_to_its_window(sent: Any, grain: str) -> None:
    project, stream = sent
    window = windows()[0]
    with project_scope(project.pk):
        points = series.series("calls", window, grain, now=NOW)
        costs = series.series("cost_total", window, grain, now=NOW)
    assert sum(point.reading.value or 0 for point in points) == len(stream.calls(window))
    assert sum(point.reading.value or 0 for point in costs) == pytest.approx(stream.cost_nano(window) / 1e9)
    assert (points[0].window.start, points[-1].window.end) == (window.start, window.end)
    for before, after in itertools.pairwise(points):
        assert before.window.end == after.window.start


def test_minutes_of_the_last_hours_are_counted_one_by_one(sent: Any) -> None:
    project, stream = sent
    window = Window(NOW - timedelta(hours=2, minutes=11, seconds=30), NOW)
    with project_scope(project.pk):
        points = series.series("calls", window, "1m", now=NOW)
    assert [point.reading.value for point in points] == [len(stream.calls(point.window)) for point in points]
    assert sum(point.reading.value or 0 for point in points) > 0


def test_a_breakdown_has_one_row_for_each_value(sent: Any) -> None:
    project, stream = sent
    window = windows()[1]
    with project_scope(project.pk):
        by_feature = series.breakdown(["calls", "error_rate", "thumbs_up_rate", "cost_total"], window, now=NOW)
        by_model = series.breakdown(["calls", "latency_p50"], window, by="model", feature="translate", now=NOW)
    assert set(by_feature) == {"write-draft", "summarise", "translate", "(none)"}
    for feature in ("write-draft", "summarise", "translate"):
        for name in ("calls", "error_rate", "thumbs_up_rate", "cost_total"):
            assert by_feature[feature][name].value == pytest.approx(EXACT[name](stream, window, {"feature": feature}))
    assert set(by_model) == {"a-large", "b-small", "(none)"}
    expected = {"feature": "translate", "model": "b-small"}
    assert by_model["b-small"]["calls"].value == len(stream.calls(window, **expected))


def test_a_rolling_point_is_about_the_days_up_to_it(sent: Any) -> None:
    project, stream = sent
    local = day_start(local_day(NOW, ZONE), ZONE)
    with project_scope(project.pk):
        points = series.series("thumbs_up_rate", Window(local - 3 * DAY, local - DAY), rolling_days=3, now=NOW)
    for point in points:
        days = Window(point.window.end - 3 * DAY, point.window.end)
        assert point.reading.value == pytest.approx(EXACT["thumbs_up_rate"](stream, days, {}))
        assert point.reading.sample_size == len(stream.said(days, kind=int(FeedbackKind.THUMB)))


def test_users_are_counted_once_however_often_they_call(sent: Any) -> None:
    project, stream = sent
    days = [day_start(local_day(NOW, ZONE) - n * DAY, ZONE) for n in (3, 2, 1)]
    window = Window(days[0], days[-1])
    with project_scope(project.pk):
        daily = series.series("dau", window, now=NOW)
        mean = series.reading("dau", window, now=NOW)
        weekly = series.reading("wau", Window(FROM, days[1]), feature="translate", now=NOW)
        monthly = series.reading("mau", Window(FROM, NOW), now=NOW)
    expected = [stream.calls(point.window).user_id.nunique() for point in daily]
    assert [point.reading.value for point in daily] == expected
    assert mean.value == pytest.approx(np.mean(expected))
    week = Window(days[1] - 7 * DAY, days[1])
    assert weekly.value == stream.calls(week, feature="translate").user_id.nunique()
    assert monthly.value == stream.calls().user_id.nunique()


def test_cost_per_active_user_divides_by_distinct_users(sent: Any) -> None:
    project, stream = sent
    window = windows()[0]
    with project_scope(project.pk):
        reading = series.reading("cost_per_mau", window, now=NOW)
    users = stream.calls(window).user_id.nunique()
    assert reading.value == pytest.approx(stream.cost_nano(window) / 1e9 / users)
    assert reading.sample_size == users
