"""A project with a past, the duty that forgets it, and all that is there to be compared."""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ingest import records
from ingest.dimensions import FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention.horizons import ANNOUNCED_FOR
from ingest.timeline import DAY, HOUR
from observatory import retaining
from observatory.metrics import roller, verify
from observatory.metrics.windows import Level
from tests.ingest.record import rows, take

RAW = ("interaction", "payload", "feedback", "verdict", "cost", "user_event", "record_key")
# What is left of a `short` project once its settings are followed.
LEFT = {
    "interaction": 6,
    "payload": 3,
    "feedback": 6,
    "verdict": 6,
    "cost": 2,
    "user_event": 2,
    "record_key": 6 + 6 + 2 + 2,
}
ROLLUPS = {
    "sheet": "level, facts, dimension, feature_id, bucket, counters, latency_ms",
    "user_day": "day, feature_id, cluster, calls, cost_nano, thumbs, thumbs_up",
}


def post_past(project: Project, now: datetime, days: Sequence[int], *, each: int = 3) -> None:
    """Interactions with feedback, costs, users and changes on some days before now, as apps would have sent them."""
    chance = random.Random(7)
    for day in days:
        at = now - day * DAY - HOUR
        names = [f"i-{day}-{n}" for n in range(each)]
        calls = [
            {
                "id": name,
                "feature": "draft",
                "user_id": f"u{n}",
                "occurred_at": (at + n * timedelta(minutes=7)).isoformat(),
                "latency_ms": chance.randrange(100, 4000),
                "prompt": f"prompt of {name}",
                "output": f"output of {name}",
            }
            for n, name in enumerate(names)
        ]
        take(project, records.INTERACTIONS, calls, at)
        thumbs = [{"id": f"f-{name}", "kind": "thumb", "value": "up", "interaction_id": name} for name in names]
        take(project, records.FEEDBACK, [{**thumb, "comment": f"about {thumb['id']}"} for thumb in thumbs], at + HOUR)
        cost = {"id": f"c-{day}", "component": "retrieval", "amount_usd": "0.5", "interaction_id": names[0]}
        take(project, records.COSTS, cost, at + HOUR)
        take(project, records.USERS, {"id": f"u-{day}", "user_id": "u1", "event": "seen"}, at)


def shortened(project: Project, now: datetime) -> Project:
    """A project that keeps raw rows for 30 days and texts for 10: a day before both, one between them, one after."""
    post_past(project, now, (50, 20, 2))
    roll(project, now)
    project.raw_days, project.text_days = 30, 10
    project.save(update_fields=["raw_days", "text_days"])
    return project


def rollups(project: Project) -> dict[str, list[dict[str, Any]]]:
    """Every sheet of a day and every user row, to be compared with later ones; quarters go with raw rows."""
    found = {table: rows(project, table, columns) for table, columns in ROLLUPS.items()}
    found["sheet"] = [row for row in found["sheet"] if row["level"] == Level.DAY]
    return {table: sorted(part, key=str) for table, part in found.items()}


def counts(project: Project) -> dict[str, int]:
    """How many rows each raw table has."""
    return {table: len(rows(project, table, "1")) for table in RAW}


def horizons(project: Project) -> tuple[datetime | None, datetime | None]:
    """Both horizons as the database has them."""
    project.refresh_from_db()
    return project.raw_horizon, project.text_horizon


def roll(project: Project, now: datetime) -> None:
    """Bring the rollups up to date."""
    roller.roll(now, only=[project.pk], everything=True)


def retain(project: Project, now: datetime, *, steps: Sequence[str] = retaining.STEPS) -> retaining.Report:
    """The whole duty: announce, and when the announcement is old enough all the rest."""
    retaining.retain(now, only=[project.pk], steps=steps)
    return retaining.retain(now + ANNOUNCED_FOR, only=[project.pk], budget_s=60, steps=steps)


def differences(project: Project, instants: Iterable[datetime]) -> list[verify.Difference]:
    """Where the rollups of these days say something else than the raw rows."""
    return [found for at in instants for found in verify.verify(project, at.date()).differences]


def thumbs_up(project: Project) -> int:
    """The verdicts that are there."""
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM verdict WHERE project_id = %s AND kind = %s", [project.pk, int(FeedbackKind.THUMB)]
        )
        return int(cursor.fetchone()[0])
