"""Taking the texts out of rows that outlive them, portion by portion: what was counted of them stays.

A cleared row is like one that was sent without texts, so a portion may be done again. Everything happens inside a
project's scope.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from ingest.dimensions import FeedbackKind
from ingest.projects.scope import current_project
from ingest.timeline import local_day


class Swept(NamedTuple):
    """How many rows a portion deleted or cleared, and whether the next one may find more."""

    rows: int
    left: bool


@dataclass(frozen=True)
class Outlived:
    """Rows of a table that outlive their texts: columns, each with what it holds without a text.

    `has_text` is SQL that is true for a row with a text. The index on a large table says the same, in the order of
    `project`, `at` and `rest`: no other one can be taken for it.
    """

    table: str
    texts: Mapping[str, str]
    has_text: str
    at: str = "occurred_at"
    rest: tuple[str, ...] = ("id",)
    project: str = "(project_id + 0)"

    def edge(self, before: datetime, zone_name: str) -> datetime | date:
        """The instant before which texts go; of what belongs to a month the month in which that lies, which stays."""
        return local_day(before, zone_name).replace(day=1) if self.at == "month" else before


# An escalation's label is the reason that somebody wrote. Where there are marks of words, there is a hash in the metadata.
LARGE = (
    Outlived(
        "feedback",
        {
            **dict.fromkeys(("comment", "final_text", "word_marks", "metadata"), "NULL"),
            "label": f"CASE WHEN kind = {FeedbackKind.ESCALATION:d} THEN NULL ELSE label END",
        },
        "(comment IS NOT NULL OR final_text IS NOT NULL OR metadata IS NOT NULL"
        f" OR kind = {FeedbackKind.ESCALATION:d} AND label IS NOT NULL)",
    ),
    Outlived("cost", {"description": "NULL", "metadata": "NULL"}, "(description IS NOT NULL OR metadata IS NOT NULL)"),
    Outlived("user_event", {"metadata": "NULL"}, "metadata IS NOT NULL"),
)
SMALL = (
    Outlived("change_event", {"metadata": "''"}, "metadata <> ''", project="project_id"),
    Outlived("figure", {"metadata": "NULL"}, "metadata IS NOT NULL", "month", ("name", "tier", "id"), "project_id"),
)


def has_texts(before: datetime, zone_name: str) -> bool:
    """Whether any of the small tables holds a text from before an instant."""
    asked = [
        f"EXISTS (SELECT FROM {rows.table} WHERE project_id = %(project)s AND {rows.at} < %({rows.table})s AND {rows.has_text})"
        for rows in SMALL
    ]
    edges = {rows.table: rows.edge(before, zone_name) for rows in SMALL}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' OR '.join(asked)}", {"project": current_project(), **edges})
        return bool(cursor.fetchone()[0])


def clear(rows: Outlived, before: datetime, zone_name: str, limit: int) -> Swept:
    """Take the texts out of the oldest rows that have some, from before an instant."""
    order = (rows.at, *rows.rest)
    names = ", ".join(order)
    where = f"{rows.project} = %(project)s AND {rows.at} < %(before)s AND {rows.has_text}"
    parameters: dict[str, Any] = {
        "project": current_project(),
        "before": rows.edge(before, zone_name),
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM {rows.table} WHERE {where} ORDER BY {names} LIMIT %(limit)s", parameters)
        found = cursor.fetchall()
        if found:
            for edge, row in (("first", found[0]), ("last", found[-1])):
                parameters |= {f"{edge}_{number}": value for number, value in enumerate(row)}
            where += _beyond(order, ">=", "first") + _beyond(order, "<=", "last")
            emptied = ", ".join(f"{name} = {empty}" for name, empty in rows.texts.items())
            cursor.execute(f"UPDATE {rows.table} SET {emptied} WHERE {where}", parameters)
    return Swept(len(found), len(found) >= limit)


def _beyond(order: tuple[str, ...], sign: str, edge: str) -> str:
    """A condition on rows from an edge on. The time alone lets the planner leave out weeks; the key ends it in an instant."""
    places = ", ".join(f"%({edge}_{number})s" for number in range(len(order)))
    return f" AND {order[0]} {sign} %({edge}_0)s AND ({', '.join(order)}) {sign} ({places})"
