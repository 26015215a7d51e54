"""Stored records as rows of an export, in order of time, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import psycopg
from django.db import connection

from ingest.dimensions import Dimension
from ingest.models import DimensionValue
from ingest.projects.access import current_project
from ingest.timeline import Window
from observatory.metrics.exports.columns import Column, Kind, named
from observatory.metrics.exports.forms import Cell, Row

PAGE = 2_000
PAGE_BYTES = 1 << 20
"""What a page's texts may weigh, but for its last row."""

SEARCHED = 20_000
"""So many keys are looked through for one feature's rows before somebody else has a turn."""

_Place = tuple[datetime, str]


@dataclass
class Records:
    """The records of one kind that happened in a window, of a feature by its number or of all."""

    kind: Kind
    window: Window
    feature: int | None = None
    has_texts: bool = False
    _after: _Place | None = None
    _is_over: bool = False
    _most: int | None = None
    """How many rows the next page may have: fewer where the last one's texts were heavy."""
    _values: dict[tuple[int, int], str] = field(default_factory=dict)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """What is shown."""
        return self.kind.shown(has_texts=self.has_texts)

    @cached_property
    def names(self) -> Sequence[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def page(self) -> list[Row] | None:
        """The next rows, in the project's scope; there may be none of the feature among those looked through."""
        if self._is_over:
            return None
        last = None if self.feature is None else self._last_searched()
        most = min(PAGE, self._most or PAGE)
        found = self._fetched(last, most)
        rows: list[Row] = [self._shown(row[3:]) for row in found]
        read = found[0][2] if found else 0
        has_more = bool(found) and (read == most or len(found) < read)
        self._most = 2 * (len(found) if len(found) < read else most)
        self._after = found[-1][:2] if has_more else last
        self._is_over = self._after is None
        return rows

    def _last_searched(self) -> _Place | None:
        """The key up to which is looked for a feature's rows; None when the window has no more than that."""
        query = f"""
            SELECT r.occurred_at, r.id FROM {self.kind.table} r WHERE {self._where(None)}
            ORDER BY r.occurred_at, r.id OFFSET {SEARCHED - 1} LIMIT 1
        """
        with connection.cursor() as cursor:
            cursor.execute(query, self._parameters(None))
            found: _Place | None = cursor.fetchone()
            return found

    def _fetched(self, last: _Place | None, most: int) -> list[tuple[Any, ...]]:
        """Time, id, how many rows the page has, and what is shown; cut off where the texts weigh enough.

        Lengths are known without unpacking what they are of.
        """
        shown = [sql for column in self.columns for sql in (column.sql, *column.also)]
        named_so = [f"c{number}" for number in range(len(shown))]
        lengths = [f"coalesce(octet_length({text.sql}), 0)" for text in self.kind.texts] if self.has_texts else ["0"]
        is_feature = "TRUE" if self.feature is None else "r.feature_id = %(feature)s"
        query = f"""
            SELECT occurred_at, id, rows, {", ".join(named_so)}
            FROM (SELECT r.occurred_at, r.id, count(*) OVER () AS rows,
                      sum({" + ".join(lengths)}) OVER before AS weight,
                      {", ".join(f"{sql} AS {name}" for sql, name in zip(shown, named_so, strict=True))}
                  FROM (SELECT * FROM {self.kind.table} r WHERE {self._where(last)} AND {is_feature}
                        ORDER BY r.occurred_at, r.id LIMIT {most}) r {self.kind.joined if self.has_texts else ""}
                  WINDOW before AS (ORDER BY r.occurred_at, r.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) w
            WHERE coalesce(weight, 0) < {PAGE_BYTES} ORDER BY occurred_at, id
        """
        connection.ensure_connection()
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(query, self._parameters(last), binary=True)
            return cursor.fetchall()

    def _where(self, last: _Place | None) -> str:
        """Bounds by time alone first: they choose the weeks that are read at all."""
        bounds = ["r.project_id = %(project)s", "r.occurred_at >= %(start)s", "r.occurred_at < %(end)s"]
        if self._after:
            bounds.append("(r.occurred_at, r.id) > (%(start)s, %(after)s)")
        if last:
            bounds += ["r.occurred_at <= %(last_at)s", "(r.occurred_at, r.id) <= (%(last_at)s, %(last)s)"]
        return " AND ".join(bounds)

    def _parameters(self, last: _Place | None) -> dict[str, Any]:
        start, after = self._after or (self.window.start, None)
        found = {"project": current_project(), "start": start, "end": self.window.end, "feature": self.feature}
        found |= {"after": after} if self._after else {}
        return found | ({"last_at": last[0], "last": last[1]} if last else {})

    def _shown(self, stored: Sequence[Any]) -> list[Cell]:
        cells: list[Cell] = []
        values = iter(stored)
        for column in self.columns:
            value = next(values)
            if column.dimension is not None:
                cells.append(self._named(column.dimension, value))
            elif column.show is not None:
                cells.append(column.show(value, *(next(values) for _ in column.also)))
            else:
                cells.append(value)
        return cells

    def _named(self, dimension: Dimension, number: int) -> str | None:
        """The value of a dictionary number; the dictionary is read again when it has grown meanwhile."""
        if number > 1 and (dimension, number) not in self._values:
            rows = DimensionValue.objects.values_list("dimension", "number", "value")
            self._values = {(of, known): value for of, known, value in rows}
        return named(dimension, number, self._values)
