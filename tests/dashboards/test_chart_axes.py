"""Ticks, ranges and labels."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts import axes
from dashboards.charts.data import Frame

START = datetime(2026, 8, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
finite = st.integers(-(10**12), 10**12).map(lambda thousandths: thousandths / 1000)


def names(frame: Frame) -> list[str]:
    return [text.replace("\u00a0", " ") for text in axes.time_axis(frame)["ticktext"]]


def test_a_day_is_cut_at_round_hours() -> None:
    assert names(Frame(START, START + DAY, HOUR, UTC)) == ["1 Aug", "06:00", "12:00", "18:00"]


def test_weeks_are_cut_at_mondays() -> None:
    assert names(Frame(START, START + 28 * DAY, DAY, UTC)) == ["3 Aug", "10 Aug", "17 Aug", "24 Aug"]


def test_a_year_is_cut_at_firsts_of_months() -> None:
    assert names(Frame(START, START + 365 * DAY, DAY, UTC))[:2] == ["Oct 2026", "Jan 2027"]


def test_ticks_stand_at_local_midnight_also_after_the_clocks_changed() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 10, 23, tzinfo=zone)
    axis = axes.time_axis(Frame(start, start + 6 * DAY, DAY, zone))
    assert axis["tickvals"] == [f"2026-10-{day} 00:00" for day in range(23, 29)]


@given(
    st.floats(0.01, 4000), st.sampled_from([timedelta(minutes=1), timedelta(minutes=15), HOUR, DAY]),
    st.sampled_from(["normal", "tall", "low"]),
)  # fmt: skip
def test_a_window_never_gets_more_ticks_than_it_can_hold(days: float, grain: timedelta, size: axes.Size) -> None:
    ticks = axes.time_ticks(Frame(START, START + timedelta(days=days), grain, ZoneInfo("America/New_York"), size))
    assert len(ticks) <= (9 if size == "tall" else 6) + 1
    assert ticks == sorted(ticks)


@given(st.lists(st.one_of(st.none(), finite), max_size=20), st.lists(finite, max_size=3))
def test_the_axis_holds_all_values(values: list[float | None], limits: list[float]) -> None:
    low, high = axes.value_range(values, limits)
    assert low < high
    assert all(low <= value <= high for value in values if value is not None)


def test_a_far_limit_does_not_flatten_the_data() -> None:
    assert axes.value_range([0.002, 0.003, 0.0025], [0.05])[1] < 0.004


def test_a_flat_line_has_air_around_it_and_zero_shows_its_limit() -> None:
    assert axes.value_range([5.0, 5.0]) == pytest.approx((0, 10.6))
    assert axes.value_range([0.0, 0.0], [0.02, 0.05])[1] > 0.02
    assert axes.value_range([]) == pytest.approx((0, 1.06))


def test_a_near_limit_joins_the_axis() -> None:
    low, high = axes.value_range([0.70, 0.66], [0.652, 0.702])
    assert low < 0.652 < 0.702 < high


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.sampled_from(["ratio", "usd", "ms", "count", "score"]))
def test_an_axis_has_few_round_ticks_inside_itself(low: float, height: float, unit: str) -> None:
    axis = axes.value_axis(low, low + height, unit)
    slack = height * 1e-6 + abs(low) * 1e-9
    assert len(axis["tickvals"]) == len(axis["ticktext"]) <= 7
    assert all(low - slack <= tick <= low + height + slack for tick in axis["tickvals"])


@pytest.mark.parametrize(
    ("tick", "step", "unit", "text"),
    [
        (0.65, 0.05, "ratio", "65 %"), (0.005, 0.005, "ratio", "0.5 %"), (0.02, 0.01, "usd", "$0.02"),
        (0, 5, "usd", "$0"),
        (20000, 5000, "usd", "$20k"), (1500, 500, "ms", "1.5 s"), (0, 500, "ms", "0"), (20000, 5000, "count", "20k"),
    ],
)  # fmt: skip
def test_ticks_are_as_short_as_their_step_allows(tick: float, step: float, unit: str, text: str) -> None:
    assert axes.tick_text(tick, step, unit).replace("\u00a0", " ") == text


@given(st.lists(st.floats(-50, 150), max_size=10))
def test_labels_at_the_edge_never_touch(wanted: list[float]) -> None:
    placed = sorted(axes.spread(wanted, 0, 100))
    pitch = 100 * 13 / axes.plot_height("normal")
    assert all(after - before >= pitch - 1e-6 for before, after in pairwise(placed))


def test_labels_that_do_not_touch_stay_where_they_are() -> None:
    assert axes.spread([80, 20, 50], 0, 100) == [80, 20, 50]
