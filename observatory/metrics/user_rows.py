"""User rows: one per local day, feature and user, counted again from raw rows when something of that day is dirty.

Without a user id the session is the cluster. Calls with neither share the cluster '': one row a feature and day, each
of whose calls is its own cluster, so that its sums of squares follow from its counts, and those of logarithms are kept
for it alone. Sums of logarithms are millionths, rounded call by call, so that no order of rows shows in them. What most
rows would count none of is NULL then. Tier and segment are those that a user was last seen with that day, in whichever
feature; nobody is behind the cluster ''.

Rows lie by user. Those of a day have an index of their own, which a statement uses that says `day + 0`: no estimate of
how many there are can have the planner look for one user among all of a day.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from ingest import arrays
from ingest.dimensions import Facts, FeedbackKind
from ingest.projects.access import current_project
from ingest.timeline import EPOCH, Window, day_window, local_day
from observatory.metrics import raw, user_months

COLUMNS = (
    "day", "feature_id", "cluster", "is_user", "calls", "errors", "cost_nano", "input_tokens",
    "n_input_tokens", "ln_input_tokens", "ln2_input_tokens", "n_cost", "ln_cost", "ln2_cost",
    "n_latency", "ln_latency", "ln2_latency", "thumbs", "thumbs_up", "ratings", "ratings_micro", "ratings2_micro",
    "corrections", "acceptances", "dismissals", "outcomes", "completions", "flagged", "with_feedback",
    "tier_id", "segment_id",
)  # fmt: skip

FEW_A_DAY = 4
"""When days hold at most so many calls for each user that is wanted, they are read whole."""

MANY_MARKS = 20_000
"""More are not looked through while a page waits."""

# A day is sent once and its users name its place: so many instants would take longer to send than to look up.
WANTED = """
    SELECT (%(days)s::date[])[place] AS day, (%(starts)s::timestamptz[])[place] AS start_at,
        (%(ends)s::timestamptz[])[place] AS end_at, cluster
    FROM unnest(%(places)b, %(clusters)b) AS p (place, cluster)
"""
OF_USERS = """
    FROM wanted w
    CROSS JOIN LATERAL (
        SELECT * FROM interaction
        WHERE project_id = %(project)s AND coalesce(user_id, session_id, '') = w.cluster
            AND occurred_at >= w.start_at AND occurred_at < w.end_at
            AND occurred_at >= %(first)s AND occurred_at < %(last)s OFFSET 0) i
"""


def _of_days(table: str, at: str) -> str:
    """SQL: the rows of a table on the days that are wanted, each with its day.

    The outer OFFSET 0 has days and users joined once, by a hash: inside the loop over days the planner, which may take a
    fresh week for empty, would compare every row with every user.
    """
    return f"""(
        SELECT s.day AS that_day, r.* FROM spans s
        CROSS JOIN LATERAL (
            SELECT * FROM {table}
            WHERE project_id = %(project)s AND {at} >= s.start_at AND {at} < s.end_at
                AND {at} >= %(first)s AND {at} < %(last)s OFFSET 0) r
        OFFSET 0)"""


OF_DAYS = f"""
    FROM {_of_days("interaction", "occurred_at")} i
    JOIN wanted w ON w.day = i.that_day AND w.cluster = coalesce(i.user_id, i.session_id, '')
