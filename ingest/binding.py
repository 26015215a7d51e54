"""Binding what came before its interaction: orphaned feedback and linked costs find it once it is there.

Run by the roller inside a project's scope. A thing is bound by the same rules as one that comes after its interaction,
so that the order of arrival plays no part in any number. What waits in vain is looked at ever more seldom. Feedback
that names only a span, a trace or a session is looked at for another day, and moved when a better fitting call has come.
What is about an interaction from before the raw horizon is late, as if it had come just now; and what has been counted
before the horizon stays where it is.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ingest import edits, moves
from ingest.dimensions import FeedbackKind, RecordKind
from ingest.edits import Edits, Pair
from ingest.moves import Move
from ingest.projects.models import Project
from ingest.projects.scope import current_project
from ingest.retention.horizons import oldest
from ingest.trails import Target, Trail, targets

SOONEST = timedelta(seconds=3)
LONGEST = timedelta(minutes=15)
SETTLED = timedelta(days=1)
KEPT = timedelta(days=30)

# Planning DUE takes longer the more weeks there are, and a project where nothing waits asks with every run.
IS_DUE = "SELECT FROM orphan WHERE project_id = %(project)s AND next_at <= %(now)s LIMIT 1"
DUE = f"""
    SELECT o.record_kind, o.occurred_at, o.id, o.received_at, o.interaction_key, o.is_loose, o.settled_at,
           k.occurred_at, coalesce(f.interaction_id, c.interaction_id), f.interaction_at, f.kind,
           f.span_id, f.trace_id, f.session_id
    FROM (
        SELECT * FROM orphan WHERE project_id = %(project)s AND next_at <= %(now)s ORDER BY next_at LIMIT %(limit)s
    ) o
    LEFT JOIN LATERAL (
        SELECT occurred_at FROM record_key
        WHERE NOT o.is_loose AND project_id = %(project)s AND key = o.interaction_key LIMIT 1
    ) k ON true
    LEFT JOIN LATERAL (
        SELECT interaction_id, interaction_at, kind, span_id, trace_id, session_id FROM feedback
        WHERE o.record_kind = {RecordKind.FEEDBACK:d} AND (o.is_loose OR k.occurred_at IS NOT NULL)
          AND project_id = %(project)s AND occurred_at = o.occurred_at AND id = o.id LIMIT 1
    ) f ON true
    LEFT JOIN LATERAL (
        SELECT interaction_id FROM cost
        WHERE o.record_kind = {RecordKind.COST:d} AND k.occurred_at IS NOT NULL
          AND project_id = %(project)s AND occurred_at = o.occurred_at AND id = o.id LIMIT 1
    ) c ON true
"""
_LOOKED_AT = """
    unnest(%(keys)s::bytea[], %(kinds)s::smallint[], %(times)s::timestamptz[], %(ids)s::text[], %(settled)s::timestamptz[],
           %(next)s::timestamptz[]) AS r (key, kind, was_at, record_id, settled_at, next_at)
    WHERE o.project_id = %(project)s AND o.interaction_key = r.key AND o.record_kind = r.kind AND o.occurred_at = r.was_at
      AND o.id = r.record_id
"""
POSTPONE = f"UPDATE orphan o SET next_at = r.next_at, settled_at = r.settled_at FROM {_LOOKED_AT}"
FORGET = f"DELETE FROM orphan o USING {_LOOKED_AT}"
NEVER = "timestamptz '9999-01-01T00:00:00Z'"
"""The next look at what was given up, which stays to be counted; `settled_at` says since when."""
GIVE_UP = f"""
    UPDATE orphan SET next_at = {NEVER}, settled_at = %(now)s
    WHERE project_id = %(project)s AND ctid = ANY(ARRAY(
        SELECT ctid FROM orphan
        WHERE project_id = %(project)s AND settled_at IS NULL AND received_at < %(before)s LIMIT %(limit)s))
"""
PRUNE = f"""
    DELETE FROM orphan WHERE project_id = %(project)s AND ctid = ANY(ARRAY(
        SELECT ctid FROM orphan
        WHERE project_id = %(project)s AND settled_at IS NOT NULL AND received_at < %(before)s
          AND (next_at < {NEVER} OR settled_at < %(before)s) LIMIT %(limit)s))
