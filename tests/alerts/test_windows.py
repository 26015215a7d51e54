"""Which windows a rule looks at and when each may be judged."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.cadence import GRACE, Cadence, closes_at
from ingest.timeline import Window


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


FIVE = Cadence(15, 5, "UTC")
BERLIN = Cadence(7 * 1440, 0, "Europe/Berlin")


@pytest.mark.parametrize(
    ("cadence", "after", "end"),
    [
        (FIVE, "2026-03-01T12:00", "2026-03-01T12:05"),
        (FIVE, "2026-03-01T12:04:59.999999", "2026-03-01T12:05"),
        (FIVE, "2026-03-01T12:05", "2026-03-01T12:10"),
        (Cadence(1440, 15, "Asia/Kathmandu"), "2026-03-01T12:01", "2026-03-01T12:15"),
        (Cadence(1440, 0, "UTC"), "2026-03-01T00:00", "2026-03-02T00:00"),
        (BERLIN, "2026-03-01T12:00", "2026-03-01T23:00"),
        (BERLIN, "2026-03-28T23:00", "2026-03-29T22:00"),
        (BERLIN, "2026-10-24T22:00", "2026-10-25T23:00"),
    ],
)
def test_the_next_window_ends_after_the_last_one(cadence, after, end):
    assert cadence.end_after(at(after)) == at(end)


def test_windows_overlap_and_leave_no_gap():
    assert FIVE.window(at("2026-03-01T12:05")) == Window(at("2026-03-01T11:50"), at("2026-03-01T12:05"))


def test_a_week_of_local_days_keeps_its_days_over_a_change_of_the_clocks():
    week = BERLIN.window(at("2026-03-30T22:00"))
    assert week == Window(at("2026-03-23T23:00"), at("2026-03-30T22:00"))
    assert week.length == timedelta(days=7) - timedelta(hours=1)


def test_every_day_of_a_year_has_one_window_in_order():
    end, ends = at("2026-01-01T12:00"), []
    for _ in range(365):
        end = BERLIN.end_after(end)
        ends.append(end)
    assert ends == sorted(set(ends))
    assert ends[-1] == at("2026-12-31T23:00")


def test_a_window_closes_a_minute_after_its_end_and_one_of_feedback_a_day_later():
    end = at("2026-03-01T12:00")
    assert closes_at(end) == end + GRACE == end + timedelta(seconds=60)
    assert closes_at(end, timedelta(hours=24)) == end + timedelta(days=1, seconds=60)
