"""Who stays: users who activated some time ago, and whether they still call.

A user's activation is their first call or their first `activated` event, whichever came first; of a feature, an event
that names it or none. Both are known as far back as user rows reach, `seen` events only as far as raw rows do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from ingest.dimensions import UserEvent
from ingest.projects.access import current_project
from ingest.timeline import DAY, day_start
from observatory.metrics import presence, store, user_months
from observatory.metrics.months import Span, days_in, months
from observatory.metrics.user_source import source

ACTIVE_DAYS = 30
AFTER = (30, 60, 90)

# Earlier months are asked by their own rows, or by days while a mark waits in one of them.
BY_MONTHS = """
    NOT EXISTS (SELECT FROM user_month e WHERE e.project_id = %(project)s AND e.cluster = c.cluster
                AND e.month < %(first_month)s AND e.is_user
                AND (%(feature)s::smallint IS NULL OR e.feature_id = %(feature)s))
"""
BY_DAYS = """
    NOT EXISTS (SELECT FROM user_day e WHERE e.project_id = %(project)s AND e.cluster = c.cluster
                AND e.day < %(first_month)s AND e.is_user
                AND (%(feature)s::smallint IS NULL OR e.feature_id = %(feature)s))
"""
NEW = f"""
    {{unknown}} AND NOT EXISTS (SELECT FROM user_event v WHERE v.project_id = %(project)s AND v.user_id = c.cluster
                    AND v.event = %(activated)s AND v.occurred_at < %(start)s
                    AND {presence.ABOUT})
"""
SAID = f"""
    SELECT user_id AS cluster, occurred_at FROM user_event
    WHERE project_id = %(project)s AND event = %(activated)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
        AND {presence.ABOUT}
"""
RETAINED = f"""
    WITH {{marks}} months AS ({{rows}}), days AS (
        SELECT m.cluster, bool_or(m.active_days & b.joined <> 0) AS has_joined,
            bool_or(m.active_days & b.before <> 0) AS was_there, bool_or(m.active_days & b.lately <> 0) AS is_active
        FROM months m
        JOIN unnest(%(months)s::date[], %(joined)s::integer[], %(before)s::integer[], %(lately)s::integer[])
            AS b (month, joined, before, lately) ON b.month = m.month
        GROUP BY m.cluster
    ), c AS (
        SELECT cluster, coalesce(d.is_active, false) AS is_active
        FROM days d FULL JOIN (SELECT DISTINCT cluster FROM ({SAID}) AS events) AS said USING (cluster)
        WHERE (d.has_joined OR said.cluster IS NOT NULL) AND d.was_there IS NOT TRUE
    )
    SELECT count(*), count(*) FILTER (WHERE is_active) FROM c WHERE {NEW}
"""
THERE_BEFORE = 62
"""The place of the days of the first month before the first period."""
PATTERNS = f"""
    WITH {{marks}} months AS ({{rows}}), met AS (
        SELECT m.cluster, bit_or(1::bigint << p.place) AS called
        FROM months m JOIN unnest(%(places)s::integer[], %(parts)s::date[], %(bits)s::integer[]) AS p (place, month, bits)
            ON p.month = m.month AND m.active_days & p.bits <> 0
        GROUP BY m.cluster
    ), told AS (
        SELECT cluster, bit_or(1::bigint << width_bucket(occurred_at, %(starts)s::timestamptz[]) - 1) AS said
        FROM ({SAID}) AS events GROUP BY cluster
    ), c AS (
        SELECT cluster, coalesce(met.called, 0) AS called, coalesce(told.said, 0) AS said
        FROM met FULL JOIN told USING (cluster)
        WHERE coalesce(met.called, 0) < 1::bigint << {THERE_BEFORE}
    )
    SELECT called, said, count(*) FROM c WHERE {NEW} GROUP BY called, said
"""
"""The periods in which users called, as bits, and those in which the app said that they activated → how many users."""
CONTROL = """
    WITH seen AS (
        SELECT user_id AS cluster, min(occurred_at) AS first_at, max(occurred_at) AS last_at
        FROM user_event
        WHERE project_id = %(project)s AND event = %(seen)s AND is_control AND occurred_at >= %(start)s
            AND occurred_at < %(lately_end)s
        GROUP BY user_id
    )
    SELECT count(*), count(*) FILTER (WHERE last_at >= %(lately_start)s) FROM seen c
    WHERE first_at < %(end)s
        AND NOT EXISTS (SELECT FROM user_day d WHERE d.project_id = %(project)s AND d.cluster = c.cluster AND d.is_user
                        AND d.day <= %(last)s)
        AND NOT EXISTS (SELECT FROM user_event v WHERE v.project_id = %(project)s AND v.user_id = c.cluster
                        AND v.event = %(activated)s AND v.occurred_at < %(lately_end)s)