"""
RECOMPUTED = f"""
    WITH wanted AS (
        {WANTED}
    ), spans AS (
        SELECT * FROM unnest(%(days)s::date[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
            AS s (day, start_at, end_at)
    ), called AS (
        SELECT w.day, w.cluster, i.feature_id, i.user_id IS NOT NULL AS is_user, i.input_tokens,
            i.status <> 0 OR i.error_class <> 0 AS has_failed,
            CASE WHEN i.tier_id <> 0 AND w.cluster <> '' THEN
                (date_part('epoch', i.occurred_at - w.start_at) * 1e6)::bigint << 16 | i.tier_id END AS tier_seen,
            CASE WHEN i.segment_id <> 0 AND w.cluster <> '' THEN
                (date_part('epoch', i.occurred_at - w.start_at) * 1e6)::bigint << 16 | i.segment_id END AS segment_seen,
            CASE WHEN t.amount_nano IS NULL THEN i.cost_nano END AS own_nano,
            ln(nullif(greatest(i.input_tokens, 0), 0)::float8) * 1e6 AS ln_input,
            ln(nullif(greatest(coalesce(t.amount_nano, i.cost_nano), 0), 0)::float8) * 1e6 AS ln_cost,
            ln(nullif(greatest(i.latency_ms, 0), 0)) * 1e6 AS ln_latency
        {{calls}}
        LEFT JOIN unnest(%(replaced_at)s::timestamptz[], %(replaced)s::text[], %(amounts)s::bigint[])
            AS t (occurred_at, interaction_id, amount_nano) ON t.occurred_at = i.occurred_at AND t.interaction_id = i.id
    ), calls AS (
        SELECT day, feature_id, cluster, bool_or(is_user) AS is_user, count(*) AS calls,
            count(*) FILTER (WHERE has_failed) AS errors, coalesce(sum(own_nano), 0) AS own_nano,
            coalesce(sum(input_tokens), 0) AS input_tokens,
            count(ln_input) AS n_input, coalesce(sum(round(ln_input)), 0) AS ln_input,
            coalesce(sum(round(ln_input * ln_input / 1e6)), 0) AS ln2_input,
            count(ln_cost) AS n_cost, coalesce(sum(round(ln_cost)), 0) AS ln_cost,
            coalesce(sum(round(ln_cost * ln_cost / 1e6)), 0) AS ln2_cost,
            count(ln_latency) AS n_latency, coalesce(sum(round(ln_latency)), 0) AS ln_latency,
            coalesce(sum(round(ln_latency * ln_latency / 1e6)), 0) AS ln2_latency,
            max(tier_seen) AS tier_seen, max(segment_seen) AS segment_seen
        FROM called GROUP BY day, feature_id, cluster
    ), said AS (
        SELECT w.day, w.cluster, v.feature_id,
            count(*) FILTER (WHERE v.kind = %(thumb)s) AS thumbs,
            count(*) FILTER (WHERE v.kind = %(thumb)s AND v.value > 0.5) AS thumbs_up,
            count(v.value) FILTER (WHERE v.kind = %(rating)s) AS ratings,
            sum(round(v.value * 1e6)) FILTER (WHERE v.kind = %(rating)s) AS ratings_micro,
            sum(round(v.value * v.value * 1e6)) FILTER (WHERE v.kind = %(rating)s) AS ratings2_micro,
            count(*) FILTER (WHERE v.kind = %(correction)s) AS corrections,
            count(*) FILTER (WHERE v.kind = %(acceptance)s) AS acceptances,
            count(*) FILTER (WHERE v.kind = %(acceptance)s AND NOT v.value > 0.5) AS dismissals,
            count(*) FILTER (WHERE v.kind = %(outcome)s) AS outcomes,
            count(*) FILTER (WHERE v.kind = %(outcome)s AND v.label = 'completed') AS completions,
            count(DISTINCT v.interaction_id) FILTER (WHERE v.kind = %(flag)s) AS flagged,
            count(DISTINCT v.interaction_id) FILTER (WHERE v.kind <> %(evaluation)s) AS with_feedback
        FROM {_of_days("verdict", "interaction_at")} v
        JOIN wanted w ON w.day = v.that_day AND w.cluster = v.cluster
        GROUP BY w.day, w.cluster, v.feature_id
    ), paid AS (
        SELECT w.day, w.cluster, c.feature_id, sum(c.amount_nano) AS amount_nano
        FROM {_of_days("cost", "occurred_at")} c
        JOIN wanted w ON w.day = c.that_day AND w.cluster = c.cluster
        GROUP BY w.day, w.cluster, c.feature_id
    )
    SELECT day, feature_id, cluster, c.is_user, c.calls::integer, nullif(c.errors, 0)::integer,
        least(c.own_nano + coalesce(p.amount_nano, 0), 9223372036854775807)::bigint,
        c.input_tokens::bigint,
        c.n_input::integer, c.ln_input::bigint, CASE WHEN cluster = '' THEN c.ln2_input::bigint END,
        c.n_cost::integer, c.ln_cost::bigint, CASE WHEN cluster = '' THEN c.ln2_cost::bigint END,
        c.n_latency::integer, c.ln_latency::bigint, CASE WHEN cluster = '' THEN c.ln2_latency::bigint END,
        nullif(s.thumbs, 0)::integer, nullif(s.thumbs_up, 0)::integer, nullif(s.ratings, 0)::integer,
        nullif(s.ratings_micro, 0)::bigint, nullif(s.ratings2_micro, 0)::bigint,
        nullif(s.corrections, 0)::integer, nullif(s.acceptances, 0)::integer, nullif(s.dismissals, 0)::integer,
        nullif(s.outcomes, 0)::integer, nullif(s.completions, 0)::integer, nullif(s.flagged, 0)::integer,
        nullif(s.with_feedback, 0)::integer,
        (coalesce(max(c.tier_seen) OVER on_that_day, 0) & 65535)::smallint,
        (coalesce(max(c.segment_seen) OVER on_that_day, 0) & 65535)::smallint
    FROM calls c
    LEFT JOIN said s USING (day, feature_id, cluster)
    LEFT JOIN paid p USING (day, feature_id, cluster)
    WINDOW on_that_day AS (PARTITION BY day, cluster)
"""
"""The rows of the wanted (day, cluster) pairs, in the order of COLUMNS; `{calls}`: how their calls are found."""


class UserDay(NamedTuple):
    """A user on one local day; `window` is that day, or what raw rows reach of it."""

    window: Window
    day: date
    cluster: str

    def reached(self, horizon: datetime) -> "UserDay":
        """The same with what raw rows reach of the day."""
        if self.window.start >= horizon:
            return self
        return self._replace(window=Window(horizon, self.window.end))


def due(with_anonymous: bool, marked_by: datetime | None, zone_name: str, limit: int) -> tuple[list[UserDay], bool]:
    """The (day, cluster) pairs of so many marks, the latest first, and whether there are more than were looked at."""
    query = """
        SELECT quarter, array_agg(cluster) FROM (
            SELECT quarter, cluster FROM dirty_user
            WHERE project_id = %s AND (%s OR cluster <> '') AND marked_at <= coalesce(%s, 'infinity'::timestamptz)
            ORDER BY quarter DESC
            LIMIT %s) AS marks
        GROUP BY quarter ORDER BY quarter DESC
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), with_anonymous, marked_by, limit])
        marks = cursor.fetchall()
    found: dict[date, dict[str, None]] = {}
    for quarter, clusters in marks:
        found.setdefault(local_day(quarter, zone_name), {}).update(dict.fromkeys(clusters))
    windows = {day: day_window(day, zone_name) for day in found}
    users = [UserDay(windows[day], day, cluster) for day, clusters in found.items() for cluster in clusters]
    return users, sum(len(clusters) for _, clusters in marks) == limit


