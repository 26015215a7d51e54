"""The record's own steps: the user's interactions, all that hangs on them, and what names the user by itself.

Interactions go first with their texts, and leave a trace of where they were. When every transaction that might still
have found one has ended, feedback, verdicts, costs and keys go by that trace; then what names the user alone.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from ingest.dimensions import Facts, RecordKind
from ingest.erasure import removal
from ingest.erasure.registry import Done, Step, Subject
from ingest.erasure.removal import Gone
from ingest.erasure.settling import settled

ROWS = 1_000
WEEK = timedelta(days=7)
SESSION, INTERACTION, TRACE, SPAN = 1, 2, 3, 4

# A session in which only this user was ever named is theirs, anonymous calls and all. One that somebody else was named
# in is shared (a kiosk, a constant): of it only what names the user goes.
SESSIONS = f"""
    INSERT INTO erasure_trace (project_id, number, kind, id)
    SELECT DISTINCT %(project)s, %(number)s, {SESSION}, i.session_id
    FROM interaction i
    WHERE i.project_id = %(project)s AND coalesce(i.user_id, i.session_id, '') = %(user)s AND i.user_id = %(user)s
      AND i.session_id <> '' AND least(i.occurred_at, i.received_at) < %(before)s
      AND NOT EXISTS (
          SELECT FROM interaction o
          WHERE o.project_id = %(project)s AND o.session_id = i.session_id AND o.user_id <> %(user)s)
    ON CONFLICT DO NOTHING
"""
_OF_USER = """
    SELECT occurred_at, id FROM interaction
    WHERE project_id = %(project)s AND coalesce(user_id, session_id, '') = %(user)s AND user_id = %(user)s
      AND least(occurred_at, received_at) < %(before)s
    LIMIT %(rows)s
"""
_OF_SESSIONS = f"""
    SELECT i.occurred_at, i.id FROM erasure_trace t
    CROSS JOIN LATERAL (
        SELECT occurred_at, id FROM interaction
        WHERE project_id = %(project)s AND coalesce(user_id, session_id, '') = t.id AND user_id IS NULL
          AND least(occurred_at, received_at) < %(before)s
        LIMIT %(rows)s) i
    WHERE t.project_id = %(project)s AND t.number = %(number)s AND t.kind = {SESSION}
    LIMIT %(rows)s
"""


def _deleted(chosen: str) -> str:
    """SQL that deletes chosen interactions with their texts, traces where they were, marks their minutes; gives how many."""
    return f"""
        WITH chosen AS MATERIALIZED ({chosen}),
        gone AS (
            DELETE FROM interaction i USING chosen c
            WHERE i.project_id = %(project)s AND i.occurred_at = c.occurred_at AND i.id = c.id
            RETURNING i.occurred_at, i.id, i.trace_id, i.span_id
        ),
        texts AS (
            DELETE FROM payload p USING chosen c
            WHERE p.project_id = %(project)s AND p.occurred_at = c.occurred_at AND p.id = c.id RETURNING 1
        ),
        traced AS (
            INSERT INTO erasure_trace (project_id, number, kind, at, id)
            SELECT %(project)s, %(number)s, {INTERACTION}, occurred_at, id FROM gone ON CONFLICT DO NOTHING
        ),
        named AS (
            INSERT INTO erasure_trace (project_id, number, kind, id)
            SELECT DISTINCT %(project)s, %(number)s, n.kind, n.id
            FROM gone, LATERAL (VALUES ({TRACE}, trace_id), ({SPAN}, span_id)) AS n (kind, id)
            WHERE n.id <> '' ON CONFLICT DO NOTHING
        ),
        marks AS (
            INSERT INTO dirty_bucket (project_id, bucket, facts)
            SELECT DISTINCT %(project)s, date_trunc('minute', occurred_at), {Facts.INTERACTIONS:d} FROM gone
        )
        SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM texts)
    """


OF_USER, OF_SESSIONS = _deleted(_OF_USER), _deleted(_OF_SESSIONS)
TRACED = f"""
    SELECT at, id FROM erasure_trace
    WHERE project_id = %(project)s AND number = %(number)s AND kind = {INTERACTION} ORDER BY at, id LIMIT %(rows)s
"""
FORGET_TRACED = f"""
    DELETE FROM erasure_trace t USING {removal.ROWS}
    WHERE t.project_id = %(project)s AND t.number = %(number)s AND t.kind = {INTERACTION} AND t.at = g.at AND t.id = g.id
"""
_NAMED = "IN (SELECT id FROM erasure_trace WHERE project_id = %(project)s AND number = %(number)s AND kind = {kind})"
# What came by a session, a trace or a span of the user's and is bound to nobody's call is theirs, unless it names another.
SAID = f"""
    SELECT occurred_at, id FROM feedback
    WHERE project_id = %(project)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
      AND least(occurred_at, received_at) < %(before)s
      AND (user_id = %(user)s OR user_id IS NULL AND interaction_id IS NULL
        AND (session_id {_NAMED.format(kind=SESSION)} OR trace_id {_NAMED.format(kind=TRACE)}
          OR span_id {_NAMED.format(kind=SPAN)}))
