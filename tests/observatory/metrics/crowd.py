"""A generated crowd of users with lives of their own, and what pandas says of them."""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import pandas as pd
from django.db import connection

from ingest import dictionary
from ingest.dimensions import Component, Dimension, UserEvent
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, local_day
from observatory.metrics import roller
from tests import factories

# The latest 20th: both this month and the one before have days enough.
NOW = (datetime.now(UTC) - 20 * DAY).replace(day=20, hour=13, minute=41, second=0, microsecond=0)
FEATURES = ("write-draft", "summarise")
TIERS = ("free", "pro", None)


@dataclass
class Crowd:
    """Interactions, linked costs and events of users; days are those of `zone`."""

    zone: str
    interactions: list[dict[str, Any]] = field(default_factory=list)
    costs: list[dict[str, Any]] = field(default_factory=list)
    events: list[tuple[datetime, UserEvent, str, bool | None]] = field(default_factory=list)

    def send(self, project: Project, *, only: set[str] | None = None) -> None:
        """Put the calls of some ids, or all, with their costs into the record."""
        rows = [row for row in self.interactions if only is None or row["id"] in only]
        numbers = dictionary.numbers(project.pk, {Dimension.TIER: {tier for tier in TIERS if tier}})
        tiers = {tier: numbers[Dimension.TIER, tier] if tier else 0 for tier in TIERS}
        numbered = [{**row, "tier_id": tiers[row["tier"]]} for row in rows]
        factories.interactions(project, [{k: v for k, v in row.items() if k != "tier"} for row in numbered])
        sent = {row["id"] for row in rows}
        factories.costs(project, [row for row in self.costs if row["interaction"] in sent])

    def send_events(self, project: Project) -> None:
        """Put what became of users into the record."""
        query = """
            INSERT INTO user_event (project_id, occurred_at, received_at, event, is_control, user_id, id)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
        """
        with project_scope(project.pk), connection.cursor() as cursor:
            for number, (at, event, user, is_control) in enumerate(self.events):
                cursor.execute(query, [project.pk, at, at, int(event), is_control, user, f"e-{number}"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each call: local day, user, feature, tier and all it cost."""
        frame = pd.DataFrame(self.interactions)
        frame["day"] = [local_day(at, self.zone) for at in frame["at"]]
        paid = pd.DataFrame(self.costs).groupby(["interaction", "component"]).amount_nano.sum().unstack(fill_value=0)
        paid = paid.reindex(frame.id, fill_value=0)
        is_replaced = paid[int(Component.MODEL_TOKENS)].to_numpy() > 0
        frame["nano"] = frame.cost_nano.fillna(0).astype(int).where(~is_replaced, 0)
        frame["nano"] += paid.sum(axis=1).to_numpy()
        return frame

    def calls(self, first: date, last: date, feature: str | None = None) -> pd.DataFrame:
        """The calls of users in some local days."""
        frame = self.table[self.table.user_id.notna()]
        frame = frame[(frame.day >= first) & (frame.day <= last)]
        return frame if feature is None else frame[frame.feature == feature]

    def spent(self, first: date, last: date, feature: str | None = None, tier: str | None = None) -> "pd.Series[int]":
        """Every user's cost, by id."""
        calls = self.calls(first, last, feature)
        if tier is not None:
            # A day's tier is the last one named that day, in any feature; of one feature only its own days speak.
            there = set(zip(calls.user_id, calls.day, strict=True))
            named = self.calls(first, last).dropna(subset="tier").sort_values("at")
            named = named[[pair in there for pair in zip(named.user_id, named.day, strict=True)]]
            last_seen = named.groupby("user_id").tier.last()
            calls = calls[calls.user_id.map(last_seen) == tier]
        return calls.groupby("user_id").nano.sum()

    def activation(self, feature: str | None = None) -> dict[str, date]:
        """Each user's activation day."""
        found = self.calls(date.min, date.max, feature).groupby("user_id").day.min().to_dict()
        for at, event, user, _ in self.events:
            # The events name no feature: they are said of each.
            if event is UserEvent.ACTIVATED:
                day = local_day(at, self.zone)
                found[user] = min(day, found.get(user, day))
        return found


def generate(seed: int, window: Window, users: int, zone: str) -> Crowd:
    """Users who come on some day, call now and then, pay unevenly, change their tier, and stay or leave."""
    rng = random.Random(seed)
    crowd = Crowd(zone)
    for number in range(users):
        came = window.start + rng.random() * window.length
        left = came + rng.expovariate(1 / 40) * DAY
        wealth, tier = rng.lognormvariate(0, 1.5), rng.choice(TIERS)
        while came < min(left, window.end):
            if rng.random() < 0.1:
                tier = rng.choice(TIERS)
            _call(crowd, rng, f"{number:03}", came, wealth, tier)
            came += rng.expovariate(1 / 4) * DAY
    for number in range(users // 4):
        at = window.start + rng.random() * window.length
        crowd.events.append((at, UserEvent.ACTIVATED, f"user-{rng.randrange(users):03}", None))
        crowd.events.append((at, UserEvent.ACTIVATED, f"idle-{number}", None))
    for number in range(users // 2):
        for _ in range(3):
            at = window.start + rng.random() * window.length
            crowd.events.append((at, UserEvent.SEEN, f"outside-{number}", number % 5 > 0))
        crowd.events.append((at, UserEvent.SEEN, f"user-{number:03}", True))
    return crowd


def _call(crowd: Crowd, rng: random.Random, name: str, at: datetime, wealth: float, tier: str | None) -> None:
    kind = rng.random()
    row = {
        "id": f"c{len(crowd.interactions)}",
        "at": at + timedelta(seconds=rng.randrange(3600)),
        "feature": rng.choice(FEATURES),
        "tier": tier,
        "cost_nano": rng.choice((None, int(wealth * rng.randrange(1, 10**7)))),
        "input_tokens": rng.randrange(1, 500),
        "user_id": None if kind < 0.15 else f"user-{name}",
        "session_id": f"session-{name}" if 0.05 < kind < 0.5 else None,
    }
    crowd.interactions.append(row)
    if rng.random() < 0.2:
        component = rng.choice((Component.MODEL_TOKENS, Component.RETRIEVAL))
        crowd.costs.append(
            {"interaction": row["id"], "component": int(component), "amount_nano": rng.randrange(1, 10**7)}
        )


def sent_in_halves(project: Project, crowd: Crowd) -> None:
    """Every other call comes late, into months that have been added up before."""
    early = {row["id"] for row in crowd.interactions[::2]}
    crowd.send(project, only=early)
    crowd.send_events(project)
    roll(project)
    crowd.send(project, only={row["id"] for row in crowd.interactions} - early)
    roll(project)


def roll(project: Project) -> None:
    roller.roll(NOW, only=[project.pk], everything=True)