def claim(users: Sequence[UserDay]) -> None:
    """Take these pairs' marks away."""
    query = f"""
        DELETE FROM dirty_user d USING ({WANTED}) w
        WHERE d.project_id = %(project)s AND d.quarter >= w.start_at AND d.quarter < w.end_at AND d.cluster = w.cluster
            AND d.quarter >= %(first)s AND d.quarter < %(last)s
    """
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query, _pairs(users))


def replace(users: Sequence[UserDay]) -> None:
    """Count these pairs again, put the rows in the place of what they had, and mark their months."""
    delete = f"""
        DELETE FROM user_day WHERE ctid = ANY(ARRAY(
            SELECT u.ctid FROM ({WANTED}) w CROSS JOIN LATERAL (
                SELECT ctid FROM user_day
                WHERE project_id = %(project)s AND cluster = w.cluster AND day = w.day OFFSET 0) u))
    """
    # By user, as the primary key: it is far larger than what PostgreSQL keeps at hand.
    rows = f"{_recomputing(users)} ORDER BY cluster, day, feature_id"
    insert = f"INSERT INTO user_day (project_id, {', '.join(COLUMNS)}) SELECT %(project)s, r.* FROM ({rows}) r"
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(user_months.marking(delete), _pairs(users))
        cursor.execute(user_months.marking(insert), _parameters(users))


