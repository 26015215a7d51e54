"""How often the roller's slices come: as often as they are asked for, but not at the cost of those who store."""

import math
import time
from datetime import datetime

from ingest.processors import Watch
from observatory.metrics import roller
from observatory.metrics.passing import RollReport

CROWDED_EVERY_S = 5.0
"""What was committed is counted within 8 s all the same."""
REST, LONGEST_REST_S = 8.0, 30.0
"""In a crowd, a slice that took long rests so many times as long, up to a bound."""


class Pace:
    """The slices of one process."""

    def __init__(self) -> None:
        self._watch = Watch()
        self._began = -math.inf
        self._rest_s = 0.0

    def roll(self, now: datetime) -> RollReport:
        """Take a slice, or leave it out while others want the processors and the last one was not long ago.

        The minute under way is counted again as a whole each time, which in a flood takes a good part of a processor:
        the more there is of it, the longer the rest. What is behind does not wait for the five seconds.
        """
        began = time.monotonic()
        if self._watch.is_crowded() and began - self._began < self._rest_s:
            return RollReport()
        with self._watch.at_work():
            report = roller.roll(now)
        self._began = began
        taken = min(REST * (time.monotonic() - began), LONGEST_REST_S)
        self._rest_s = taken if report.left else max(taken, CROWDED_EVERY_S)
        return report


_pace = Pace()


def roll_in_time(now: datetime) -> RollReport:
    """Take this process's next slice when it is time for one."""
    return _pace.roll(now)
