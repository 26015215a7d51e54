"""Which windows a rule looks at, and when each may be judged. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest import timeline
from ingest.timeline import DAY, MINUTE, Window

GRACE = timedelta(seconds=60)
"""A window closes this long after its end, since clients send in batches."""


@dataclass(frozen=True)
class Cadence:
    """Windows of `window_minutes`, one every `every_minutes`; 0 is once a local day, in windows of whole local days."""

    window_minutes: int
    every_minutes: int
    zone_name: str

    @property
    def is_daily(self) -> bool:
        """Whether windows end at local midnights."""
        return self.every_minutes == 0

    def end_after(self, at: datetime) -> datetime:
        """The first end of a window that lies after an instant."""
        if self.is_daily:
            return timeline.day_start(timeline.local_day(at, self.zone_name) + DAY, self.zone_name)
        step = self.every_minutes * MINUTE
        return timeline.floor(at, step) + step

    def window(self, end: datetime) -> Window:
        """The window with this end: whole local days (23 to 25 hours each) when judged daily."""
        if self.is_daily:
            first = timeline.local_day(end, self.zone_name) - self.window_minutes * MINUTE
            return Window(timeline.day_start(first, self.zone_name), end)
        return Window(end - self.window_minutes * MINUTE, end)


def closes_at(end: datetime, maturity: timedelta = timedelta()) -> datetime:
    """When a window with this end may be judged at the earliest; `maturity` is how long its feedback keeps coming."""
    return end + GRACE + maturity
