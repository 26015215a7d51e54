"""The twin of a chart as table and as CSV."""

import csv
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dashboards.charts import tables
from dashboards.charts.data import Frame, Group, Point

START = datetime(2026, 8, 1, 22, tzinfo=UTC)
DAY = timedelta(days=1)
FRAME = Frame(START, START + 3 * DAY, DAY, ZoneInfo("Europe/Berlin"))


def test_the_newest_row_comes_first_and_says_what_is_open() -> None:
    points = [
        Point(START, 0.7, 0.6, 0.8, 40),
        Point(START + DAY, None),
        Point(START + 2 * DAY, 0.5, 0.4, 0.6, 3, complete=False),
    ]
    rows = tables.shown_rows(tables.of_points(FRAME, "Rate", "ratio", points))
    assert [[cell.replace("\u00a0", " ") for cell in row] for row in rows] == [
        ["4 Aug", "50.0 %", "40.0 %", "60.0 %", "3", "open"],
        ["3 Aug", "—", "—", "—", "0", "no data"],
        ["2 Aug", "70.0 %", "60.0 %", "80.0 %", "40", ""],
    ]


def test_csv_has_raw_numbers_and_times_with_their_offset() -> None:
    table = tables.of_points(FRAME, "Rate", "ratio", [Point(START, 0.7, n=4), Point(START + DAY, None)])
    rows = list(csv.reader(tables.csv_lines(table)))
    assert rows == [
        ["Time", "Rate (ratio)", "n (count)", "State"],
        ["2026-08-02T00:00:00+02:00", "0.7", "4", ""],
        ["2026-08-03T00:00:00+02:00", "", "0", "no data"],
    ]


def test_a_spreadsheet_does_not_run_what_people_wrote() -> None:
    table = tables.of_groups(FRAME, "ratio", [Group('=HYPERLINK("http://x")', [Point(START, 0.5)])])
    head = next(iter(csv.reader(tables.csv_lines(table))))
    assert head[1].startswith("'=")


def test_groups_without_a_value_at_a_time_are_unknown_there() -> None:
    groups = [Group("a", [Point(START, 0.5)]), Group("b", [Point(START + DAY, 0.25)])]
    assert [row[1:] for row in tables.of_groups(FRAME, "ratio", groups).rows] == [(0.5, None), (None, 0.25)]


def test_a_long_table_leaves_its_oldest_rows_to_the_csv() -> None:
    table = tables.of_points(FRAME, "Calls", "calls", [Point(START + hour * DAY / 24, hour) for hour in range(1000)])
    rows = tables.shown_rows(table)
    assert (len(rows), rows[0][1]) == (tables.SHOWN, "999")
    assert len(list(tables.csv_lines(table))) == 1001
