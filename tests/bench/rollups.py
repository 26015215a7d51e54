"""What charts cost at any size: every bucket counted again, the room that takes, and how long questions take then.

Rows are written straight into the tables by the server alone: interactions of 90 days by some thousands of users, each
of one of so many combinations of dimension values (or, independent, of nearly as many as there are rows), and a thumb
on every fifth. What each row says follows from its number: every run has the same rows.
"""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from ingest.dimensions import COLUMNS, FIRST, Dimension, FeedbackKind
from ingest.timeline import WEEK, floor, week_start
from tests.bench.posting import Product
from tests.faults.stack import Stack

DAYS = 90
COMBINATIONS = 1_000
USERS = 200_000
VALUES = {
    Dimension.FEATURE: 8, Dimension.MODEL: 6, Dimension.REQUESTED_MODEL: 6, Dimension.PROVIDER: 3, Dimension.ENVIRONMENT: 2,
    Dimension.RELEASE: 12, Dimension.PROMPT_NAME: 10, Dimension.PROMPT_VERSION: 20, Dimension.SEGMENT: 5, Dimension.TIER: 3,
    Dimension.LANGUAGE: 8, Dimension.QUERY_TYPE: 6, Dimension.REGION: 5,
}  # fmt: skip
TEXT_BYTES = 3_000
"""What the texts of an interaction take besides its row; they are not written here."""

ASKED = 15
QUESTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "30 days by day": ("metrics/error_rate", {"window": "30d", "grain": "1d"}),
    "24 hours by quarter": ("metrics/latency_p95", {"window": "24h", "grain": "15m"}),
    "30 days by day, one feature": ("metrics/latency_p95", {"window": "30d", "grain": "1d", "feature": "feature-2"}),
    "30 days by tier": ("metrics/cost_per_call", {"window": "30d", "grain": "1d", "group_by": "tier"}),
    "7 days by hour, one language": ("metrics/latency_p95", {"window": "7d", "grain": "1h", "language": "language-3"}),
    "30 days of two dimensions at once": ("metrics/error_rate", {"window": "30d", "tier": "tier-2", "language": "language-3"}),
    "30 days against the 30 before": ("metrics/thumbs_up_rate", {"window": "30d", "compare": "previous"}),
    "daily users of 30 days": ("metrics/dau", {"window": "30d"}),
    "percentiles of the month's users": ("people/costs", {"window": "month"}),
    "cohorts of three months": ("people/cohorts", {"period": "month", "count": "3"}),
    "retention of 30 days": ("metrics/retention_30", {"window": "30d"}),
    "adoption in 30 days": ("metrics/adoption_rate", {"window": "30d"}),
    "distribution of latency, 30 days": ("metrics/latency_p95/distribution", {"window": "30d"}),
}  # fmt: skip
QUICK = ("30 days by day", "24 hours by quarter")

NUMBERS = "(%(until)s::timestamptz - (%(rows)s - n) * %(step_us)s * interval '1 microsecond')"
COMBINED = "mod(abs(hashint8extended(n, 1)), %(combinations)s)"
INTERACTIONS = """
    INSERT INTO interaction (project_id, occurred_at, received_at, id, user_id, session_id, latency_ms,
        time_to_first_token_ms, input_tokens, output_tokens, cost_nano, cost_source, status, error_class, {columns})
    SELECT %(project)s, {at}, {at}, 'i' || n, 'u' || {user}, 's' || n / 5,
        exp(6 + 2 * u.one), exp(5 + u.two), (exp(4 + 3 * u.two))::int, (exp(3 + 3 * u.one))::int, (1e5 * exp(3 * u.two))::bigint,
        3, (u.one > 0.98)::int, CASE WHEN u.one > 0.98 THEN 1 + mod(n, 8) ELSE 0 END, {values}
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
    CROSS JOIN LATERAL (SELECT mod(abs(hashint8extended(n, 2)), 100000) / 1e5 AS one,
                               mod(abs(hashint8extended(n, 3)), 100000) / 1e5 AS two) u
"""
VERDICTS = """
    INSERT INTO verdict (project_id, interaction_at, said_at, interaction_id, kind, value, cluster, feedback_id, {columns})
    SELECT project_id, occurred_at, occurred_at, id, {thumb}, (mod(abs(hashtextextended(id, 4)), 10) < 7)::int, user_id, id,
        {columns}
    FROM interaction WHERE project_id = %(project)s AND mod(abs(hashtextextended(id, 5)), 5) = 0
        AND occurred_at >= %(start)s AND occurred_at < %(end)s
"""
DICTIONARY = """
    INSERT INTO dimension_value (project_id, dimension, number, value, first_seen_at)
    SELECT %s, %s, n, %s || '-' || n, now() FROM generate_series(%s::int, %s::int) AS n ON CONFLICT DO NOTHING
"""
DIRTY = (
    """INSERT INTO dirty_bucket (project_id, bucket, facts)
       SELECT DISTINCT %(project)s, date_trunc('minute', occurred_at), 1 FROM interaction WHERE project_id = %(project)s""",
    """INSERT INTO dirty_bucket (project_id, bucket, facts)
       SELECT DISTINCT %(project)s, date_trunc('minute', interaction_at), 2 FROM verdict WHERE project_id = %(project)s""",
    """INSERT INTO dirty_user (project_id, quarter, cluster)
       SELECT DISTINCT %(project)s, date_trunc('day', occurred_at) AS day, user_id
       FROM interaction WHERE project_id = %(project)s ORDER BY day""",  # in the order in which calls leave marks
)
SIZE = """
    SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint FROM (
        SELECT name::regclass AS relid FROM unnest(%(names)s::text[]) AS name
        UNION SELECT relid FROM unnest(%(names)s::text[]) AS name, pg_partition_tree(name::regclass)) AS parts
"""
SHEETS, USER_ROWS, RECORD = ["sheet"], ["user_day", "user_month", "user_number", "user_set"], ["interaction"]


