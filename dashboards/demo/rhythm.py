"""When the imagined users work: how many calls a day has, and at what time of the day they come."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from dashboards.demo.quotas import seeded
from dashboards.demo.scenario import DAYS, INTERACTIONS

# Monday to Sunday.
_WEEKDAYS = (1.0, 1.06, 1.08, 1.04, 0.9, 0.42, 0.46)
# 0 to 23 h UTC: offices in Europe, and a few people elsewhere.
_WORKING_HOURS = (3, 2, 2, 2, 3, 6, 16, 44, 86, 104, 102, 88, 70, 92, 100, 94, 78, 52, 34, 26, 20, 14, 9, 5)
_WEEKEND_HOURS = (6, 4, 3, 3, 3, 5, 12, 24, 46, 66, 74, 70, 62, 64, 68, 66, 62, 58, 56, 54, 46, 34, 20, 10)
_SATURDAY = 5
_JITTER = 0.05

CAMPAIGN_DAYS = (19, 20)
_CAMPAIGN_LIFT = 1.2


@dataclass
class Volume:
    """Counts the calls of one day after another; the first sixty days have the promised total, within a few calls."""

    start: date
    shares: Mapping[str, float]

    def __post_init__(self) -> None:
        self._rng = seeded("volume")
        whole = sum(self._weight(day) for day in range(1, DAYS + 1))
        self._calls_per_weight = INTERACTIONS / whole
        self._owed = dict.fromkeys(self.shares, 0.0)
        self._tilt = 0.0

    def counts(self, day: int) -> dict[str, int]:
        """Tell the calls of a day by feature. Days are asked for in order, from 1."""
        previous, self._tilt = self._tilt, self._rng.uniform(-_JITTER, _JITTER)
        calls = self._calls_per_weight * self._weight(day) * (1 + self._tilt - previous)
        counts = {}
        for name, share in self.shares.items():
            due = self._owed[name] + share * calls
            counts[name] = round(due)
            self._owed[name] = due - counts[name]
        return counts

    def _weight(self, day: int) -> float:
        lift = _CAMPAIGN_LIFT if day in CAMPAIGN_DAYS else 1.0
        return lift * _WEEKDAYS[_weekday(self.start, day)]


def seconds_into_day(start: date, day: int, rng: random.Random) -> float:
    """Draw a time of the day, in seconds from midnight UTC, by the hours people work on such a day."""
    hours = _WEEKEND_HOURS if _weekday(start, day) >= _SATURDAY else _WORKING_HOURS
    return 3600 * (rng.choices(range(24), hours)[0] + rng.random())


def _weekday(start: date, day: int) -> int:
    return (start.weekday() + day - 1) % 7
