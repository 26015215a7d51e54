"""The same load beside a small database and beside a full one: what a full database takes from the rate of storing.

In turns, since a machine's processors are faster in one minute than in the next; with ids that ascend within a request
and with ids of pure chance; long enough that what the first minute after a checkpoint costs more is a part of it.
Workers are held still: what they do meanwhile is not the same in both.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from tests.bench import filling
from tests.bench.filling import Filled
from tests.bench.holding import workers_stopped
from tests.bench.posting import BATCH, Posted, Product, checkpoint, post, start
from tests.faults.stack import Stack

FEW = 100_000
SAMPLED = 5_000
RUNS = 4
PATIENCE_S = 900.0
IS_WAITING = (
    "SELECT EXISTS (SELECT FROM unread) OR EXISTS (SELECT FROM dirty_bucket) OR EXISTS (SELECT FROM dirty_user)"
)
IS_VACUUMING = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')"


@dataclass(frozen=True)
class Run:
    """One run of the load, and how much was stored before it.

    `wal_bytes`: the write-ahead log meanwhile. A checkpoint came before, so each page that is met has to be in it whole once.
    """

    stored: int
    has_random_ids: bool
    posted: Posted
    wal_bytes: int


@dataclass(frozen=True)
class Grown:
    """Pairs of runs, with few and with many interactions stored, and what it took to fill the database."""

    pairs: Sequence[tuple[Run, Run]]
    filled: Filled

    def share(self, has_random_ids: bool) -> float:
        """What is left of the rate with many stored: the median of the pairs with one kind of ids."""
        pairs = [pair for pair in self.pairs if pair[0].has_random_ids is has_random_ids]
        return statistics.median(many.posted.rate / few.posted.rate for few, many in pairs)


def measure(product: Product, rows: int, events: int, say: Callable[..., None]) -> Grown:
    """Post so many events a run where FEW are stored and where `rows` are. Raises ValueError for too few rows."""
    if rows <= FEW:
        raise ValueError(f"{FEW:,} interactions are few: {rows:,} cannot be many")
    filled = _filled(product, rows)
    say(
        f"{filled.rows:,} interactions were filled in within {filled.seconds:.0f} s and {filled.vacuum_s:.0f} s of vacuum"
    )
    pairs = []
    for number in range(2 * RUNS):
        small = Stack()
        try:
            few = start(small)
            _filled(few, FEW)
            with workers_stopped(small), workers_stopped(product.stack):
                of = number, events, bool(number % 2)
                pairs.append((_run(few, FEW, *of), _run(product, rows + number * events, *of)))
        finally:
            small.close()
        say(*(f"  {run.stored:10,} stored: {run.posted.rate:8,.0f} events/s" for run in pairs[-1]))
    return Grown(pairs, filled)


def _filled(product: Product, rows: int) -> Filled:
    """Store so many interactions that look like some that were posted."""
    since, stack = datetime.now(UTC), product.stack
    post(product, SAMPLED, BATCH, "sample")
    settle(product)
    whose = (stack.urls.owner, stack.superuser_url, stack.project_of(product.key))
    return filling.fill(*whose, rows - SAMPLED, since)


def _run(product: Product, stored: int, number: int, events: int, has_random_ids: bool) -> Run:
    checkpoint(product.stack)
    before = _wal_bytes(product)
    posted = post(product, events, BATCH, f"grown-{number}", has_random_ids=has_random_ids)
    return Run(stored, has_random_ids, posted, _wal_bytes(product) - before)


def _wal_bytes(product: Product) -> int:
    """How much was written to the write-ahead log so far."""
    with psycopg.connect(product.stack.superuser_url) as superuser:
        row = superuser.execute("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").fetchone()
    assert row is not None
    return int(row[0])


def settle(product: Product) -> float:
    """Have everything read and counted, and wait for autovacuum; gives the seconds. Raises RuntimeError after many."""
    began = time.monotonic()
    with psycopg.connect(product.stack.urls.jobs, autocommit=True) as connection:
        while time.monotonic() - began < PATIENCE_S:
            if connection.execute(IS_WAITING).fetchone() == (True,):
                product.stack.command("catch_up")
            elif connection.execute(IS_VACUUMING).fetchone() == (True,):
                time.sleep(0.5)
            else:
                return time.monotonic() - began
    raise RuntimeError(f"what came in is not read, counted and vacuumed after {PATIENCE_S:.0f} s")
