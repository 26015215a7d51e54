"""A full database, made as quickly as it can be: rows written straight into the partitions, by the server alone.

A filled interaction has its numbers (those of the dictionary, too) from one that the product stored; an id, a time, a
user, a session and short pieces of that one's texts are its own. Weeks halve in size every three weeks backwards.
Nothing is switched off: every row goes through every index, in the order in which time would have brought it. Only the
keys of `record_key`, as random as the hashes they stand for, come sorted week by week: their index is walked, not
jumped about in.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from ingest.digest.marks import SHORTEST_REPEAT
from ingest.timeline import WEEK, week_start

WEEKS, HALF_LIFE = 20, 3  # within the 180 days that texts are kept
CONNECTIONS = 3
SAMPLES = 1_000
PROMPT_CHARS, OUTPUT_CHARS = 40, 80
USERS, CALLS_A_SESSION = 50_000, 5  # the calls of a session are one user's
# A GIN index takes many rows at a time best, and sorts want to stay in memory.
ROOM = "SET work_mem = '256MB'; SET maintenance_work_mem = '256MB'; SET gin_pending_list_limit = '64MB'"

MADE = f"""
    WITH sample AS MATERIALIZED (
        SELECT row_number() OVER (ORDER BY occurred_at, id) - 1 AS number, *,
               prompt || '' AS whole_prompt, output || '' AS whole_output -- unpacked once, not for every row
        FROM (SELECT * FROM interaction WHERE project_id = %(project)s AND occurred_at >= %(until)s
              ORDER BY occurred_at, id LIMIT {SAMPLES}) i
        JOIN LATERAL (SELECT * FROM payload WHERE project_id = i.project_id AND occurred_at = i.occurred_at AND id = i.id
                      OFFSET 0) p USING (project_id, occurred_at, id)
    ),
    made AS (
        SELECT n, %(start)s::timestamptz + (n - %(first)s) * %(step_us)s * interval '1 microsecond' AS at,
               md5('interaction ' || n)::uuid::text AS new_id, s.*,
               substr(s.whole_prompt, 1 + mod(abs(hashint8(n)), 700), {PROMPT_CHARS}) AS asked,
               substr(s.whole_output, 1 + mod(abs(hashint8(-n)), 1800), {OUTPUT_CHARS}) AS said
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
        JOIN sample s ON s.number = mod(n, (SELECT count(*) FROM sample))
    )
"""
OF_ALL = {"project_id": "project_id", "occurred_at": "at", "id": "new_id"}
OWN = {
    "interaction": {
        "received_at": "at",
        "claimed_at": "at",
        "prompt_chars": str(PROMPT_CHARS),
        "output_chars": str(OUTPUT_CHARS),
        "user_id": f"'user-' || mod(abs(hashint8(n / {CALLS_A_SESSION})), {USERS})",
        "session_id": f"md5('session ' || n / {CALLS_A_SESSION})",
    },
    "payload": {"prompt": "asked", "output": "said"},
    "search": {
        "output_hash": "hashtextextended(said, project_id * 65536 + feature_id)",
        "words": "to_tsvector('simple', asked || ' ' || said)"
        " || array_to_tsvector(ARRAY['#' || project_id, '#' || project_id || '.' || feature_id])",
    },
}
assert OUTPUT_CHARS >= SHORTEST_REPEAT, "a filled output has its hash in the search table, as a real one has"
KEYS = """
    INSERT INTO record_key (project_id, occurred_at, key, content)
    SELECT %(project)s, %(start)s::timestamptz + (n - %(first)s) * %(step_us)s * interval '1 microsecond',
           decode(md5('interaction ' || n), 'hex') AS key, decode(md5('content ' || n), 'hex')
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n ORDER BY key
"""
SIZES = """
    SELECT relname, pg_total_relation_size(oid)::bigint
           + coalesce((SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(oid) WHERE isleaf), 0)::bigint
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s) ORDER BY 2 DESC
"""


@dataclass(frozen=True)
class Share:
    """Rows of one week: numbers `first` to `last`, `step_us` microseconds apart from `start` on."""

    start: datetime
    step_us: float
    first: int
    last: int


@dataclass(frozen=True)
class Filled:
    """What filling took, and how large each table is with its indexes afterwards, in bytes."""

    rows: int
    seconds: float
    vacuum_s: float
    sizes: Mapping[str, int]


def shares(rows: int, until: datetime, first: int = 0) -> list[Share]:
    """Spread rows over the last weeks up to an instant, the oldest first; their numbers begin with `first`."""
    weights = [0.5 ** (back / HALF_LIFE) for back in reversed(range(WEEKS))]
    edges = [first + round(rows * sum(weights[:place]) / sum(weights)) for place in range(WEEKS + 1)]
    found = []
    for place in range(WEEKS):
        start = week_start(until) - WEEK * (WEEKS - 1 - place)
        count = edges[place + 1] - edges[place]
        if count:
            step_us = (min(until, start + WEEK) - start).total_seconds() * 1e6 / count
            found.append(Share(start, step_us, edges[place], edges[place + 1] - 1))
    return found


def fill(owner_url: str, superuser_url: str, project_id: int, rows: int, until: datetime, *, first: int = 0) -> Filled:
    """Store so many interactions from before an instant, with texts, search rows and keys.

    The samples are the project's first interactions from that instant on, as many as there are up to SAMPLES; their texts
    have to be about as long as those of `bodies`.
    """
    began, spread = time.perf_counter(), shares(rows, until, first)
    with psycopg.connect(owner_url) as owner:
        for share in spread:
            owner.execute("SELECT ensure_partition(%s)", [share.start])
        columns = {table: _columns(owner, table) for table in OWN}
    common = {"project": project_id, "until": until}
    _at_once(owner_url, [(sql, common | values) for sql, values in _statements(spread, columns)])
    seconds = time.perf_counter() - began
    # What autovacuum would have done in the course of those weeks. The tables above the partitions it never analyses.
    tables = [f"partitions.{table}_{share.start:%Y%m%d}" for table in OWN for share in spread]
    _at_once(superuser_url, [(f"VACUUM (ANALYZE) {table}", {}) for table in ["record_key", *tables]])
    with psycopg.connect(owner_url) as owner:
        sizes: dict[str, int] = dict(owner.execute(SIZES, [["record_key", *OWN]]).fetchall())
    return Filled(rows, seconds, time.perf_counter() - began - seconds, sizes)


def _columns(owner: psycopg.Connection[Any], table: str) -> list[str]:
    found = owner.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s", [table]
    )
    return [row[0] for row in found]


def _statements(spread: Iterable[Share], columns: Mapping[str, list[str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """One statement for each table and week, the largest weeks first."""
    for share in sorted(spread, key=lambda one: one.first - one.last):
        values = {"start": share.start, "step_us": share.step_us, "first": share.first, "last": share.last}
        yield KEYS, values
        for table, own in OWN.items():
            taken = {name: name for name in columns[table]} | OF_ALL | own
            into = f"INSERT INTO partitions.{table}_{share.start:%Y%m%d} ({', '.join(taken)})"
            yield f"{MADE} {into} SELECT {', '.join(taken.values())} FROM made", values


def _at_once(url: str, jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Execute statements over a few connections, each in a transaction of its own."""

    def execute(job: tuple[str, Mapping[str, Any]]) -> None:
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(ROOM)
            connection.execute(*job)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(execute, jobs))