def recomputed(users: Sequence[UserDay]) -> list[tuple[Any, ...]]:
    """What `replace` would store, in the order of COLUMNS."""
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_recomputing(users), _parameters(users))
        return list(cursor.fetchall())


def _recomputing(users: Sequence[UserDay]) -> str:
    """RECOMPUTED, with each user's calls looked up or the days read as a whole, whichever is less work."""
    few = FEW_A_DAY * len(users)
    is_dense = sum(raw.rows_in(Facts.INTERACTIONS, sorted({user.window for user in users}), few + 1)) <= few
    return RECOMPUTED.replace("{calls}", OF_DAYS if is_dense else OF_USERS)


def stored(day: date) -> list[tuple[Any, ...]]:
    """The stored rows of a local day, in the order of COLUMNS."""
    query = f"SELECT {', '.join(COLUMNS)} FROM user_day WHERE project_id = %s AND day + 0 = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), day])
        return list(cursor.fetchall())


def are_more_than(marks: int) -> bool:
    """Whether more marks than so many wait."""
    query = "SELECT count(*) FROM (SELECT FROM dirty_user WHERE project_id = %s LIMIT %s) AS marked"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), marks + 1])
        return bool(cursor.fetchone()[0] > marks)


def are_waiting(window: Window) -> bool:
    """Whether anybody's calls in a window wait to be counted."""
    query = "SELECT EXISTS (SELECT FROM dirty_user WHERE project_id = %s AND quarter >= %s AND quarter < %s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), window.start, window.end])
        return bool(cursor.fetchone()[0])


def waiting(points: Sequence[Window]) -> list[bool]:
    """Whether anybody's calls in each point wait to be counted; nobody is behind the cluster ''."""
    query = """
        SELECT EXISTS (SELECT FROM dirty_user d
                       WHERE d.project_id = %s AND d.quarter >= p.start_at AND d.quarter < p.end_at AND d.cluster <> '')
        FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS p (start_at, end_at, place) ORDER BY p.place
    """
    starts, ends = [point.start for point in points], [point.end for point in points]
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), starts, ends])
        return [row[0] for row in cursor.fetchall()]


def complete_to(window: Window) -> datetime | None:
    """Before which all that came of a window is counted for its users; None when nobody of it waits.

    With many marks, the first quarter of an hour that somebody waits in.
    """
    query = """
        SELECT CASE WHEN count(*) > %(many)s THEN min(quarter) ELSE min(marked_at) END FROM (
            SELECT quarter, marked_at FROM dirty_user
            WHERE project_id = %(project)s AND quarter >= %(start)s AND quarter < %(end)s AND cluster <> ''
            ORDER BY quarter LIMIT %(many)s + 1) AS marks
    """
    asked: dict[str, Any] = {
        "project": current_project(),
        "start": window.start,
        "end": window.end,
        "many": MANY_MARKS,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        found: datetime | None = cursor.fetchone()[0]
        return found


def dirty_clusters(window: Window) -> set[str]:
    """The clusters with marks inside a day."""
    query = "SELECT DISTINCT cluster FROM dirty_user WHERE project_id = %s AND quarter >= %s AND quarter < %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), window.start, window.end])
        return {row[0] for row in cursor.fetchall()}


def _pairs(users: Sequence[UserDay]) -> dict[str, Any]:
    windows = {user.day: user.window for user in users}
    place_of = {day: place for place, day in enumerate(windows, start=1)}
    return {
        "project": current_project(),
        "days": list(windows),
        "starts": [window.start for window in windows.values()],
        "ends": [window.end for window in windows.values()],
        "first": min((window.start for window in windows.values()), default=EPOCH),
        "last": max((window.end for window in windows.values()), default=EPOCH),
        "places": arrays.integers([place_of[user.day] for user in users]),
        "clusters": arrays.texts([user.cluster for user in users]),
    }


def _parameters(users: Sequence[UserDay]) -> dict[str, Any]:
    return {
        **_pairs(users),
        **raw.replaced(sorted({user.window for user in users})),
        **{kind.name.lower(): int(kind) for kind in FeedbackKind},
    }
