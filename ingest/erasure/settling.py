"""Waiting until every transaction that is open now has ended: what it does afterwards cannot be missed any more.

A statement that found an interaction before it was deleted may still put a verdict beside it. Once all transactions of
that time have ended, whatever they stored is visible, and new ones find nothing to store it for.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db import connection

LONGEST = timedelta(seconds=130)
"""No transaction of the product lives longer; a backup or a forgotten session would hold everything up for ever."""

OPEN = """
    SELECT coalesce(array_agg(virtualxid), '{}') FROM pg_catalog.pg_locks
    WHERE locktype = 'virtualxid' AND pid <> pg_catalog.pg_backend_pid()
      AND (%(only)s::text[] IS NULL OR virtualxid = ANY(%(only)s))
"""


def settled(place: str, now: datetime) -> str | None:
    """Where to ask again until the transactions of the first call have ended (None). Begin with an empty place."""
    until, _, names = place.partition(" ")
    if not place:
        until = (now + LONGEST).isoformat()
        waiting = _open(None)
    else:
        waiting = _open(names.split(","))
    if not waiting or now >= datetime.fromisoformat(until):
        return None
    return f"{until} {','.join(waiting)}"


def _open(only: Collection[str] | None) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"only": None if only is None else list(only)})
        found: list[str] = cursor.fetchone()[0]
        return found


def wait(pause: Callable[[], object], clock: Callable[[], datetime]) -> None:
    """Wait here and now, outside any transaction of one's own."""
    place = settled("", clock())
    while place is not None:
        pause()
        place = settled(place, clock())
