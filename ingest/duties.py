"""What periodic duties share: one runner at a time, and a beat that says when each last did its work."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.db import connection

from ingest.models import DutyBeat

LOCK_SPACE = 7302


class Duty(IntEnum):
    """The periodic duties; the number is the duty's advisory lock."""

    ROLL = 1
    DRIFT = 2
    EVALUATE = 3
    DISPATCH = 4
    PARTITIONS = 5
    RETAIN = 6
    ERASE = 7
    READ = 8


@contextmanager
def only_runner(duty: Duty, *, wait: bool = False) -> Iterator[bool]:
    """Hold the duty's lock while the block runs; yields False at once when another process has it (True after waiting)."""
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, duty])
            has_lock = True
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, duty])
            has_lock = bool(cursor.fetchone()[0])
    try:
        yield has_lock
    finally:
        if has_lock:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, duty])


def beat(duty: Duty, at: datetime, detail: dict[str, Any]) -> None:
    """Record that a duty has just done its work."""
    DutyBeat.objects.update_or_create(duty=duty.name.lower(), defaults={"beat_at": at, "detail": detail})
