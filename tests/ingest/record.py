"""Looking into the record from tests, and putting into it without HTTP."""

import json
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from ingest import records, timeline
from ingest.normalise import Receipt
from ingest.records import Answer, Way


def rows(project: Any, table: str, columns: str = "*", where: str = "true", *parameters: Any) -> list[dict[str, Any]]:
    """Rows of a project, as dicts."""
    sql = f"SELECT {columns} FROM {table} WHERE project_id = %s AND {where} ORDER BY 1"
    with connection.cursor() as cursor:
        cursor.execute(sql, [project.id, *parameters])
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def one(project: Any, table: str, columns: str = "*", where: str = "true", *parameters: Any) -> dict[str, Any]:
    """The only row."""
    (found,) = rows(project, table, columns, where, *parameters)
    return found


def take(project: Any, way: Way, body: Any, at: datetime | None = None) -> Answer:
    """Store items in this process, as the endpoint would."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    kept = {"raw_horizon": project.raw_horizon, "raw_days": project.raw_days}
    receipt = Receipt(project.id, project.time_zone, at or timeline.now(), text_policy=project.text_policy, **kept)
    return records.take(way, sent, receipt)


def statuses(answer: Any) -> list[str]:
    """What became of each item, in order."""
    results = answer.results if isinstance(answer, Answer) else answer.json()["results"]
    return [result.status if isinstance(answer, Answer) else result["status"] for result in results]


def utc(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).astimezone(UTC)
