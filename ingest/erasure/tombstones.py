"""Tombstones: a keyed hash for each erased user, by which what was made before the erasure is refused for ever.

Every web process knows the tombstones of the projects it serves, a few seconds old at most, and asks only for those
written since. In a project that has none, a request pays for one look into a dictionary.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from django.db import connection

from ingest.database import steadfast
from ingest.normalise import Entry, Receipt
from ingest.projects.scope import project_scope
from ingest.reading import Batch
from ingest.refusals import Problem
from ingest.secret import installation_secret
from ingest.text import as_bytes

KEPT_SECONDS = 4.0
MOST_PROJECTS_KEPT = 1_000
SIZE = 16
REFUSED = "nothing from before"  # how what is expected of an erased user's item begins


@dataclass
class _Known:
    """One project's tombstones in this process; `last` is the number of the newest."""

    until: float = 0.0
    last: int = 0
    erased: dict[bytes, datetime] = field(default_factory=dict)


_known: dict[int, _Known] = {}


def tombstone(project_id: int, user_id: str) -> bytes:
    """What is kept of an erased user's id. Raises ImproperlyConfigured without the installation's secret."""
    return hashlib.blake2b(as_bytes(user_id), key=_key(project_id), digest_size=SIZE).digest()


@lru_cache(maxsize=1024)
def _key(project_id: int) -> bytes:
    return hashlib.blake2b(f"erased:{project_id}".encode(), key=installation_secret().encode()[:64]).digest()


def refuse(batch: Batch, entries: Sequence[Entry], receipt: Receipt) -> Sequence[Entry]:
    """The entries that go on; those of erased users from before their erasure become problems of the batch."""
    erased = steadfast(lambda: erased_users(receipt.project_id))
    if not erased:
        return entries
    going_on = []
    for entry in entries:
        user_id = getattr(entry.item, "user_id", None)
        problem = problem_of(user_id, entry.item.occurred_at, receipt, erased) if user_id else None
        if problem:
            batch.problems[entry.position] = problem
        else:
            going_on.append(entry)
    return going_on


def problem_of(
    user_id: str, occurred_at: datetime | None, receipt: Receipt, erased: Mapping[bytes, datetime]
) -> Problem | None:
    """Why something of this user cannot be stored; None when it can. What has no time is of the time of its receipt."""
    erased_at = erased.get(tombstone(receipt.project_id, user_id))
    at = min(occurred_at or receipt.received_at, receipt.received_at)
    if erased_at is None or at >= erased_at:
        return None
    expected = f"{REFUSED} {erased_at:%Y-%m-%dT%H:%M:%SZ}: this user was erased then"
    return Problem("$.user_id", expected, f"something from {at.isoformat()}")


def erased_users(project_id: int) -> Mapping[bytes, datetime]:
    """Tombstone → until when that user was erased; a few seconds old at most."""
    known = _known.get(project_id)
    if known is None:
        if len(_known) >= MOST_PROJECTS_KEPT:
            _known.clear()
        known = _known.setdefault(project_id, _Known())
    moment = time.monotonic()
    if known.until <= moment:
        _learn(project_id, known)
        known.until = moment + KEPT_SECONDS
    return known.erased


def _learn(project_id: int, known: _Known) -> None:
    with project_scope(project_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tombstone, erased_at, number FROM erased_user WHERE project_id = %s AND number > %s ORDER BY number",
            [project_id, known.last],
        )
        for stone, erased_at, number in cursor.fetchall():
            known.erased[bytes(stone)] = erased_at
            known.last = max(known.last, number)