"""


@dataclass(frozen=True, slots=True)
class Retention:
    """Of `n` users who activated `after` to `after` + 29 days before `last`, `active` called in the 30 days up to it.

    Beside them, where the app sends `seen` events of a control group: `control` users who were seen in the same days
    and never activated, and how many of them were seen in those 30 days.
    """

    after: int
    last: date
    n: int
    active: int
    control: int
    control_seen: int


@dataclass(frozen=True, slots=True)
class Cohort:
    """Users who activated in the days from `first` to `last`; `active` of them called in each period from theirs on."""

    first: date
    last: date
    n: int
    active: tuple[int, ...]


class Cohorts(NamedTuple):
    """Cohorts that follow each other, and how many users activated before the first of them.

    `earlier` is unknown (None) while so many users wait to be added up that days are read instead of months.
    """

    cohorts: list[Cohort]
    earlier: int | None


def joined_span(last: date, after: int) -> Span:
    """The days of activation that retention after so many days is about, as it stands on a day."""
    return last - (after + ACTIVE_DAYS - 1) * DAY, last - after * DAY


def activated(last: date, after: int, feature: int | None, zone_name: str) -> tuple[int, int]:
    """How many users activated in `joined_span`, and how many of them called in the 30 days up to `last`."""
    joined, lately = joined_span(last, after), (last - (ACTIVE_DAYS - 1) * DAY, last)
    sets = presence.read([joined, lately], feature, before=joined[0])
    if sets is None:
        return _activated_from_days(last, after, feature, zone_name)
    instants = _instants(joined, zone_name)
    earlier, said = sets.said([instants["start"]], instants["end"])
    users = (sets.of(joined) | said) & ~(sets.before(joined[0]) | earlier)
    return users.bit_count(), (users & sets.of(lately)).bit_count()


def _activated_from_days(last: date, after: int, feature: int | None, zone_name: str) -> tuple[int, int]:
    """The same while so much waits to be merged that days are read instead of months."""
    first, until = joined_span(last, after)
    lately = last - (ACTIVE_DAYS - 1) * DAY
    # Months between the two spans say nothing.
    of = [m for m in months(first, last) if days_in(m, first, until) or days_in(m, lately, last)]
    (counts,) = source(of, feature).select(
        _asked(RETAINED, of[0]),
        first_month=of[0],
        joined=[days_in(month, first, until) for month in of],
        before=[days_in(month, month, first - DAY) for month in of],
        lately=[days_in(month, lately, last) for month in of],
        **_instants((first, until), zone_name),
    )
    return counts[0], counts[1]


def control(last: date, after: int, zone_name: str) -> tuple[int, int]:
    """How many users of the control group were seen in `joined_span` and never activated; how many were seen lately.

    Nobody, where that span begins before the raw horizon.
    """
    instants = _instants(joined_span(last, after), zone_name)
    if instants["start"] < store.raw_horizon():
        return 0, 0
    parameters = {
        **instants,
        "project": current_project(),
        "seen": int(UserEvent.SEEN),
        "last": last,
        "lately_start": day_start(last - (ACTIVE_DAYS - 1) * DAY, zone_name),
        "lately_end": day_start(last + DAY, zone_name),
    }
    with connection.cursor() as cursor:
        cursor.execute(CONTROL, parameters)
        users, seen = cursor.fetchone()
        return users, seen


def retention(last: date, after: int, feature: int | None, zone_name: str) -> Retention:
    """Retention after so many days as it stands on a local day, with the control group beside it."""
    return Retention(after, last, *activated(last, after, feature, zone_name), *control(last, after, zone_name))


def _asked(query: str, first_month: date) -> str:
    """The query, asking whether users were there before in the way that is exact now."""
    return query.replace("{unknown}", BY_DAYS if user_months.waits_before(first_month) else BY_MONTHS)


def _instants(span: Span, zone_name: str) -> dict[str, Any]:
    return {
        "activated": int(UserEvent.ACTIVATED),
        "start": day_start(span[0], zone_name),
        "end": day_start(span[1] + DAY, zone_name),
    }


def cohorts(periods: Sequence[Span], feature: int | None, zone_name: str) -> Cohorts:
    """The users who activated in each of up to 60 periods that follow each other, and who of them called in each later one."""
    first, last = periods[0][0], periods[-1][1]
    sets = presence.read(periods, feature, before=first)
    if sets is None:
        return Cohorts(_cohorts_from_days(periods, feature, zone_name), None)
    starts = [day_start(start, zone_name) for start, _ in periods]
    earlier, *said = sets.said(starts, day_start(last + DAY, zone_name))
    called = [sets.of(span) for span in periods]
    known = before = sets.before(first) | earlier
    found: list[Cohort] = []
    for place, span in enumerate(periods):
        users = (called[place] | said[place]) & ~known
        known |= users
        found.append(Cohort(*span, users.bit_count(), tuple((users & later).bit_count() for later in called[place:])))
    return Cohorts(found, before.bit_count())


def _cohorts_from_days(periods: Sequence[Span], feature: int | None, zone_name: str) -> list[Cohort]:
    """The same while so much waits to be merged that days are read instead of months."""
    first, last = periods[0][0], periods[-1][1]
    of = list(months(first, last))
    parts = [
        (place, month, bits)
        for place, span in enumerate(periods)
        for month in months(*span)
        if (bits := days_in(month, *span))
    ]
    parts.append((THERE_BEFORE, of[0], days_in(of[0], of[0], first - DAY)))
    found = source(of, feature).select(
        _asked(PATTERNS, of[0]),
        first_month=of[0],
        places=[place for place, _, _ in parts],
        parts=[month for _, month, _ in parts],
        bits=[bits for _, _, bits in parts],
        starts=[day_start(start, zone_name) for start, _ in periods],
        **_instants((first, last), zone_name),
    )
    return _counted(periods, found)


def _counted(periods: Sequence[Span], found: Sequence[tuple[int, int, int]]) -> list[Cohort]:
    """The cohorts of users by the periods in which they called."""
    active = [[0] * (len(periods) - place) for place in range(len(periods))]
    sizes = [0] * len(periods)
    for called, said, users in found:
        both = called | said
        start = (both & -both).bit_length() - 1
        sizes[start] += users
        for later in range(len(periods) - start):
            if called >> start + later & 1:
                active[start][later] += users
    return [Cohort(*span, sizes[place], tuple(active[place])) for place, span in enumerate(periods)]