"""
COUNTS = f"""
    SELECT record_kind, count(*) FILTER (WHERE settled_at IS NULL),
           count(*) FILTER (WHERE next_at = {NEVER} AND settled_at >= %(since)s)
    FROM orphan WHERE project_id = %(project)s GROUP BY record_kind
"""


@dataclass(frozen=True)
class Bound:
    """What one slice did; `left`: more may be due."""

    bound: int
    left: bool


@dataclass(frozen=True)
class Orphans:
    """How many of a kind wait for an interaction, and how many were given up in the last 30 days."""

    waiting: int
    given_up: int


@dataclass(frozen=True)
class Orphan:
    """A thing whose interaction was not there, or not for certain the right one, when it was last looked at."""

    record_kind: int
    occurred_at: datetime
    id: str
    received_at: datetime
    interaction_key: bytes
    is_loose: bool
    settled_at: datetime | None
    named_at: datetime | None
    interaction_id: str | None
    bound_at: datetime | None
    kind: int | None
    span_id: str | None
    trace_id: str | None
    session_id: str | None

    @property
    def is_gone(self) -> bool:
        """Whether the feedback or the cost is no longer in the record."""
        return self.kind is None if self.is_loose else bool(self.named_at) and not self.interaction_id

    @property
    def named(self) -> Target | None:
        """The interaction that it names by its id, once that is there."""
        return Target(self.named_at, self.interaction_id) if self.named_at and self.interaction_id else None

    @property
    def counted_at(self) -> datetime | None:
        """When it counts so far: a cost at its own time, feedback where it is bound; None while that is nowhere."""
        return self.occurred_at if self.record_kind == RecordKind.COST else self.bound_at

    @property
    def current(self) -> Target | None:
        """The interaction that something loose counts at so far."""
        return Target(self.bound_at, self.interaction_id) if self.bound_at and self.interaction_id else None


def bind(now: datetime, limit: int = 1_000) -> Bound:
    """Look at up to `limit` orphans of the project in scope that are due, and bind those whose interaction has come."""
    due = _due(now, limit)
    if not due:
        return Bound(0, left=False)
    found, reach = _targets(due), _reach(now)
    frozen = {place for place, orphan in enumerate(due) if orphan.counted_at and orphan.counted_at < reach}
    late = {place for place, target in found.items() if place not in frozen and target.occurred_at < reach}
    moved = {
        place: target
        for place, target in found.items()
        if place not in frozen | late and (not due[place].is_loose or target != due[place].current)
    }
    compared = _compare(due, moved)
    for place in compared.left:
        del moved[place]
    loose = [due[place] for place in (*moved, *late) if due[place].is_loose and due[place].current]
    moves.withdraw([(orphan.occurred_at, orphan.id) for orphan in loose])
    _set_aside([due[place] for place in late])
    _move(
        {
            place: Move(due[place].occurred_at, due[place].id, target, compared.ratios.get(place))
            for place, target in moved.items()
        },
        due,
    )
    looked = {place: orphan for place, orphan in enumerate(due) if place not in compared.left}
    _put_away(looked, found, moved, frozen | late, now)
    return Bound(len(moved), left=len(due) >= limit or bool(compared.left))


def wake() -> None:
    """Make every orphan of the project in scope due that was not given up: who does all that can be done waits for no turns."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE orphan SET next_at = DEFAULT WHERE project_id = %s AND next_at < {NEVER}", [current_project()]
        )


