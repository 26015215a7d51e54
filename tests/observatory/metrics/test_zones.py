"""Every time zone there is, over sixteen years of changed clocks: local days are made of whole quarters, without gap or overlap.

The years begin with 2011 because of Samoa, which left out a whole day in it. Up to 2010 Newfoundland and Labrador put
their clocks back over midnight a minute after it, so that a day came twice: nothing so old is ever counted (retention
offers ten years), and no zone does it any more.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from ingest.timeline import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    QUARTER,
    SECOND,
    WEEK,
    Window,
    day_start,
    day_window,
    days,
    floor,
    local_day,
)
from observatory.metrics import windows
from observatory.metrics.windows import Grain, Level, Stored

FIRST, LAST = datetime(2011, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
AN_INSTANT = timedelta(microseconds=1)
BEFORE, AFTER = 2, 2
"""Days that are looked at around a change of the clocks."""

SAMOA_LEFT_OUT = date(2011, 12, 30)


@cache
def rules() -> dict[str, tuple[datetime, ...]]:
    """One zone of each rule there is, and the instants at which its clocks are changed."""
    weeks = [FIRST + number * WEEK for number in range((LAST - FIRST) // WEEK + 1)]
    alike: dict[tuple[timedelta | None, ...], str] = {}
    for name in sorted(available_timezones()):
        known = ZoneInfo(name)
        alike.setdefault(tuple(week.astimezone(known).utcoffset() for week in weeks), name)
    return {
        name: tuple(
            _change(ZoneInfo(name), *both)
            for both, (one, other) in zip(pairwise(weeks), pairwise(offsets), strict=True)
            if one != other
        )
        for offsets, name in alike.items()
    }


def _change(known: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second with the later offset."""
    offset = before.astimezone(known).utcoffset()
    while before + SECOND < after:
        middle = before + (after - before) // 2 // SECOND * SECOND
        is_before = middle.astimezone(known).utcoffset() == offset
        before, after = (middle, after) if is_before else (before, middle)
    return after


def watched(name: str, changes: tuple[datetime, ...]) -> Iterator[tuple[date, date]]:
    """Runs of days in which something may happen to a zone: around each change, and around the turn of each year."""
    turns = tuple(datetime(year, 1, 1, tzinfo=UTC) for year in range(FIRST.year, LAST.year))
    for at in (*changes, *turns):
        day = local_day(at, name)
        yield day - BEFORE * DAY, day + AFTER * DAY


def every_run() -> Iterator[tuple[str, date, date]]:
    """Every run of every rule."""
    return ((name, *run) for name, changes in rules().items() for run in watched(name, changes))


def test_there_are_as_many_rules_and_changes_as_the_world_has():
    changes = [at for found in rules().values() for at in found]
    assert len(rules()) > 100
    assert len(changes) > 1_500
    assert {at - floor(at, QUARTER) for at in changes} == {timedelta(0), MINUTE}, "some are a minute past midnight"


def test_local_days_follow_each_other_without_gap_or_overlap():
    for name, first, last in every_run():
        tiles = [day_window(day, name) for day in days(first, last)]
        assert all(one.end == other.start for one, other in pairwise(tiles)), (name, first)
        for day, tile in zip(days(first, last), tiles, strict=True):
            if tile.length:
                assert local_day(tile.start, name) == local_day(tile.end - AN_INSTANT, name) == day, (name, day)
                assert local_day(tile.start - AN_INSTANT, name) < day, (name, day)


def test_a_day_has_23_to_25_hours_but_where_a_zone_has_decided_otherwise():
    lengths: dict[timedelta, set[str]] = defaultdict(set)
    for name, first, last in every_run():
        for day in days(first, last):
            lengths[day_window(day, name).length].add(name)
    assert lengths[timedelta(0)] == {"Pacific/Apia", "Pacific/Fakaofo"}, "the day that was left out"
    assert lengths[22 * HOUR] & lengths[26 * HOUR] >= {"Antarctica/Troll"}, "two hours of summer time"
    assert lengths[21 * HOUR] | lengths[27 * HOUR] == {"Antarctica/Casey"}
    assert lengths[23 * HOUR + HOUR / 2] & lengths[24 * HOUR + HOUR / 2] >= {"Australia/LHI"}
    assert all(length <= 27 * HOUR and not length % (HOUR / 2) for length in lengths)


def test_no_quarter_of_an_hour_belongs_to_two_days():
    """Quarters are UTC quarters: every zone's days begin with one, and a quarter's day is that of each of its instants."""
    for name, first, last in every_run():
        for day in days(first, last):
            start = day_start(day, name)
            assert floor(start, QUARTER) == start, (name, day)
    for name, changes in rules().items():
        for at in changes:
            for number in range(-12, 12):
                quarter = floor(at, QUARTER) + number * QUARTER
                day = local_day(quarter, name)
                assert local_day(quarter + QUARTER - AN_INSTANT, name) == day, (name, quarter)
                assert day_window(day, name).holds(quarter), (name, quarter)


