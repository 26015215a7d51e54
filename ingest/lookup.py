"""Finding one interaction by its id, through the key table: the big tables are never searched."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from ingest.dimensions import RecordKind
from ingest.identity import key_of
from ingest.models import Interaction, Payload
from ingest.projects.scope import current_project
from ingest.timeline import Window


@dataclass(frozen=True)
class Known:
    """An interaction with its texts; erased or never sent texts are None."""

    interaction: Interaction
    payload: Payload | None


def occurred_at(kind: RecordKind, id: str) -> datetime | None:
    """When a record of this kind and id counts; None when there is none in the project in scope."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT occurred_at FROM record_key WHERE project_id = %s AND key = %s",
            [current_project(), key_of(kind, id)],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def interaction(id: str) -> Known | None:
    """The interaction with this id in the project in scope."""
    if not id or len(id) > 220:
        return None
    at = occurred_at(RecordKind.INTERACTION, id)
    if at is None:
        return None
    found = Interaction.objects.filter(occurred_at=at, id=id).first()
    return Known(found, Payload.objects.filter(occurred_at=at, id=id).first()) if found else None


def is_named(name: str, window: Window) -> bool:
    """Whether a user, a session or a trace with interactions in the window is called so, in the project in scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_name(%s, %s, %s)", [name, window.start, window.end])
        return bool(cursor.fetchone()[0])
