"""Sets of users by day and by month, as bits, kept with the months of users; `presence` reads them.

Bit for bit what `user_month` says of its users: whoever replaces a user's months changes the sets in the same
transaction, under the roller's lock of users.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from ingest import arrays
from ingest.projects.access import current_project
from ingest.timeline import DAY
from observatory.metrics import user_bits

ALL_FEATURES = -1
SETS_AT_ONCE = 1_000

NUMBERED = """
    WITH wanted AS (
        SELECT c.cluster, c.place FROM unnest(%(clusters)b) WITH ORDINALITY AS c (cluster, place)
        WHERE NOT EXISTS (SELECT FROM user_number n WHERE n.project_id = %(project)s AND n.cluster = c.cluster)
    )
    INSERT INTO user_number (project_id, number, cluster)
    SELECT %(project)s, row_number() OVER (ORDER BY place) - 1
        + (SELECT coalesce(max(number), -1) + 1 FROM user_number WHERE project_id = %(project)s), cluster
    FROM wanted
"""
NUMBERS = """
    SELECT cluster, number FROM user_number
    WHERE project_id = %(project)s AND cluster = ANY(%(clusters)b)
"""
# OFFSET 0 has each of these users looked up: joined, a table that was empty a moment ago would be read for every one of them.
FORGOTTEN = """
    DELETE FROM user_number n
    WHERE n.project_id = %(project)s AND n.cluster = ANY(%(clusters)b) AND NOT EXISTS (
        SELECT FROM user_month m WHERE m.project_id = n.project_id AND m.cluster = n.cluster AND m.is_user OFFSET 0)
"""
KEYS = """
    unnest(%(features)s::smallint[], %(kinds)s::boolean[], %(days)s::date[], %(parts)s::integer[])
"""
STORED = f"""
    SELECT k.place, s.users FROM {KEYS} WITH ORDINALITY AS k (feature_id, is_month, day, part, place)
    JOIN user_set s USING (feature_id, is_month, day, part) WHERE s.project_id = %(project)s
"""
WRITTEN = """
    INSERT INTO user_set (project_id, feature_id, is_month, day, part, users)
    SELECT %(project)s, k.* FROM unnest(
        %(features)s::smallint[], %(kinds)s::boolean[], %(days)s::date[], %(parts)s::integer[], %(users)s::bytea[]
    ) AS k (feature_id, is_month, day, part, users)
    ON CONFLICT (project_id, feature_id, is_month, day, part) DO UPDATE SET users = excluded.users
"""
EMPTIED = f"""
    DELETE FROM user_set s USING {KEYS} AS k (feature_id, is_month, day, part)
    WHERE s.project_id = %(project)s AND s.feature_id = k.feature_id AND s.is_month = k.is_month AND s.day = k.day
        AND s.part = k.part
"""


class Change(NamedTuple):
    """A user's active days of a month in a feature, as bits, before and after."""

    month: date
    feature: int
    cluster: str
    before: int
    after: int


class Key(NamedTuple):
    """A part of a set."""

    feature: int
    is_month: bool
    day: date
    part: int


def store(changes: Sequence[Change], clusters: Sequence[str]) -> None:
    """Put users into the sets they came to belong to and out of those they left; forget the numbers of who left all.

    `clusters` are all whose months were replaced. Under the lock of users.
    """
    different = [change for change in changes if change.before != change.after]
    parameters: dict[str, Any] = {
        "project": current_project(),
        "clusters": arrays.texts(list(dict.fromkeys(change.cluster for change in different))),
    }
    with psycopg.Cursor(connection.connection) as cursor:
        if different:
            cursor.execute(NUMBERED, parameters)
            cursor.execute(NUMBERS, parameters)
            _write(_places(different, dict(cursor.fetchall())))
        kept = {change.cluster for change in changes if change.after}
        if gone := [cluster for cluster in clusters if cluster not in kept]:
            cursor.execute(FORGOTTEN, {**parameters, "clusters": arrays.texts(gone)})


def _places(changes: Iterable[Change], numbers: dict[str, int]) -> dict[Key, tuple[list[int], list[int]]]:
    """The places that are set and those that are cleared in each part."""
    import numpy as np

    groups: defaultdict[tuple[date, int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for month, feature, cluster, before, after in changes:
        part, place = divmod(numbers[cluster], user_bits.PART)
        groups[month, feature, part].append((place, before, after))
    found = {}
    for (month, feature, part), rows in groups.items():
        place, before, after = np.array(rows, np.int64).T
        came, left = after & ~before, before & ~after
        changed = int(np.bitwise_or.reduce(came | left))
        for day in (number for number in range(changed.bit_length()) if changed >> number & 1):
            key = Key(feature, False, month + day * DAY, part)
            found[key] = place[came >> day & 1 == 1], place[left >> day & 1 == 1]
        found[Key(feature, True, month, part)] = (
            place[(before == 0) & (after != 0)],
            place[(before != 0) & (after == 0)],
        )
    return {key: (added.tolist(), gone.tolist()) for key, (added, gone) in found.items() if len(added) or len(gone)}


def _write(places: dict[Key, tuple[list[int], list[int]]]) -> None:
    everything = sorted(places)
    for start in range(0, len(everything), SETS_AT_ONCE):
        keys = everything[start : start + SETS_AT_ONCE]
        stored = _stored(keys)
        made = {key: user_bits.changed(stored.get(key, b""), *places[key]) for key in keys}
        with connection.cursor() as cursor:
            kept, empty = [key for key in keys if made[key]], [key for key in keys if not made[key]]
            if kept:
                cursor.execute(WRITTEN, {**_columns(kept), "users": [made[key] for key in kept]})
            if empty:
                cursor.execute(EMPTIED, _columns(empty))


def _stored(keys: Sequence[Key]) -> dict[Key, bytes]:
    with connection.cursor() as cursor:
        cursor.execute(STORED, _columns(keys))
        return {keys[place - 1]: bytes(users) for place, users in cursor.fetchall()}


def _columns(keys: Sequence[Key]) -> dict[str, Any]:
    return {
        "project": current_project(),
        "features": [key.feature for key in keys],
        "kinds": [key.is_month for key in keys],
        "days": [key.day for key in keys],
        "parts": [key.part for key in keys],
    }
