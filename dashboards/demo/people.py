"""Who uses the imagined product: a few regulars, a long tail of occasional users, and the sessions they work in."""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from dashboards.demo.quotas import Deck, seeded
from dashboards.demo.rhythm import seconds_into_day
from dashboards.demo.scenario import USERS

_SEGMENTS = ("agency", "in-house", "publisher", "public sector")
_SEGMENT_SHARES = (34, 41, 17, 8)
_TIERS = ("free", "pro", "business")
_TIER_SHARES = (55, 33, 12)
_REGIONS = ("eu-central", "eu-west", "us-east", "ap-south")
_REGION_SHARES = (44, 27, 21, 8)

# The busiest user works this many times as often as the quietest one; between them activity falls evenly by rank.
_BUSIEST_TO_QUIETEST = 40
_DECK_SIZE = 7_000
_SESSION_LENGTHS = (1, 2, 3, 4)
_SESSION_SHARES = (42, 30, 18, 10)
_LONGEST_PAUSE_S = 420


@dataclass(frozen=True, slots=True)
class User:
    """One imagined user."""

    id: str
    segment: str
    tier: str
    region: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A call to be filled: who asks which feature when, in which session."""

    at: datetime
    feature: str
    user: User
    session_id: str


def users(rng: random.Random) -> list[User]:
    """Make the users, the busiest first."""
    return [
        User(
            id=f"user-{number:04d}",
            segment=rng.choices(_SEGMENTS, _SEGMENT_SHARES)[0],
            tier=rng.choices(_TIERS, _TIER_SHARES)[0],
            region=rng.choices(_REGIONS, _REGION_SHARES)[0],
        )
        for number in rng.sample(range(1, USERS + 1), USERS)
    ]


class Crowd:
    """Turns the calls of a day into sessions of users."""

    def __init__(self, start: date) -> None:
        self._start = start
        self._rng = seeded("people")
        people = users(self._rng)
        steepness = math.log(_BUSIEST_TO_QUIETEST) / (len(people) - 1)
        activity = [math.exp(-steepness * rank) for rank in range(len(people))]
        per_card = _DECK_SIZE / sum(activity)
        cards = [user for user, weight in zip(people, activity, strict=True) for _ in range(round(weight * per_card))]
        self._users = Deck(cards, self._rng)

    def slots(self, day: int, counts: Mapping[str, int]) -> list[Slot]:
        """Spread a day's calls by feature over users, sessions and hours, in order of time."""
        midnight = datetime.combine(self._start + timedelta(days=day - 1), time(), UTC)
        found: list[Slot] = []
        for feature, count in counts.items():
            found.extend(self._feature_slots(midnight, day, feature, count))
        return sorted(found, key=lambda slot: slot.at)

    def _feature_slots(self, midnight: datetime, day: int, feature: str, count: int) -> Iterator[Slot]:
        left = count
        while left:
            length = min(left, self._rng.choices(_SESSION_LENGTHS, _SESSION_SHARES)[0])
            user, at = self._users.deal(), seconds_into_day(self._start, day, self._rng)
            session_id = f"{feature}-{midnight:%Y%m%d}-{count - left + 1:04d}"
            for _ in range(length):
                yield Slot(midnight + timedelta(seconds=min(at, 86_399)), feature, user, session_id)
                at += self._rng.uniform(30, _LONGEST_PAUSE_S)
            left -= length