@dataclass(frozen=True)
class Rolled:
    """What charts of so many rows took: seconds to count all sheets and user rows and what processors worked meanwhile,
    bytes with indexes and what updates left behind, and ms of each question.
    """

    rows: int
    is_independent: bool
    counted_s: float
    worked_s: float
    sheet_bytes: int
    user_bytes: int
    row_bytes: int
    questions: Mapping[str, float]

    @property
    def sheet_share(self) -> float:
        """Sheets as a share of interactions and their texts."""
        return self.sheet_bytes / (self.row_bytes + self.rows * TEXT_BYTES)

    @property
    def user_share(self) -> float:
        """The same of user rows."""
        return self.user_bytes / (self.row_bytes + self.rows * TEXT_BYTES)


def measure(product: Product, rows: int, *, is_independent: bool = False) -> Rolled:
    """Fill a fresh project, count everything, ask everything."""
    stack = product.stack
    key = stack.new_key()
    project = stack.project_of(key)
    before = [_size(stack, tables) for tables in (SHEETS, USER_ROWS, RECORD)]
    _fill(stack, project, rows, COMBINATIONS if not is_independent else rows)
    worked = processor_seconds()
    seconds = _counted(stack, project)
    worked = processor_seconds() - worked
    with psycopg.connect(stack.superuser_url) as superuser:
        superuser.execute("ANALYZE sheet, user_day, user_month, user_set, user_number")
    sizes = [_size(stack, tables) - size for tables, size in zip((SHEETS, USER_ROWS, RECORD), before, strict=True)]
    return Rolled(rows, is_independent, seconds, worked, *sizes, _asked(stack, key))


def _size(stack: Stack, tables: Sequence[str]) -> int:
    """The bytes of tables, their indexes and long values among them."""
    with psycopg.connect(stack.superuser_url) as superuser:
        found = superuser.execute(SIZE, {"names": list(tables)}).fetchone()
    assert found is not None
    return int(found[0])


def processor_seconds() -> float:
    """What all processors have worked for anybody so far."""
    user, nice, system, _idle, _wait, *interrupts = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")


def _fill(stack: Stack, project: int, rows: int, combinations: int) -> None:
    until = floor(datetime.now(UTC), timedelta(minutes=1))
    parameters: dict[str, Any] = {
        "project": project, "rows": rows, "until": until, "combinations": combinations,
        "step_us": timedelta(days=DAYS) / rows / timedelta(microseconds=1),
    }  # fmt: skip
    values = [
        f"{FIRST} + mod(abs(hashint8extended({COMBINED}, {number})), {VALUES[dimension]})"
        for number, dimension in enumerate(Dimension, start=10)
    ]
    names = ", ".join(COLUMNS)
    user = f"mod(abs(hashint8extended(n / 3, 6)), {USERS})"
    interactions = INTERACTIONS.format(columns=names, values=", ".join(values), at=NUMBERS, user=user)
    verdicts = VERDICTS.format(columns=names, thumb=int(FeedbackKind.THUMB))
    with psycopg.connect(stack.urls.owner, autocommit=True, cursor_factory=psycopg.ClientCursor) as owner:
        for week in range(DAYS // 7 + 2):
            owner.execute("SELECT ensure_partition(%s)", [week_start(until - week * WEEK)])
        for dimension, count in VALUES.items():
            text = dimension.name.lower()
            owner.execute(DICTIONARY, [project, int(dimension), text, FIRST, FIRST + count - 1])
        for first in range(1, rows + 1, 500_000):
            owner.execute(interactions, parameters | {"first": first, "last": min(rows, first + 499_999)})
        for day in range(DAYS + 2):
            start = floor(until, timedelta(days=1)) - timedelta(days=day)
            owner.execute(verdicts, parameters | {"start": start, "end": start + timedelta(days=1)})
    with psycopg.connect(stack.superuser_url, autocommit=True) as superuser:
        superuser.execute("VACUUM (ANALYZE)")


def _counted(stack: Stack, project: int) -> float:
    """Mark everything and have it counted; the seconds that counting took."""
    with psycopg.connect(stack.urls.owner, autocommit=True) as owner:
        for statement in DIRTY:
            owner.execute(statement, {"project": project})
        began = time.perf_counter()
        slug = owner.execute("SELECT slug FROM project WHERE id = %s", [project]).fetchone()
    assert slug is not None
    done = stack.command("catch_up", "--project", slug[0])
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return time.perf_counter() - began


def _asked(stack: Stack, key: str) -> dict[str, float]:
    """The median of each question's milliseconds, over HTTP."""
    found = {}
    with httpx2.Client(headers={"x-api-key": key}, timeout=60) as client:
        for name, (path, parameters) in QUESTIONS.items():
            taken = []
            for _ in range(ASKED):
                began = time.perf_counter()
                client.get(f"http://127.0.0.1:{stack.port}/api/v1/{path}", params=parameters).raise_for_status()
                taken.append((time.perf_counter() - began) * 1000)
            found[name] = statistics.median(taken)
    return found