"""
EVENTS = """
    DELETE FROM user_event WHERE (project_id, occurred_at, id) IN (
        SELECT project_id, occurred_at, id FROM user_event
        WHERE project_id = %(project)s AND user_id = %(user)s AND least(occurred_at, received_at) < %(before)s
        LIMIT %(rows)s)
    RETURNING id
"""
FORGET_NAMES = f"""
    DELETE FROM erasure_trace WHERE (project_id, number, kind, at, id) IN (
        SELECT project_id, number, kind, at, id FROM erasure_trace
        WHERE project_id = %(project)s AND number = %(number)s AND kind IN ({TRACE}, {SPAN}) LIMIT %(rows)s)
"""
MARKS = f"""
    DELETE FROM dirty_user
    WHERE project_id = %(project)s AND (cluster = %(user)s OR cluster {_NAMED.format(kind=SESSION)})
"""


def settle(subject: Subject, place: str) -> Done:
    """Let every open transaction end."""
    left = settled(place, subject.now)
    return Done(place=left, waits=left is not None)


def sessions(subject: Subject, place: str) -> Done:
    """Note which sessions were the user's alone."""
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS, _parameters(subject))
    return Done()


def interactions(subject: Subject, place: str) -> Done:
    """Delete the user's interactions, and those without a user in sessions of theirs."""
    with connection.cursor() as cursor:
        cursor.execute(OF_SESSIONS if place == "sessions" else OF_USER, _parameters(subject))
        found, texts = cursor.fetchone()
    following = None if place == "sessions" else "sessions"
    return Done(Counter(interactions=found, texts=texts), (place or "user") if found == ROWS else following)


def hanging(subject: Subject, place: str) -> Done:
    """Delete what hangs on interactions that are gone: search entries, feedback, verdicts, costs, keys."""
    with connection.cursor() as cursor:
        cursor.execute(TRACED, _parameters(subject))
        gone = Gone(subject.project_id, cursor.fetchall())
        cursor.execute(FORGET_TRACED, {**_parameters(subject), **gone.parameters})
    counts = removal.after_interactions(gone) if gone.rows else Counter()
    return Done(counts, "more" if len(gone.rows) == ROWS else None)


def loose(subject: Subject, place: str) -> Done:
    """Delete, one week at a time, feedback that the user gave and that hangs on no interaction of theirs."""
    weeks = _weeks()
    week = next((week for week in weeks if week.isoformat() >= place), None)
    if week is None:
        return Done()
    with connection.cursor() as cursor:
        cursor.execute(SAID, {**_parameters(subject), "start": week, "end": week + WEEK})
        gone = Gone(subject.project_id, cursor.fetchall())
    counts = removal.feedback(gone) if gone.rows else Counter()
    return Done(counts, (week + WEEK).isoformat() if week != weeks[-1] else None)


def events(subject: Subject, place: str) -> Done:
    """Delete what was told of the user: when they were activated, seen, opted out."""
    with connection.cursor() as cursor:
        cursor.execute(EVENTS, _parameters(subject))
        ids = [id for (id,) in cursor.fetchall()]
    keys = removal.forget_keys(subject.project_id, RecordKind.USER, ids)
    return Done(Counter(user_events=len(ids), keys=keys), "more" if len(ids) == ROWS else None)


def marks(subject: Subject, place: str) -> Done:
    """Take away the marks that name the user and their sessions: nothing is left to be counted for them."""
    with connection.cursor() as cursor:
        cursor.execute(MARKS, _parameters(subject))
    return Done()


def traces(subject: Subject, place: str) -> Done:
    """Forget the user's traces and spans; their sessions are needed to the end."""
    limit = 10 * ROWS
    with connection.cursor() as cursor:
        cursor.execute(FORGET_NAMES, {**_parameters(subject), "rows": limit})
        return Done(place="more" if cursor.rowcount == limit else None)


def _parameters(subject: Subject) -> dict[str, Any]:
    return {
        "project": subject.project_id,
        "number": subject.number,
        "user": subject.user_id,
        "before": subject.before,
        "rows": ROWS,
    }


def _weeks() -> list[datetime]:
    """The Mondays of all weeks that feedback has partitions for."""
    query = """
        SELECT right(c.relname, 8) FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'feedback'::regclass ORDER BY 1
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC) for (name,) in cursor.fetchall()]


STEPS = (
    Step("begin", settle),
    Step("sessions", sessions),
    Step("interactions", interactions, frozenset({"interaction.user_id", "interaction.session_id"})),
    Step("settle", settle),
    Step("hanging", hanging, frozenset({"verdict.cluster", "cost.cluster"})),
    Step("loose", loose, frozenset({"feedback.user_id", "feedback.session_id"})),
    Step("events", events, frozenset({"user_event.user_id"})),
    Step("traces", traces, frozenset({"erasure.user_id"})),  # both tables are cleared at the end of all steps
    Step("marks", marks, frozenset({"dirty_user.cluster"})),
)
"""In this order, before those of the floors above."""