def test_sums_of_days_are_sums_of_their_quarters_and_minutes():
    """As the roller puts them together: each quarter into the day it lies in, by its first instant."""
    for name, first, last in every_run():
        whole = Window(day_start(first, name), day_start(last + DAY, name))
        quarters = [whole.start + number * QUARTER for number in range(whole.length // QUARTER)]
        edges = [at for at in quarters if _is_near_midnight(at, name)]
        merged: Counter[date] = Counter()
        for quarter in edges:
            merged[local_day(quarter, name)] += _between(quarter, quarter + QUARTER)
        for day in days(first, last):
            window = day_window(day, name)
            assert merged[day] == sum(_between(at, at + QUARTER) for at in edges if window.holds(at)), (name, day)
        assert sum(_between(day_start(day, name), day_start(day + DAY, name)) for day in days(first, last)) == _between(
            whole.start, whole.end
        )


def _is_near_midnight(at: datetime, name: str) -> bool:
    return at.astimezone(ZoneInfo(name)).hour in {0, 23}


def _between(start: datetime, end: datetime) -> int:
    """A made-up count of calls, every minute another one: those of the n-th minute are n."""
    first, last = (start - EPOCH) // MINUTE, (end - EPOCH) // MINUTE
    return (last * (last - 1) - first * (first - 1)) // 2


@pytest.mark.parametrize("seed", range(4))
def test_any_window_is_the_sum_of_the_stored_buckets_it_is_read_from(seed):
    chance = random.Random(seed)
    runs = list(every_run())
    for name, first, last in chance.sample(runs, 400):
        whole = Window(day_start(first, name), day_start(last + DAY, name))
        minutes = whole.length // MINUTE
        one, other = sorted(chance.sample(range(minutes + 1), 2))
        stored = Stored(
            name,
            minutes_from=floor(whole.start + chance.randrange(minutes) * MINUTE, QUARTER),
            unmerged_quarters=frozenset(
                floor(whole.start, QUARTER) + chance.randrange(400) * QUARTER for _ in range(20)
            ),
            unmerged_days=frozenset(day_start(day, name) for day in days(first, last) if chance.random() < 0.3),
        )
        asked = windows.aligned(Window(whole.start + one * MINUTE, whole.start + other * MINUTE), stored)
        pieces = windows.pieces(asked, stored)
        assert sum(_between(piece.window.start, piece.window.end) for piece in pieces) == _between(
            asked.start, asked.end
        ), (name, asked)
        assert all(one.window.end == other.window.start for one, other in pairwise(pieces)), (name, asked)
        merged = [piece.window for piece in pieces if piece.level is Level.DAY]
        assert all(day_start(local_day(at, name), name) == at for run in merged for at in (run.start, run.end)), name


def test_points_of_days_are_the_local_days():
    for name, first, last in every_run():
        whole = Window(day_start(first, name), day_start(last + DAY, name))
        found = windows.points(whole, Grain.DAY, name)
        assert found == [day_window(day, name) for day in days(local_day(whole.start, name), last)], (name, first)


def test_hours_tile_every_day_in_every_zone():
    """23, 24 or 25 of them, counted from the day's first instant; where a day is no whole number of hours the last is short."""
    for name, first, last in every_run():
        for day in days(first, last):
            whole = day_window(day, name)
            if not whole.length:
                continue
            found = windows.points(whole, Grain.HOUR, name)
            assert (found[0].start, found[-1].end) == (whole.start, whole.end), (name, day)
            assert all(one.end == other.start for one, other in pairwise(found)), (name, day)
            assert all(hour.length == HOUR for hour in found[:-1]), (name, day)
            assert 0 * HOUR < found[-1].length <= HOUR, (name, day)
            assert all(floor(hour.start, QUARTER) == hour.start for hour in found), (name, day)
            is_plain = whole.length % HOUR == 0 * HOUR and whole.start.astimezone(ZoneInfo(name)).minute == 0
            if is_plain and not _changes_inside(name, whole):
                assert all(hour.start.astimezone(ZoneInfo(name)).minute == 0 for hour in found), (name, day)


def _changes_inside(name: str, day: Window) -> bool:
    """Whether the clocks are moved within a day."""
    return any(day.start < at < day.end for at in rules()[name])


def test_samoa_had_no_30_december_in_2011():
    assert day_window(SAMOA_LEFT_OUT, "Pacific/Apia").length == timedelta(0)
    assert day_window(SAMOA_LEFT_OUT - DAY, "Pacific/Apia").end == day_start(SAMOA_LEFT_OUT + DAY, "Pacific/Apia")
    assert day_window(SAMOA_LEFT_OUT + DAY, "Pacific/Apia") == Window(
        datetime(2011, 12, 30, 10, tzinfo=UTC), datetime(2011, 12, 31, 10, tzinfo=UTC)
    )


def test_a_day_without_midnight_begins_at_the_first_instant_it_has():
    assert day_start(date(2011, 10, 16), "America/Sao_Paulo") == datetime(2011, 10, 16, 3, tzinfo=UTC)
    assert day_start(date(1919, 3, 31), "America/Toronto") == datetime(1919, 3, 31, 4, 30, tzinfo=UTC), "half past"
