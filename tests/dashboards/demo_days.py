"""A replay seen by days, for the tests of the demo: what a page, a rule or a drift test would count."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import log
from typing import Any

from dashboards.demo import plan
from dashboards.demo.answers import Answer, load
from dashboards.demo.scenario import DAYS
from observatory.drift.methods.means import MeanDay
from observatory.drift.methods.rates import RateDay

DAY = timedelta(days=1)

# Content depends on the weekday of the start alone: these seven, each at another hour, are all there are.
EVERY_WEEKDAY = [
    datetime(2026, 11, 16 + number, hour, 7, tzinfo=UTC) for number, hour in enumerate([0, 3, 8, 11, 15, 20, 23])
]


@lru_cache
def answers() -> list[Answer]:
    return load()


@dataclass
class Day:
    """One feature's day: its interactions, and its users' thumbs as (n, k)."""

    interactions: list[dict[str, Any]] = field(default_factory=list)
    thumbs: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    kinds: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Days:
    """A replay up to `now`, by feature and day (1 to 60)."""

    def __init__(self, now: datetime) -> None:
        self.now, self.start = now, plan.first_day(now.date())
        self.replay: Any = plan.replay(self.start, now, answers())
        self.of: dict[tuple[str, int], Day] = defaultdict(Day)
        self.day_of = {each["id"]: self.number(each["occurred_at"]) for each in self.replay.interactions}
        self.feature_of = {each["id"]: each["feature"] for each in self.replay.interactions}
        for each in self.replay.interactions:
            self.of[each["feature"], self.day_of[each["id"]]].interactions.append(each)
        for said in self.replay.feedback:
            about = said["interaction_id"]
            day = self.of[self.feature_of[about], self.day_of[about]]
            day.kinds[said["kind"]] += 1
            if said["kind"] == "thumb":
                day.thumbs[said["user_id"]][0] += 1
                day.thumbs[said["user_id"]][1] += said["value"] == "up"

    def number(self, at: str) -> int:
        return (date.fromisoformat(at[:10]) - self.start).days + 1

    def mature(self) -> range:
        """The days whose feedback counts: a day ends 24 hours before it does."""
        return range(1, DAYS)

    def rate_days(self, feature: str) -> list[RateDay]:
        return [
            RateDay.from_users(
                self.start + DAY * (number - 1),
                [(n, k) for n, k in self.of[feature, number].thumbs.values()],
            )
            for number in self.mature()
        ]

    def token_days(self, feature: str) -> list[MeanDay]:
        return [self._token_day(feature, number) for number in range(1, DAYS + 1)]

    def _token_day(self, feature: str, number: int) -> MeanDay:
        interactions = self.of[feature, number].interactions
        users: dict[str, list[float]] = defaultdict(list)
        for each in interactions:
            users[each["user_id"]].append(log(each["input_tokens"]))
        return MeanDay.from_users(
            self.start + DAY * (number - 1),
            [(len(logs), sum(logs)) for logs in users.values()],
            sum(each["input_tokens"] for each in interactions),
        )

    def up_share(self, feature: str, first: int, last: int) -> tuple[int, float]:
        """Thumbs and the share of up among them, over days."""
        pairs = [pair for number in range(first, last + 1) for pair in self.of[feature, number].thumbs.values()]
        n = sum(pair[0] for pair in pairs)
        return n, sum(pair[1] for pair in pairs) / n


@lru_cache
def days(now: datetime) -> Days:
    return Days(now)
