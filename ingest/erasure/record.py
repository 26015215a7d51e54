"""The record's own steps: the user's interactions, all that hangs on them, and what names the user by itself.

Interactions go first with their texts, and leave a trace of where they were. When every transaction that might still
have found one has ended, feedback, verdicts, costs and keys go by that trace; then what names the user alone.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from ingest.dimensions import Facts, RecordKind
from ingest.erasure import removal
from ingest.erasure.registry import Done, Step, Subject
from ingest.erasure.removal import Gone
from ingest.erasure.settling import settled

ROWS = 1_000
SESSIONS_AT_ONCE = 500
LOOKED_AT = 2_000
"""So much feedback a unit goes through, which mostly is of others."""

FIRST = "-infinity "
"""The place before the first row in the order of the record: by time, then by id."""

SESSION, INTERACTION, TRACE, SPAN = 1, 2, 3, 4
EACH_BY_ITSELF = "OFFSET 0"
"""Keeps a question about each row a look into an index: made a join of, it could read a whole table in every unit."""

# A session in which only this user was ever named is theirs, anonymous calls and all. One that somebody else was named
# in is shared (a kiosk, a constant): of it only what names the user goes.
SESSIONS = f"""
    WITH looked AS MATERIALIZED (
        SELECT occurred_at, id, session_id FROM interaction
        WHERE project_id = %(project)s AND coalesce(user_id, session_id, '') = %(user)s AND user_id = %(user)s
          AND least(occurred_at, received_at) < %(before)s
          AND occurred_at >= %(after)s AND (occurred_at, id) > (%(after)s, %(after_id)s)
        ORDER BY occurred_at, id LIMIT %(rows)s
    ), traced AS (
        INSERT INTO erasure_trace (project_id, number, kind, id)
        SELECT %(project)s, %(number)s, {SESSION}, s.session_id
        FROM (SELECT DISTINCT session_id FROM looked WHERE session_id <> '') s
        WHERE NOT EXISTS (
            SELECT FROM erasure_trace t
            WHERE t.project_id = %(project)s AND t.number = %(number)s AND t.kind = {SESSION} AND t.at = '-infinity'
              AND t.id = s.session_id {EACH_BY_ITSELF})
          AND NOT EXISTS (
            SELECT FROM interaction o
            WHERE o.project_id = %(project)s AND o.session_id = s.session_id AND o.user_id <> %(user)s {EACH_BY_ITSELF})
        ON CONFLICT DO NOTHING
    )
    SELECT occurred_at, id FROM looked ORDER BY occurred_at, id OFFSET %(rows)s - 1
"""
SESSIONS_AFTER = f"""
    SELECT id FROM erasure_trace
    WHERE project_id = %(project)s AND number = %(number)s AND kind = {SESSION} AND at = '-infinity' AND id > %(after)s
    ORDER BY id LIMIT %(rows)s
"""
_OF_USER = """
    SELECT occurred_at, id FROM interaction
    WHERE project_id = %(project)s AND coalesce(user_id, session_id, '') = %(user)s AND user_id = %(user)s
      AND least(occurred_at, received_at) < %(before)s
    LIMIT %(rows)s
"""
_OF_SESSIONS = """
    SELECT i.occurred_at, i.id FROM unnest(%(sessions)s::text[]) AS s (id)
    CROSS JOIN LATERAL (
        SELECT occurred_at, id FROM interaction
        WHERE project_id = %(project)s AND coalesce(user_id, session_id, '') = s.id AND user_id IS NULL
          AND least(occurred_at, received_at) < %(before)s
        LIMIT %(rows)s) i
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


def is_traced(column: str, kind: int) -> str:
    """SQL for whether a column's value is noted in the erasure's trace."""
    return f"""EXISTS (
        SELECT FROM erasure_trace t
        WHERE t.project_id = %(project)s AND t.number = %(number)s AND t.kind = {kind} AND t.at = '-infinity'
          AND t.id = {column} {EACH_BY_ITSELF})"""


# What came by a session, a trace or a span of the user's and is bound to nobody's call is theirs, unless it names another.
SAID = f"""
    WITH looked AS MATERIALIZED (
        SELECT occurred_at, received_at, id, user_id, interaction_id, session_id, trace_id, span_id FROM feedback
        WHERE project_id = %(project)s
          AND occurred_at >= %(after)s AND (occurred_at, id) > (%(after)s, %(after_id)s)
        ORDER BY occurred_at, id LIMIT %(rows)s
    )
    SELECT occurred_at, id, least(occurred_at, received_at) < %(before)s
      AND (user_id = %(user)s OR user_id IS NULL AND interaction_id IS NULL
        AND ({is_traced("session_id", SESSION)} OR {is_traced("trace_id", TRACE)} OR {is_traced("span_id", SPAN)}))
    FROM looked ORDER BY occurred_at, id
"""
EVENTS = """
    DELETE FROM user_event WHERE (project_id, occurred_at, id) IN (
        SELECT project_id, occurred_at, id FROM user_event
        WHERE project_id = %(project)s AND user_id = %(user)s AND least(occurred_at, received_at) < %(before)s
        LIMIT %(rows)s)
    RETURNING id
"""
FORGET_NAMES = """
    DELETE FROM erasure_trace WHERE (project_id, number, kind, at, id) IN (
        SELECT project_id, number, kind, at, id FROM erasure_trace
        WHERE project_id = %(project)s AND number = %(number)s AND kind = ANY(%(kinds)s) LIMIT %(rows)s)
"""
MARKS = f"""
    DELETE FROM dirty_user WHERE project_id = %(project)s AND ctid = ANY(ARRAY(
        SELECT ctid FROM dirty_user
        WHERE project_id = %(project)s AND (cluster = %(user)s OR {is_traced("cluster", SESSION)}) LIMIT %(rows)s))
"""


