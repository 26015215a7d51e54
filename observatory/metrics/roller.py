"""The duty that keeps rollups true: dirty buckets are counted again from raw rows, coarser ones merged from finer ones.

Killed, late or run twice, it gives the same rows: a claim and its replacement are one transaction, nothing is ever added
to a stored sum, and no mark of progress decides what is counted.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingest.dimensions import Facts
from ingest.projects.access import every_project, project_scope
from ingest.projects.models import Project
from ingest.timeline import DAY, EPOCH, HOUR, MINUTE, QUARTER, Window, day_start, day_window, floor, local_day
from observatory.metrics import noticing, recompute, rezone, sheets, store, user_rows
from observatory.metrics.store import Account, Mark
from observatory.metrics.windows import Level

RECENT_EVERY = timedelta(seconds=60)
LATE_EVERY = timedelta(minutes=15)
BUCKETS_AT_ONCE = 500
USERS_AT_ONCE = 2_000
QUARTERS_AT_ONCE = 500
DAYS_AT_ONCE = 14
ORPHANS_AT_ONCE = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RollReport:
    """What one slice did: buckets and user rows counted again, and whether it left some that were due.

    `failed` projects stay dirty and are tried again.
    """

    buckets: int = 0
    users: int = 0
    left: bool = False
    failed: int = 0

    def __add__(self, other: "RollReport") -> "RollReport":
        return RollReport(
            self.buckets + other.buckets, self.users + other.users, self.left or other.left, self.failed + other.failed
        )


@dataclass(frozen=True)
class Pass:
    """One run over one project: what is due in it and until when it may work.

    `started` is the database's clock: what was marked later is the next run's. `deadline` is in `time.monotonic`.
    """

    now: datetime
    started: datetime
    deadline: float
    everything: bool
    is_recent_due: bool
    is_late_due: bool

    @property
    def dirty_from(self) -> datetime:
        """Marks of earlier minutes wait."""
        if self.is_late_due:
            return EPOCH
        if self.is_recent_due:
            return self.now - store.RECENT
        return floor(self.now, MINUTE) - store.LIVE

    @property
    def is_over(self) -> bool:
        """Whether the time is spent."""
        return time.monotonic() > self.deadline
