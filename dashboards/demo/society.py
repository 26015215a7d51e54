"""What the imagined company knows beside its calls: who got the features, who is without, answers, tickets, figures.

All of it is ours, from a fixed seed; none of it is real.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from dashboards.demo.calls import Call
from dashboards.demo.quotas import Quota, seeded
from dashboards.demo.reactions import Record

_WITHOUT = 240
_STAYING, _SEEN_EVERY = 0.6, 14
_TRIED = 90
_OPTED_OUT = 0.3
_OPINIONS = {
    "users": {9: 0.26, 10: 0.2, 8: 0.18, 7: 0.14, 6: 0.1, 4: 0.12},
    "others": {9: 0.2, 10: 0.14, 8: 0.2, 7: 0.16, 6: 0.14, 3: 0.16},
}
_SCORES = {5: 0.42, 4: 0.36, 3: 0.12, 2: 0.06, 1: 0.04}
_TICKETS = {"accuracy": 0.0009, "how to": 0.0008, "speed": 0.0003, "billing": 0.0002}
_ASKED = 0.02
_SURVEYED = 0.03
_ACTIVE_USERS, _GROWTH = 1_900, 1.015
_REVENUE_USD = {"pro": 2_300, "business": 2_700}
_PLANNED_COST_USD, _PLANNED_USERS = 180, 720
_FIRST = date(2026, 1, 1)


class Society:
    """One day after another: what happens beside the day's calls. Days are asked for in order, from the first."""

    def __init__(self, start: date) -> None:
        self._start = start
        self._rng = seeded("society")
        self._met: set[tuple[str, str]] = set()
        self._opinions = {whose: Quota(self._rng) for whose in _OPINIONS}
        self._scores, self._tickets = Quota(self._rng), Quota(self._rng)

    def events(self, day: int, calls: Sequence[Call]) -> Iterator[Record]:
        """Users who get a feature when they first call it; on the first days those who are without, or only try it."""
        for call in calls:
            who = (call.slot.user.id, call.feature.name)
            if who not in self._met:
                self._met.add(who)
                yield _event(f"{call.id}-activated", call.slot.user.id, "activated", call.slot.at, call.feature.name)
        if day == 1:
            yield from self._others()
        yield from self._seen_again(day)

    def said(self, day: int, calls: Sequence[Call]) -> Iterator[Record]:
        """Answers of users and of people without the features, and tickets."""
        for call in calls:
            for kind, content in self._voices(call):
                at = call.answered_at + timedelta(seconds=round(self._rng.uniform(60, 7_200)))
                feature = {} if kind == "nps" else {"feature": call.feature.name}
                yield {"id": f"{call.id}-{kind}", "kind": kind, "occurred_at": at, "user_id": call.slot.user.id, **content, **feature}  # fmt: skip
        for number in range(4):
            at = self._midnight(day) + timedelta(seconds=self._rng.randrange(86_400))
            user, score = f"without-{self._rng.randrange(_WITHOUT):03d}", self._opinion("others")
            name = f"demo-{at:%Y%m%d}-nps-{number}"
            yield {"id": name, "kind": "nps", "occurred_at": at, "user_id": user, "value": score}

    def _voices(self, call: Call) -> Iterator[tuple[str, Record]]:
        if self._rng.random() < _ASKED:
            yield "nps", {"value": self._opinion("users")}
        if not call.failure and self._rng.random() < _SURVEYED:
            score = int(self._scores.draw({str(score): share for score, share in _SCORES.items()}))
            yield "survey", {"score": score, "question": "How helpful was it?"}
        category = self._tickets.draw({**_TICKETS, "none": 1 - sum(_TICKETS.values())})
        if category != "none":
            yield "ticket", {"category": category}

    def _opinion(self, whose: str) -> int:
        return int(self._opinions[whose].draw({str(score): share for score, share in _OPINIONS[whose].items()}))

    def _others(self) -> Iterator[Record]:
        for number in range(_WITHOUT):
            user, at = f"without-{number:03d}", self._midnight(1) + timedelta(minutes=number)
            yield {**_event(f"demo-seen-{user}", user, "seen", at, None), "is_control": True}
        for number in range(_TRIED):
            user, at = f"tried-{number:03d}", self._midnight(1) + timedelta(days=number * 2 / 3, hours=9)
            yield _event(f"demo-tried-{user}", user, "activated", at, "quick-answer")
            if self._rng.random() < _OPTED_OUT:
                yield _event(f"demo-left-{user}", user, "opted_out", at + timedelta(days=2, hours=3), "quick-answer")

    def _seen_again(self, day: int) -> Iterator[Record]:
        """Those without the features who stay with the product: each once a fortnight."""
        for number in range(day % _SEEN_EVERY, int(_WITHOUT * _STAYING), _SEEN_EVERY):
            user, at = f"without-{number:03d}", self._midnight(day) + timedelta(hours=8, minutes=number)
            yield {**_event(f"demo-seen-{user}-{day}", user, "seen", at, None), "is_control": True}

    def _midnight(self, day: int) -> datetime:
        return datetime.combine(self._start + timedelta(days=day - 1), time(), UTC)


def figures(first: date, last: date) -> Iterator[Record]:
    """What the company knows of each month that these days touch; of the last one, what it expects."""
    month = first.replace(day=1)
    while month <= last:
        grown = _GROWTH ** ((month.year - _FIRST.year) * 12 + month.month - _FIRST.month)
        yield _figure(month, "active_users", str(round(_ACTIVE_USERS * grown)))
        yield _figure(month, "forecast_users", str(_PLANNED_USERS))
        yield _figure(month, "forecast_cost_usd", str(_PLANNED_COST_USD))
        for tier, revenue in _REVENUE_USD.items():
            yield {**_figure(month, "revenue_usd", f"{revenue * grown:.2f}", tier), "tier": tier}
        month = (month + timedelta(days=31)).replace(day=1)


def _figure(month: date, name: str, value: str, tier: str = "all") -> Record:
    return {"id": f"demo-{month:%Y-%m}-{name}-{tier}", "month": f"{month:%Y-%m}", "name": name, "value": value}


def _event(name: str, user: str, event: str, at: datetime, feature: str | None) -> Record:
    record: Record = {"id": name, "user_id": user, "event": event, "occurred_at": at}
    return record | ({"feature": feature} if feature else {})
