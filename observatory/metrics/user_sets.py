"""Sets of users by day and by month, as bits, kept with the months of users; `presence` reads them.

Bit for bit what `user_month` says of its users: whoever replaces a user's months changes the sets in the same
transaction, under the roller's lock of users.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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


ActiveDays = Mapping[tuple[date, int], Mapping[str, int]]
"""By month and feature (ALL_FEATURES, too): each user's active days, as bits."""


class Key(NamedTuple):
    """A part of a set."""

    feature: int
    is_month: bool
    day: date
    part: int


def store(before: ActiveDays, after: ActiveDays, clusters: Sequence[str]) -> None:
    """Put users into the sets they came to belong to and out of those they left; forget the numbers of who left all.

    `clusters` are all whose months were replaced. Under the lock of users.
    """
    nobody: dict[str, int] = {}
    changed = [
        (*key, then, now)
        for key in before.keys() | after.keys()
        if (then := before.get(key, nobody)) != (now := after.get(key, nobody))
    ]
    users = list(dict.fromkeys(user for _, _, then, now in changed for user in (*then, *now)))
    parameters: dict[str, Any] = {"project": current_project(), "clusters": arrays.texts(users)}
    with psycopg.Cursor(connection.connection) as cursor:
        if changed:
            cursor.execute(NUMBERED, parameters)
            cursor.execute(NUMBERS, parameters)
            _write(_places(changed, dict(cursor.fetchall())))
        kept = {user for users in after.values() for user in users}
        if gone := [cluster for cluster in clusters if cluster not in kept]:
            cursor.execute(FORGOTTEN, {**parameters, "clusters": arrays.texts(gone)})


def _places(
    changed: Iterable[tuple[date, int, Mapping[str, int], Mapping[str, int]]], numbers: Mapping[str, int]
) -> dict[Key, tuple[list[int], list[int]]]:
    """The places that are set and those that are cleared in each part, where a month's users of a feature changed."""
    import numpy as np

    found = {}
    for month, feature, then, now in changed:
        users = [user for user in then.keys() | now.keys() if then.get(user) != now.get(user)]
        number = np.array([numbers[user] for user in users], np.int64)
        before, after = (np.array([known.get(user, 0) for user in users], np.int64) for known in (then, now))
        for part in np.unique(number // user_bits.PART).tolist():
            there = number // user_bits.PART == part
            rows = number[there] % user_bits.PART, before[there], after[there]
            for is_month, day, added, gone in _moved(month, *rows):
                if len(added) or len(gone):
                    found[Key(feature, is_month, day, part)] = added.tolist(), gone.tolist()
    return found


def _moved(month: date, place: Any, before: Any, after: Any) -> Iterator[tuple[bool, date, Any, Any]]:
    """Of each day on which somebody came or left, and of the month: whether it is the month, its day, who came, who left."""
    came, left = after & ~before, before & ~after
    on_days = int((came | left).max(initial=0)).bit_length()
    for day in range(on_days):
        yield False, month + day * DAY, place[came >> day & 1 == 1], place[left >> day & 1 == 1]
    yield True, month, place[(before == 0) & (after != 0)], place[(before != 0) & (after == 0)]


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
