"""The same load while little is stored and while much is: what a full database takes from the rate of storing.

In turns with ids that ascend within a request and with ids of pure chance; each run begins when all before it has been
read, counted and written to the disk.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from tests.bench import filling
from tests.bench.filling import Filled
from tests.bench.posting import BATCH, Posted, Product, checkpoint, post

FEW = 100_000
SAMPLED = 5_000
RUNS = 3
PATIENCE_S = 900.0
IS_WAITING = (
    "SELECT EXISTS (SELECT FROM unread) OR EXISTS (SELECT FROM dirty_bucket) OR EXISTS (SELECT FROM dirty_user)"
)
IS_VACUUMING = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')"


@dataclass(frozen=True)
class Run:
    """One run of the load: how much was stored before it, and how long reading and counting all of it took after it.

    `wal_bytes`: the write-ahead log meanwhile. A checkpoint came before, so each page that is met has to be in it whole once.
    """

    stored: int
    has_random_ids: bool
    posted: Posted
    settled_s: float
    wal_bytes: int


@dataclass(frozen=True)
class Grown:
    """The runs with few and with many interactions stored, and what it took to fill the database in between."""

    few: Sequence[Run]
    many: Sequence[Run]
    filled: Filled

    def rates(self, has_random_ids: bool) -> tuple[float, float]:
        """The median rates with few and with many stored, by the kind of ids."""
        few, many = (
            statistics.median(run.posted.rate for run in runs if run.has_random_ids is has_random_ids)
            for runs in (self.few, self.many)
        )
        return few, many


def measure(product: Product, rows: int, events: int, say: Callable[[str], None]) -> Grown:
    """Post so many events a run while FEW are stored and while `rows` are. Raises ValueError for too few rows."""
    stored = FEW + 2 * RUNS * events
    if rows <= stored:
        raise ValueError(f"{stored:,} interactions are stored before anything is filled: {rows:,} cannot be many")
    stack, since = product.stack, datetime.now(UTC)
    whose = (stack.urls.owner, stack.superuser_url, stack.project_of(product.key))
    post(product, SAMPLED, BATCH, "sample")
    settle(product)
    filling.fill(*whose, FEW - SAMPLED, since)
    few = _runs(product, FEW, events, say)
    filled = filling.fill(*whose, rows - stored, since, first=FEW)
    say(
        f"{filled.rows:,} interactions were filled in within {filled.seconds:.0f} s and {filled.vacuum_s:.0f} s of vacuum"
    )
    return Grown(few, _runs(product, rows, events, say), filled)


def _runs(product: Product, stored: int, events: int, say: Callable[[str], None]) -> list[Run]:
    found = []
    for number in range(2 * RUNS):
        now_stored, has_random_ids = stored + number * events, bool(number % 2)
        checkpoint(product.stack)
        before = _wal_bytes(product)
        posted = post(product, events, BATCH, f"grown-{now_stored}", has_random_ids=has_random_ids)
        written = _wal_bytes(product) - before
        found.append(Run(now_stored, has_random_ids, posted, settle(product), written))
        say(f"  {now_stored:10,} stored: {posted.rate:8,.0f} events/s")
    return found


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