def prune(now: datetime, limit: int = 10_000) -> int:
    """Give up to `limit` orphans of the project in scope up that have waited for 30 days; return how many rows it took.

    What was said stays in the history, and a cost stays where it is: only nobody waits with them any more. They are
    counted for another 30 days, and then forgotten.
    """
    parameters: dict[str, Any] = {"project": current_project(), "now": now, "before": now - KEPT, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(PRUNE, parameters)
        forgotten = int(cursor.rowcount)
        cursor.execute(GIVE_UP, parameters)
        return max(forgotten, int(cursor.rowcount))


def orphans(now: datetime) -> dict[RecordKind, Orphans]:
    """How much feedback and how many costs of the project in scope have no interaction."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, {"project": current_project(), "since": now - KEPT})
        found = {kind: Orphans(waiting, given_up) for kind, waiting, given_up in cursor.fetchall()}
    return {kind: found.get(kind, Orphans(0, 0)) for kind in (RecordKind.FEEDBACK, RecordKind.COST)}


def patience(waited: timedelta) -> timedelta:
    """How long until the next look at something that has waited so long in vain: ever longer, up to an hour's quarter."""
    return min(max(waited / 4, SOONEST), LONGEST)


def _due(now: datetime, limit: int) -> list[Orphan]:
    parameters: dict[str, Any] = {"project": current_project(), "now": now, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(IS_DUE, parameters)
        if not cursor.rowcount:
            return []
        cursor.execute(DUE, parameters)
        return [Orphan(*row) for row in cursor.fetchall()]


def _reach(now: datetime) -> datetime:
    """Before which instant an interaction is too old for anything to be said about it."""
    raw_horizon, raw_days = Project.objects.values_list("raw_horizon", "raw_days").get(pk=current_project())
    return oldest(raw_horizon, raw_days, now)


def _targets(due: Sequence[Orphan]) -> dict[int, Target]:
    """Where each orphan belongs, by its place; those that have to wait are left out."""
    found = {place: orphan.named for place, orphan in enumerate(due) if orphan.named and not orphan.is_loose}
    loose = {place: orphan for place, orphan in enumerate(due) if orphan.is_loose and not orphan.is_gone}
    followed = targets([Trail(one.occurred_at, one.span_id, one.trace_id, one.session_id) for one in loose.values()])
    places = list(loose)
    return found | {places[number]: target for number, target in followed.items()}


def _set_aside(late: Collection[Orphan]) -> None:
    """Take out of the record what is about interactions from before the horizon, and count it as late."""
    for kind in (RecordKind.FEEDBACK, RecordKind.COST):
        moves.set_aside(kind, [(orphan.occurred_at, orphan.id) for orphan in late if orphan.record_kind == kind])


def _move(all_moves: Mapping[int, Move], due: Sequence[Orphan]) -> None:
    for kind, bind_all in ((RecordKind.FEEDBACK, moves.bind_feedback), (RecordKind.COST, moves.bind_costs)):
        bind_all([move for place, move in all_moves.items() if due[place].record_kind == kind])


def _compare(due: Sequence[Orphan], moved: Mapping[int, Target]) -> Edits:
    """The edit ratios of corrections, by place."""
    places = [place for place in moved if due[place].kind == FeedbackKind.CORRECTION]
    if not places:
        return Edits({}, frozenset(), frozenset())
    pairs = [Pair(due[place].occurred_at, due[place].id, moved[place].occurred_at, moved[place].id) for place in places]
    found = edits.of_kept(pairs)
    ratios = {places[number]: ratio for number, ratio in found.ratios.items()}
    return Edits(ratios, frozenset(places[number] for number in found.left), frozenset())


def _put_away(
    looked: Mapping[int, Orphan],
    found: Mapping[int, Target],
    moved: Mapping[int, Target],
    over: Collection[int],
    now: datetime,
) -> None:
    """Forget what is over, bound for good, or no longer in the record; say of the others when to look again."""
    forgotten: list[tuple[Orphan, datetime | None, datetime]] = []
    postponed: list[tuple[Orphan, datetime | None, datetime]] = []
    for place, orphan in looked.items():
        settled_at = now + SETTLED if place in moved or orphan.settled_at is None else orphan.settled_at
        if place in over or orphan.is_gone or (place in found and (not orphan.is_loose or settled_at <= now)):
            forgotten.append((orphan, None, now))
        elif place in found:
            bound_for = SETTLED - (settled_at - now)
            postponed.append((orphan, settled_at, min(now + max(bound_for, SOONEST), settled_at)))
        else:
            postponed.append((orphan, None, now + patience(now - orphan.received_at)))
    _execute(FORGET, forgotten)
    _execute(POSTPONE, postponed)


def _execute(sql: str, orphans: Sequence[tuple[Orphan, datetime | None, datetime]]) -> None:
    if not orphans:
        return
    parameters: dict[str, Any] = {
        "project": current_project(),
        "keys": [orphan.interaction_key for orphan, *_ in orphans],
        "kinds": [orphan.record_kind for orphan, *_ in orphans],
        "times": [orphan.occurred_at for orphan, *_ in orphans],
        "ids": [orphan.id for orphan, *_ in orphans],
        "settled": [settled for _, settled, _ in orphans],
        "next": [at for *_, at in orphans],
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
