"""Searching the texts of interactions, and listing those that stand out; in the project in scope.

The words are those of `texts.query`. The function in the database reads the project from the setting, so that no
argument can name another one.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet

from ingest.dimensions import EVERY_MARK
from ingest.models import Interaction
from ingest.timeline import EPOCH

PATIENCE_MS = 3_000
FIND = """
    SELECT occurred_at, id FROM search_interactions(
        %s, %s, %s, %s, %s, %s, %s, %s::smallint, %s::smallint, %s, %s::smallint, %s::integer, %s)
"""

Place = tuple[datetime, str]


class TooSlow(Exception):
    """So many interactions hold these words that looking through them takes longer than a page may."""


@dataclass(frozen=True)
class Sought:
    """What interactions have to hold: words, as `texts.query` gives them, and what filters say (None: anything).

    Feature and model are numbers of the dictionary; `marks` are bits of `Flag`, of which one will do; `thumb` is up, down
    or none.
    """

    words: str
    until: datetime
    since: datetime = EPOCH
    feature: int | None = None
    model: int | None = None
    has_failed: bool | None = None
    price_source: int | None = None
    marks: int | None = None
    thumb: str | None = None


def find(sought: Sought, most: int, edge: Place | None = None, *, is_newer: bool = False) -> list[Place]:
    """The places of up to `most` interactions beyond `edge`, the nearest first: older ones, or newer ones from the oldest on.

    Raises TooSlow.
    """
    at, id = edge or (None, None)
    asked = (sought.words, sought.since, sought.until, most, at, id, is_newer)
    filters = (sought.feature, sought.model, sought.has_failed, sought.price_source, sought.marks, sought.thumb)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{PATIENCE_MS}ms"])
            cursor.execute(FIND, [*asked, *filters])
            places = list(cursor.fetchall())
            cursor.execute(
                "SELECT set_config('statement_timeout', reset_val, true) FROM pg_settings WHERE name = 'statement_timeout'"
            )
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TooSlow from error
        raise
    return places


def marked(rows: QuerySet[Interaction], bits: int) -> QuerySet[Interaction]:
    """Those that have one of these marks: few, so they have an index of their own."""
    rows = rows.alias(marks=F("flags").bitand(EVERY_MARK), chosen=F("flags").bitand(bits))
    return rows.exclude(marks=0).exclude(chosen=0)


def records(places: list[Place]) -> list[Interaction]:
    """The interactions at these places, in the same order."""
    if not places:
        return []
    times = [at for at, _ in places]
    rows = Interaction.objects.filter(
        occurred_at__gte=min(times), occurred_at__lte=max(times), id__in=[id for _, id in places]
    )
    known = {(row.occurred_at, row.id): row for row in rows}
    return [known[place] for place in places if place in known]