def settle(subject: Subject, place: str) -> Done:
    """Let every open transaction end."""
    left = settled(place, subject.now)
    return Done(place=left, waits=left is not None)


def sessions(subject: Subject, place: str) -> Done:
    """Note which sessions were the user's alone."""
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS, {**_parameters(subject), **_after(place)})
        last = cursor.fetchone()
    return Done(place=_place(last) if last else None)


def sessions_after(subject: Subject, after: str) -> list[str]:
    """The next sessions that were the user's alone, in order; fewer than `SESSIONS_AT_ONCE` when these are the last."""
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS_AFTER, {**_parameters(subject), "after": after, "rows": SESSIONS_AT_ONCE})
        return [id for (id,) in cursor.fetchall()]


def interactions(subject: Subject, place: str) -> Done:
    """Delete the user's interactions, and those without a user in sessions of theirs."""
    phase, _, after = place.partition(" ")
    if phase != "sessions":
        counts = _gone(OF_USER, _parameters(subject))
        return Done(counts, "user" if counts["interactions"] == ROWS else "sessions ")
    chosen = sessions_after(subject, after)
    counts = _gone(OF_SESSIONS, {**_parameters(subject), "sessions": chosen})
    if counts["interactions"] == ROWS:
        return Done(counts, place)
    return Done(counts, f"sessions {chosen[-1]}" if len(chosen) == SESSIONS_AT_ONCE else None)


def _gone(query: str, parameters: dict[str, Any]) -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found, texts = cursor.fetchone()
    return Counter(interactions=found, texts=texts)


def hanging(subject: Subject, place: str) -> Done:
    """Delete what hangs on interactions that are gone: search entries, feedback, verdicts, costs, keys."""
    with connection.cursor() as cursor:
        cursor.execute(TRACED, _parameters(subject))
        gone = Gone(subject.project_id, cursor.fetchall())
        cursor.execute(FORGET_TRACED, {**_parameters(subject), **gone.parameters})
    counts = removal.after_interactions(gone) if gone.rows else Counter()
    return Done(counts, "more" if len(gone.rows) == ROWS else None)


def loose(subject: Subject, place: str) -> Done:
    """Go through all feedback and delete what the user gave and what hangs on no interaction of theirs."""
    with connection.cursor() as cursor:
        cursor.execute(SAID, {**_parameters(subject), **_after(place), "rows": LOOKED_AT})
        looked = cursor.fetchall()
    gone = Gone(subject.project_id, [(at, id) for at, id, is_theirs in looked if is_theirs])
    counts = removal.feedback(gone) if gone.rows else Counter()
    return Done(counts, _place(looked[-1]) if len(looked) == LOOKED_AT else None)


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
        return Done(place="more" if cursor.rowcount == ROWS else None)


def traces(subject: Subject, place: str) -> Done:
    """Forget the user's traces and spans; their sessions are needed to the end."""
    return _forget(subject, TRACE, SPAN)


def everything(subject: Subject, place: str) -> Done:
    """Forget all that the erasure has noted."""
    return _forget(subject, SESSION, INTERACTION, TRACE, SPAN)


def _forget(subject: Subject, *kinds: int) -> Done:
    limit = 10 * ROWS
    with connection.cursor() as cursor:
        cursor.execute(FORGET_NAMES, {**_parameters(subject), "rows": limit, "kinds": list(kinds)})
        return Done(place="more" if cursor.rowcount == limit else None)


def _parameters(subject: Subject) -> dict[str, Any]:
    return {
        "project": subject.project_id,
        "number": subject.number,
        "user": subject.user_id,
        "before": subject.before,
        "rows": ROWS,
    }


def _after(place: str) -> dict[str, str]:
    """A place in the order of the record as statements ask for it."""
    at, _, id = (place or FIRST).partition(" ")
    return {"after": at, "after_id": id}


def _place(row: Sequence[Any]) -> str:
    at: datetime = row[0]
    return f"{at.isoformat()} {row[1]}"


STEPS = (
    Step("begin", settle),
    Step("sessions", sessions),
    Step("interactions", interactions, frozenset({"interaction.user_id", "interaction.session_id"})),
    Step("settle", settle),
    Step("hanging", hanging, frozenset({"verdict.cluster", "cost.cluster"})),
    Step("loose", loose, frozenset({"feedback.user_id", "feedback.session_id"})),
    Step("events", events, frozenset({"user_event.user_id"})),
    Step("traces", traces, frozenset({"erasure.user_id"})),  # it is cleared at the end of all steps
    Step("marks", marks, frozenset({"dirty_user.cluster"})),
)
"""In this order, before those of the floors above."""

LAST = Step("forget", everything)
"""What comes after the steps of all floors, when nothing has come in meanwhile."""
