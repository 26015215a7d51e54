"""Where questions about users' months are answered from: stored rows, with what is not merged yet added up anew.

Always what the day rows say at that moment. Users only: sessions and anonymous calls are nobody's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from ingest.projects.access import current_project
from observatory.metrics import user_months
from observatory.metrics.months import Span
from observatory.metrics.user_months import ALL_FEATURES

MERGED_AT_READ = 10_000
"""So many marked pairs are added up while a page waits (46 µs each); with more, days are read instead of months."""

STORED = """
    SELECT month, cluster, calls, cost_nano, active_days, tier_id, segment_id FROM user_month m
    WHERE project_id = %(project)s AND {of} AND is_user AND month = ANY(%(months)s::date[])
"""
# One month's rows come in the order of their cost.
STORED_MONTH = STORED.replace("month = ANY(%(months)s::date[])", "month = (%(months)s::date[])[1]")
OF_ALL, OF_FEATURE = "is_whole", "feature_id = %(feature)s AND feature_id >= 0"
"""Which rows of `user_month` are asked for; each has its index."""
MARKED = f"""
    {STORED} AND NOT EXISTS (SELECT FROM marked WHERE marked.month = m.month AND marked.cluster = m.cluster)
    UNION ALL
    SELECT month, cluster, calls, cost_nano, active_days, tier_id, segment_id FROM (
        SELECT {user_months.SUMS}
        FROM marked w CROSS JOIN LATERAL (
            SELECT * FROM user_day
            WHERE project_id = %(project)s AND cluster = w.cluster AND is_user
                AND day >= w.month AND day < w.month + interval '1 month' OFFSET 0) u
        GROUP BY {user_months.SETS}) AS added
    WHERE feature_id = %(month_feature)s
"""
MARKS = """
    marked AS MATERIALIZED (
        SELECT DISTINCT month, cluster FROM unmerged_user
        WHERE project_id = %(project)s AND month = ANY(%(months)s::date[]))
"""
FROM_DAYS = f"""
    SELECT month, cluster, calls, cost_nano, active_days, tier_id, segment_id FROM (
        SELECT {user_months.SUMS}
        FROM unnest(%(months)s::date[]) AS m (month)
        JOIN user_day u ON u.project_id = %(project)s AND u.is_user
            AND u.day + 0 >= m.month AND u.day + 0 < m.month + interval '1 month'
        CROSS JOIN LATERAL (SELECT m.month, u.cluster) AS w
        GROUP BY {user_months.SETS}) AS added
    WHERE feature_id = %(month_feature)s
"""
DAYS = """
    SELECT d.day, d.cluster, d.calls, d.cost_nano, d.tier_id, d.segment_id
    FROM unnest(%(firsts)s::date[], %(lasts)s::date[]) AS s (first, last)
    JOIN user_day d ON d.project_id = %(project)s AND d.is_user AND d.day + 0 BETWEEN s.first AND s.last
        AND (%(feature)s::smallint IS NULL OR d.feature_id = %(feature)s)
"""


@dataclass(frozen=True)
class Source:
    """SQL of a relation (month, cluster, calls, cost_nano, active_days, tier_id, segment_id), users only.

    `marks` is a CTE that must stand before it, or nothing.
    """

    rows: str
    marks: str
    parameters: dict[str, Any]

    def select(self, query: str, **more: Any) -> list[tuple[Any, ...]]:
        """Run a query that names the relation `{rows}` and may have CTEs after `{marks}`."""
        text = query.replace("{rows}", self.rows).replace("{marks}", f"{self.marks}," if self.marks else "")
        with connection.cursor() as cursor:
            cursor.execute(text, {**self.parameters, **more})
            return list(cursor.fetchall())


def source(months: Sequence[date], feature: int | None) -> Source:
    """The months' rows, of one feature (by number) or over all."""
    parameters = {
        "project": current_project(),
        "months": list(months),
        "feature": feature,
        "month_feature": ALL_FEATURES if feature is None else feature,
    }
    waiting = user_months.waiting(months, MERGED_AT_READ + 1)
    if waiting > MERGED_AT_READ:
        return Source(FROM_DAYS, "", parameters)
    query, marks = (MARKED, MARKS) if waiting else (STORED_MONTH if len(months) == 1 else STORED, "")
    return Source(query.replace("{of}", OF_ALL if feature is None else OF_FEATURE), marks, parameters)


def day_parameters(spans: Sequence[Span]) -> dict[str, Any]:
    """What DAYS needs."""
    return {"firsts": [first for first, _ in spans], "lasts": [last for _, last in spans]}
