"""One run of the roller over one project: what is due in it, until when it may work, and what it did."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

from ingest.projects.models import Project
from ingest.timeline import EPOCH, MINUTE, Window, day_window, floor, hour_window, local_day
from observatory.metrics import store


@dataclass(frozen=True)
class RollReport:
    """What one slice did: buckets, `wide` ones of the wide sets and user rows counted again; whether some that were due are left.

    `failed` projects stay dirty and are tried again.
    """

    buckets: int = 0
    users: int = 0
    left: bool = False
    failed: int = 0
    wide: int = 0

    def __add__(self, other: "RollReport") -> "RollReport":
        return RollReport(
            self.buckets + other.buckets,
            self.users + other.users,
            self.left or other.left,
            self.failed + other.failed,
            self.wide + other.wide,
        )


@dataclass(frozen=True)
class Pass:
    """One run over one project: what is due in it and until when it may work.

    `started` is the database's clock: what was marked later is the next run's. `deadline` is in `time.monotonic`, and
    `stopped` ends it before. `has_many_users`: their rows are worth a line of work of their own.
    """

    project: Project
    now: datetime
    started: datetime
    deadline: float
    is_everything: bool
    is_recent_due: bool
    is_wide_due: bool
    is_late_due: bool
    has_many_users: bool = False
    stopped: Event = field(default_factory=Event)

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
        return self.stopped.is_set() or time.monotonic() > self.deadline

    @property
    def marked_by(self) -> datetime | None:
        """A run over everything ends, however fast new marks come."""
        return self.started if self.is_everything else None

    def day_of(self, at: datetime) -> datetime:
        """When the local day of an instant begins."""
        return self.day_window(at).start

    def day_window(self, at: datetime) -> Window:
        """The local day of an instant."""
        return day_window(local_day(at, self.project.time_zone), self.project.time_zone)

    def hour_of(self, at: datetime) -> datetime:
        """When the local hour of an instant begins."""
        return self.hour_window(at).start

    def hour_window(self, at: datetime) -> Window:
        """The local hour of an instant."""
        return hour_window(at, self.project.time_zone)
