"""How often the roller's slices come: as often as they are asked for, but not at the cost of those who store."""

import math
import time
from datetime import datetime

from ingest.processors import Watch
from observatory.metrics import roller
from observatory.metrics.roller import RollReport

CROWDED_EVERY_S = 5.0
"""What was committed is counted within 8 s all the same."""


class Pace:
    """The slices of one process."""

    def __init__(self) -> None:
        self._watch = Watch()
        self._began = -math.inf
        self._is_behind = False

    def roll(self, now: datetime) -> RollReport:
        """Take a slice, or leave it out: while others want the processors and nothing is behind, one in five seconds.

        The minute under way is counted again as a whole each time, which in a flood takes a good part of a processor.
        """
        began = time.monotonic()
        if self._watch.is_crowded() and not self._is_behind and began - self._began < CROWDED_EVERY_S:
            return RollReport()
        with self._watch.at_work():
            report = roller.roll(now)
        self._began, self._is_behind = began, report.left
        return report


_pace = Pace()


def roll_in_time(now: datetime) -> RollReport:
    """Take this process's next slice when it is time for one."""
    return _pace.roll(now)
