"""The twin of every chart: the same numbers as a table, for the page and for CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, tzinfo

from dashboards import formatting
from dashboards.charts.data import Cell, Column, Frame, Group, Point, Table

SHOWN = 400
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def of_points(frame: Frame, name: str, unit: str, points: list[Point]) -> Table:
    """time, value, interval where there is one, n, and what is still open."""
    interval = any(point.low is not None for point in points)
    columns = [Column("Time", "time"), Column(name, unit)]
    columns += [Column("Low 95 %", unit), Column("High 95 %", unit)] if interval else []
    columns += [Column("n", "count"), Column("State")]
    rows = []
    for point in points:
        ends: list[Cell] = [point.low, point.high] if interval else []
        rows.append((point.at, point.value, *ends, point.n, state_of(point)))
    return Table(tuple(columns), tuple(rows), frame.zone)


def of_groups(frame: Frame, unit: str, groups: list[Group]) -> Table:
    """One row a time, one column a group."""
    by_time: dict[datetime, dict[str, float | None]] = {}
    for group in groups:
        for point in group.points:
            by_time.setdefault(point.at, {})[group.name] = point.value
    columns = (Column("Time", "time"), *(Column(group.name, unit) for group in groups))
    rows = tuple((at, *(values.get(group.name) for group in groups)) for at, values in sorted(by_time.items()))
    return Table(columns, rows, frame.zone)


def state_of(point: Point) -> str:
    """Why a bucket is not to be read like the others; empty for a settled one."""
    if point.value is None:
        return "no data"
    if not point.settled:
        return "not mature" if point.complete else "open"
    return "time zone changed, not a whole day" if point.seam else ""


def shown(cell: Cell, column: Column, zone: tzinfo) -> str:
    """A cell as people read it."""
    if isinstance(cell, datetime):
        wall = cell.astimezone(zone)
        return formatting.day(cell, zone) if not (wall.hour or wall.minute) else formatting.moment(cell, zone)
    if isinstance(cell, str):
        return cell
    return formatting.value(cell, "ratio" if column.unit == "share" else column.unit)


def shown_rows(table: Table) -> list[list[str]]:
    """The rows, worded, newest time first as people look for it; at most SHOWN, the CSV has all."""
    turned = (table.rows[::-1] if table.columns[0].unit == "time" else table.rows)[:SHOWN]
    return [[shown(cell, col, table.zone) for cell, col in zip(row, table.columns, strict=True)] for row in turned]


def csv_lines(table: Table) -> Iterator[str]:
    """RFC 4180 lines: times in the project's zone with their offset (RFC 3339), raw numbers, unknown is empty. A text that a spreadsheet would run as a
    formula gets an apostrophe in front."""
    yield _line([_harmless(f"{c.title} ({c.unit})" if c.numeric else c.title) for c in table.columns])
    for row in table.rows:
        yield _line([_raw(cell, table.zone) for cell in row])


def _raw(cell: Cell, zone: tzinfo) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(zone).isoformat()
    return _harmless(cell) if isinstance(cell, str) else repr(cell)


def _harmless(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
