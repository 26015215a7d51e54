"""Stored buckets tile a window exactly, in every zone, whatever is merged and however its ends lie."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.timeline import DAY, HOUR, MINUTE, QUARTER, Window, ceil, day_start, day_window, floor, local_day
from observatory.metrics import windows
from observatory.metrics.windows import BadWindow, Grain, Level, Stored

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
NOW = datetime(2026, 3, 30, 10, 22, 41, tzinfo=UTC)

zones = st.sampled_from(ZONES)
instants = st.datetimes(datetime(2026, 3, 1), datetime(2026, 4, 30)).map(lambda at: at.replace(tzinfo=UTC))


def some_days(zone: str, picks: set[int]) -> frozenset[datetime]:
    first = local_day(datetime(2026, 3, 1, tzinfo=UTC), zone)
    return frozenset(day_start(first + n * DAY, zone) for n in picks)


@given(
    zones, instants, instants, st.sets(st.integers(0, 60)), st.sets(st.integers(0, 5_000)), st.sampled_from(list(Level))
)
def test_pieces_tile_the_window(
    zone: str, one: datetime, other: datetime, days: set[int], quarters: set[int], coarsest: Level
) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    unmerged = frozenset(start + n * QUARTER for n in quarters)
    stored = Stored(zone, datetime(2026, 3, 20, tzinfo=UTC), unmerged, some_days(zone, days))
    if one == other:
        return
    window = windows.aligned(Window(min(one, other), max(one, other)), stored)
    if coarsest is Level.MINUTE and window.start < stored.minutes_from:
        return
    runs = windows.pieces(window, stored, coarsest)
    assert runs[0].window.start == window.start
    assert runs[-1].window.end == window.end
    assert all(before.window.end == after.window.start for before, after in pairwise(runs))
    for run in runs:
        assert run.level <= coarsest
        if run.level is Level.DAY:
            assert day_start(local_day(run.window.start, zone), zone) == run.window.start
            assert day_start(local_day(run.window.end, zone), zone) == run.window.end
            assert not any(run.window.holds(day) for day in stored.unmerged_days)
        if run.level is Level.QUARTER:
            assert floor(run.window.start, QUARTER) == run.window.start
            kept = [quarter for quarter in unmerged if quarter >= stored.minutes_from]
            assert not any(run.window.holds(quarter) for quarter in kept)
        if run.level is Level.MINUTE:
            assert run.window.start >= stored.minutes_from


def test_a_month_of_merged_days_is_one_piece() -> None:
    window = Window(day_start(NOW.date() - 28 * DAY, "Europe/Berlin"), day_start(NOW.date(), "Europe/Berlin"))
    assert windows.pieces(window, Stored("Europe/Berlin")) == [windows.Piece(Level.DAY, window)]


def test_a_window_moves_outwards_to_what_is_stored() -> None:
    stored = Stored("UTC", NOW - 2 * DAY)
    assert windows.aligned(Window(NOW - HOUR, NOW), stored) == Window(
        datetime(2026, 3, 30, 9, 22, tzinfo=UTC), datetime(2026, 3, 30, 10, 23, tzinfo=UTC)
    )
    assert windows.aligned(Window(NOW - 9 * DAY, NOW), stored).start == datetime(2026, 3, 21, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize("end", [NOW, NOW - MINUTE])
def test_a_window_that_ends_before_it_starts_is_refused(end: datetime) -> None:
    with pytest.raises(BadWindow, match="ends after it starts"):
        windows.aligned(Window(NOW, end), Stored("UTC"))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("grain", list(Grain))
def test_points_follow_each_other_without_a_gap(zone: str, grain: Grain) -> None:
    # Both changes of the clocks of spring 2026 lie inside for most zones.
    window = Window(NOW - 26 * DAY, NOW + 6 * DAY) if grain is not Grain.MINUTE else Window(NOW - HOUR, NOW)
    points = windows.points(window, grain, zone)
    assert points[0].start <= window.start < points[0].end
    assert points[-1].start < window.end <= points[-1].end
    assert all(before.end == after.start for before, after in pairwise(points))
    for point in points:
        assert grain is not Grain.DAY or point == day_window(local_day(point.start, zone), zone)


def test_hours_are_those_of_a_half_hour_zone() -> None:
    points = windows.points(Window(NOW - 3 * HOUR, NOW), Grain.HOUR, "Asia/Kolkata")
    assert {point.start.minute for point in points} == {30}


def test_days_over_a_change_of_the_clocks_have_23_and_25_hours() -> None:
    spring = windows.points(Window(NOW - 2 * DAY, NOW), Grain.DAY, "Europe/Berlin")
    assert [point.length for point in spring] == [24 * HOUR, 23 * HOUR, 24 * HOUR]
    autumn = datetime(2026, 10, 25, 12, tzinfo=UTC)
    (point,) = windows.points(Window(autumn, autumn + HOUR), Grain.DAY, "Europe/Berlin")
    assert point.length == 25 * HOUR


@pytest.mark.parametrize(
    ("length", "grain"),
    [(2 * HOUR, "1m"), (5 * HOUR, "15m"), (DAY, "15m"), (3 * DAY, "1h"), (7 * DAY, "1d"), (400 * DAY, "1d")],
)
def test_the_grain_suits_the_length(length: timedelta, grain: str) -> None:
    stored = Stored("UTC", floor(NOW, QUARTER) - 2 * DAY)
    assert windows.grain_of(Window(NOW - length, NOW), stored) == grain


@pytest.mark.parametrize(
    ("length", "wanted", "said"),
    [
        (DAY, "fortnight", "auto, 1m, 15m, 1h, 1d"),
        (3 * DAY, "1m", "grain 1m is kept from"),
        (90 * DAY, "1m", "this window can have grain 1d"),
        (9_000 * DAY, "1m", "on; ask for a shorter window"),
        (90 * DAY, "15m", "grain 1d"),
        (30 * DAY, "15m", "grain 1h or 1d"),
        (9_000 * DAY, "auto", "at most 1500 days"),
        (9_000 * DAY, "1d", "shorter window"),
    ],
)
def test_a_grain_that_cannot_be_says_what_can(length: timedelta, wanted: str, said: str) -> None:
    with pytest.raises(BadWindow, match=said):
        windows.grain_of(Window(NOW - length, NOW), Stored("UTC", NOW - 2 * DAY), wanted)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("today", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("week", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("month", datetime(2026, 2, 28, 23, tzinfo=UTC)),
    ],
)
def test_a_span_of_the_calendar_ends_now(text: str, start: datetime) -> None:
    assert windows.span(text, NOW, "Europe/Berlin") == Window(start, NOW)


@pytest.mark.parametrize(("text", "length"), [("15m", QUARTER), ("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY)])
def test_a_span_is_as_long_as_it_says_also_when_moved_to_what_is_stored(text: str, length: timedelta) -> None:
    window = windows.span(text, NOW, "Europe/Berlin")
    assert window == Window(ceil(NOW, MINUTE) - length, ceil(NOW, MINUTE))
    assert windows.aligned(window, Stored("Europe/Berlin")) == window


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        ("10:07", "10:22", ("10:00", "10:15")),
        ("09:22", "10:22", ("09:15", "10:15")),
        ("10:17", "10:22", ("10:00", "10:15")),
        ("10:15", "10:22", ("10:00", "10:15")),
        ("08:07", "08:22", ("08:00", "08:30")),
        ("08:00", "08:30", ("08:00", "08:30")),
        ("09:00", "12:00", ("09:00", "12:00")),
    ],
)
def test_a_window_in_quarters_leaves_the_open_one_out(start: str, end: str, found: tuple[str, str]) -> None:
    at = {text: datetime.fromisoformat(f"2026-03-30T{text}Z") for text in (start, end, *found)}
    assert windows.in_quarters(Window(at[start], at[end]), NOW) == Window(at[found[0]], at[found[1]])


@pytest.mark.parametrize(
    ("length", "weeks"),
    [
        (QUARTER, 1),
        (7 * DAY, 1),
        (7 * DAY + 3 * MINUTE, 1),
        (7 * DAY + HOUR, 1),
        (7 * DAY + 2 * HOUR, 2),
        (14 * DAY + QUARTER, 2),
        (28 * DAY, 4),
    ],
)
def test_a_week_and_some_minutes_is_one_week(length: timedelta, weeks: int) -> None:
    assert windows.weeks_in(length) == weeks


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7y", "٧d", "1e3d", " 7d"])
def test_a_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadWindow, match="15m, 24h or 7d"):
        windows.span(text, NOW, "UTC")


@pytest.mark.parametrize("text", ["0d", "000m", "100000d", "99999999h", "9" * 5000 + "d"])
def test_a_span_that_is_too_long_or_nothing_is_told_the_limits(text: str) -> None:
    with pytest.raises(BadWindow, match=f"window is from 1{text[-1]} to 99999{text[-1]}; with a series at most 1500d"):
        windows.span(text, NOW, "UTC")


def test_the_longest_span_is_taken() -> None:
    assert windows.span("0099999d", NOW, "UTC").length == 99_999 * DAY


def test_the_same_weekday_is_the_same_local_day_over_a_change_of_the_clocks() -> None:
    monday = day_window(NOW.date(), "Europe/Berlin")
    assert windows.weeks_before(monday, "Europe/Berlin", 1) == day_window(NOW.date() - 7 * DAY, "Europe/Berlin")


def test_a_baseline_is_the_first_28_days() -> None:
    window = windows.baseline(datetime(2026, 3, 10, 23, 30, tzinfo=UTC), "Europe/Berlin")
    assert window == Window(
        day_start(NOW.date().replace(day=11), "Europe/Berlin"), datetime(2026, 4, 7, 22, tzinfo=UTC)
    )
