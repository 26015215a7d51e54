"""How many of the product's users use its AI, whether that grows with the product, and who turned it off.

adoption_rate = distinct users of the last 30 local days / active users of the product in the month of the last one
mau_share_change_8w = adoption rate / adoption rate 56 days before − 1
opt_out_rate = activated users whose last word about a feature is that they opted out / users who ever activated one
"""

from collections.abc import Sequence
from itertools import accumulate

from django.db import connection

from ingest.dimensions import ABSENT, FigureName, UserEvent
from ingest.projects.access import current_project
from ingest.timeline import Window, local_day
from observatory.metrics import economics, formulas, users, windows
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived import figures
from observatory.metrics.formulas import NO_DATA
from observatory.metrics.reading import Reading, State
from observatory.metrics.shelf import Filter, Shelf
from observatory.metrics.statistics import wilson

MAU_DAYS = 30
WEEKS = 8

# What a user last said of a feature holds until the next word; before the activation nothing counts. What names no
# feature was said of each. Of all features together a user has opted out while any that they activated is off.
OPT_OUTS = """
    WITH said AS MATERIALIZED (
        SELECT user_id, coalesce(%(feature)s::smallint, feature_id) AS feature_id, event, occurred_at, id
        FROM user_event
        WHERE project_id = %(project)s AND event = ANY(%(words)s) AND occurred_at < %(last)s
            AND (%(feature)s::smallint IS NULL OR feature_id IN (%(feature)s, %(absent)s))
    ), heard AS (
        SELECT * FROM said
        UNION ALL
        SELECT s.user_id, f.feature_id, s.event, s.occurred_at, s.id
        FROM said s JOIN (SELECT DISTINCT user_id, feature_id FROM said WHERE feature_id <> %(absent)s) f USING (user_id)
        WHERE s.feature_id = %(absent)s
    ), words AS (
        SELECT user_id, event, occurred_at, lead(occurred_at) OVER said AS until,
            row_number() OVER said AS number,
            min(occurred_at) FILTER (WHERE event = %(activated)s) OVER (PARTITION BY user_id, feature_id) AS activated_at
        FROM heard
        WINDOW said AS (PARTITION BY user_id, feature_id ORDER BY occurred_at, id)
    ), changes AS (
        SELECT user_id, activated_at AS at, 1 AS activated, 0 AS out FROM words
        WHERE number = 1 AND activated_at IS NOT NULL
        UNION ALL
        SELECT user_id, greatest(occurred_at, activated_at), 0, 1 FROM words
        WHERE event = %(out)s AND activated_at IS NOT NULL AND coalesce(until > activated_at, true)
        UNION ALL
        SELECT user_id, until, 0, -1 FROM words WHERE event = %(out)s AND until > activated_at
    ), features AS (
        SELECT user_id, at, sum(activated) AS activated, sum(out) AS out FROM changes GROUP BY user_id, at
    ), users AS (
        SELECT at,
            (sum(activated) OVER so_far > 0)::integer - (sum(activated) OVER so_far > activated)::integer AS activated,
            (sum(out) OVER so_far > 0)::integer - (sum(out) OVER so_far > out)::integer AS out
        FROM features WINDOW so_far AS (PARTITION BY user_id ORDER BY at)
    )
    SELECT width_bucket(at, %(ends)s::timestamptz[]), sum(activated), sum(out) FROM users GROUP BY 1
"""


def rate(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """The share at the end of each window; unknown without the figure, with Wilson's interval where it is a share."""
    return [_shared(found, product) for found, product in _sides(shelf, points, chosen)]


def change(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """How the share at the end of each window differs from that of 8 weeks before, relative to it.

    Unknown where the feature, or the project, had not yet been there for all of the earlier 30 days.
    """
    earlier = [windows.weeks_before(point, shelf.zone, WEEKS) for point in points]
    both = rate(shelf, [*earlier, *points], chosen)
    first = shelf.first_call(chosen.feature)
    born = local_day(first, shelf.zone) if first else None
    spans = [windows.last_days(point.end, MAU_DAYS, shelf.zone) for point in earlier]
    return [
        _changed(now, then) if born is not None and born <= span[0] else NO_DATA
        for then, now, span in zip(both[: len(points)], both[len(points) :], spans, strict=True)
    ]


def opt_outs(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """The share at the end of each window, every user counted once; unknown before the raw horizon."""
    ends = [point.end for point in points]
    parameters = {
        "project": current_project(),
        "feature": chosen.feature,
        "absent": ABSENT,
        "activated": int(UserEvent.ACTIVATED),
        "out": int(UserEvent.OPTED_OUT),
        "words": [int(UserEvent.ACTIVATED), int(UserEvent.OPTED_OUT), int(UserEvent.OPTED_IN)],
        "ends": ends,
        "last": ends[-1],
    }
    with connection.cursor() as cursor:
        cursor.execute(OPT_OUTS, parameters)
        changes = {place: (int(activated), int(out)) for place, activated, out in cursor.fetchall()}
    steps = [changes.get(place, (0, 0)) for place in range(len(points))]
    standing = list(accumulate(steps, lambda so_far, step: (so_far[0] + step[0], so_far[1] + step[1])))
    return [
        _opted_out(k, n) if shelf.is_raw(point) else NO_DATA for (n, k), point in zip(standing, points, strict=True)
    ]


def _sides(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[tuple[int, float | None]]:
    """The distinct users of the days up to each window's end, and the product's users of the month of the last.

    The latter are None where either is unknown.
    """
    spans = [windows.last_days(point.end, MAU_DAYS, shelf.zone) for point in points]
    months = [last.replace(day=1) for _, last in spans]
    product = figures.of_all_tiers(FigureName.ACTIVE_USERS, min(months))
    found = users.distinct(spans, chosen.feature)
    is_known = [chosen.feature != ABSENT and shelf.is_known(point, chosen.feature) for point in points]
    readings = [formulas.judge_users(one, is_known=known) for one, known in zip(found, is_known, strict=True)]
    figure = [economics.standing_for(product, month) for month in months]
    return [
        (reading.sample_size, None if all_ is None or reading.value is None else float(all_))
        for reading, all_ in zip(readings, figure, strict=True)
    ]


def _shared(found: int, product: float | None) -> Reading:
    if not product:
        return NO_DATA
    interval = wilson(found, product) if found <= product else None
    return Reading(State.OK, found / product, (interval.low, interval.high) if interval else None, found)


def _changed(now: Reading, then: Reading) -> Reading:
    if now.value is None or not then.value:
        return NO_DATA
    size = min(now.sample_size, then.sample_size)
    if then.sample_size < METRICS["mau_share_change_8w"].minimum_sample:
        return Reading(State.LEARNING, sample_size=size)
    return Reading(State.OK, now.value / then.value - 1, None, then.sample_size)


def _opted_out(k: int, n: int) -> Reading:
    if n == 0:
        return NO_DATA
    if n < METRICS["opt_out_rate"].minimum_sample:
        return Reading(State.LEARNING, sample_size=n)
    interval = wilson(k, n)
    return Reading(State.OK, k / n, (interval.low, interval.high), n)
