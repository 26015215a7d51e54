"""A hundred days of a product's whole life: calls, verdicts, costs, and what people said, did and earned beside them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd
from django.db import connection

from ingest import dictionary
from ingest.dimensions import MARKS, Dimension, FeedbackKind, FigureName, Flag, UserEvent
from ingest.models import PriceOverride
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, floor, local_day
from tests import factories
from tests.observatory.metrics.streams import FEATURES, Stream, generate

# A fixed day would one day lie beyond the partitions that are made.
NOW = floor(datetime.now(UTC), DAY) - 2 * DAY + timedelta(hours=9, minutes=30)
FROM = floor(NOW, DAY) - 99 * DAY
ZONE = "America/St_Johns"
PRICED_MODEL = "a-large"
INPUT_USD, CACHED_USD = 3.0, 0.75


def enter_prices() -> None:
    """The price of the one model that has one. Inside a project's scope."""
    PriceOverride.objects.create(
        model=PRICED_MODEL,
        valid_from=date(2020, 1, 1),
        input_usd_per_million=Decimal(str(INPUT_USD)),
        output_usd_per_million=Decimal(9),
        cached_input_usd_per_million=Decimal(str(CACHED_USD)),
    )


_MARKED = [0, 0, 0, 0, int(Flag.OUTPUT_CUT), *map(int, MARKS.values()), int(Flag.REFUSAL | Flag.UNUSUAL_COST)]


@dataclass
class Life:
    """What was sent: the stream, and `feedback`, `events` and `figures` as lists of rows."""

    stream: Stream
    feedback: list[dict[str, Any]]
    events: list[dict[str, Any]]
    figures: dict[str, float]
    """Month (YYYY-MM) → active users of the product; ten times that is the revenue."""

    zone: str = ZONE
    tiers: dict[str, float] = field(default_factory=dict)
    """Tier → its share of each month's revenue."""

    def narrowed(self, where: dict[str, str]) -> "Life":
        """The same with only those calls, and what they cost, that have these values."""
        stream = self.stream
        kept = [row for row in stream.interactions if all(row[name] == value for name, value in where.items())]
        names = {row["id"] for row in kept}
        costs = [row for row in stream.costs if row.get("interaction") in names]
        return replace(self, stream=Stream(kept, [], costs))

    @cached_property
    def said(self) -> pd.DataFrame:
        return pd.DataFrame(self.feedback, columns=["id", "at", "kind", "value", "feature", "user_id", "name"])

    @cached_property
    def lived(self) -> pd.DataFrame:
        return pd.DataFrame(self.events, columns=["id", "at", "event", "feature", "user_id", "is_control"])

    @cached_property
    def controls(self) -> dict[str, list[tuple[datetime, bool]]]:
        """Whether each user was said to be without the feature, and when, in that order."""
        found: dict[str, list[tuple[datetime, bool]]] = {}
        for row in sorted(self.events, key=lambda row: row["at"]):
            if row["is_control"] is not None:
                found.setdefault(row["user_id"], []).append((row["at"], row["is_control"]))
        return found

    def heard(self, window: Window, kind: FeedbackKind, feature: str | None) -> pd.DataFrame:
        """The feedback of a kind in a window, by its own time."""
        said = self.said[(self.said.kind == int(kind)) & (self.said["at"] >= window.start)]
        said = said[said["at"] < window.end]
        return said if feature is None else said[said.feature == feature]

    def send(self, project: Project) -> None:
        """Put all of it into the record."""
        self.stream.send(project)
        factories.make_room(row["at"] for row in self.feedback)
        names = dictionary.numbers(project.pk, {Dimension.FEATURE: set(FEATURES)})
        numbers = {feature: names[Dimension.FEATURE, feature] for feature in FEATURES} | {None: 0}
        with project_scope(project.pk), connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO feedback (project_id, occurred_at, received_at, value, kind, feature_id, id, user_id, name)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (project.pk, row["at"], row["at"], row["value"], row["kind"], numbers[row["feature"]], row["id"],
                     row["user_id"], row["name"])
                    for row in self.feedback
                ],
            )  # fmt: skip
            cursor.executemany(
                "INSERT INTO user_event (project_id, occurred_at, received_at, event, feature_id, is_control, id, user_id)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (project.pk, row["at"], row["at"], row["event"], numbers[row["feature"]], row["is_control"], row["id"],
                     row["user_id"])
                    for row in self.events
                ],
            )  # fmt: skip
            for month, users in self.figures.items():
                figure(cursor, project, FigureName.ACTIVE_USERS, month, "", users)
                figure(cursor, project, FigureName.REVENUE_USD, month, "", 10 * users)
                for tier, share in self.tiers.items():
                    figure(cursor, project, FigureName.REVENUE_USD, month, tier, 10 * users * share)


def figure(cursor: Any, project: Project, name: FigureName, month: str, tier: str, value: float) -> None:
    """One figure that stands."""
    cursor.execute(
        "INSERT INTO figure (project_id, month, received_at, value, position, name, tier, id)"
        " VALUES (%s, %s, now(), %s, 0, %s, %s, %s)",
        [project.pk, f"{month}-01", value, int(name), tier, f"{name}-{month}-{tier}"],
    )


def life(seed: int, count: int) -> Life:
    """A reproducible life of the product, up to NOW."""
    rng = random.Random(seed)
    stream = generate(seed, Window(FROM, NOW), count)
    for row in stream.interactions:
        row["flags"] = rng.choice(_MARKED)
        for name in ("copy", "follow"):
            if rng.random() < 0.15:
                stream.verdicts.append({"interaction": row["id"], "kind": int(FeedbackKind.IMPLICIT), "name": name})
    months = sorted({f"{local_day(FROM + number * DAY, ZONE):%Y-%m}" for number in range(100)})
    # The newest month's figure has not come yet: the one before stands in.
    figures = {month: 40.0 + number for number, month in enumerate(months[:-1])}
    return Life(stream, _feedback(rng, 1_500), _events(rng), figures)


def _feedback(rng: random.Random, count: int) -> list[dict[str, Any]]:
    found = []
    for number in range(count):
        kind = rng.choice((FeedbackKind.NPS, FeedbackKind.SURVEY, FeedbackKind.TICKET))
        value = {FeedbackKind.NPS: float(rng.randrange(11)), FeedbackKind.SURVEY: rng.randrange(6) / 5}.get(kind)
        found.append(
            {
                "id": f"said-{number}",
                "at": _instant(rng, FROM, NOW),
                "kind": int(kind),
                "value": value,
                "feature": rng.choice((*FEATURES, None)),
                "user_id": rng.choice([f"user-{n}" for n in range(20)] + [None]),
                "name": rng.choice(("accuracy", "Accuracy", "billing")) if kind is FeedbackKind.TICKET else "",
            }
        )
    return found


def _events(rng: random.Random) -> list[dict[str, Any]]:
    """A hundred and fifty users; some of user-8 to user-19 are reported as being without the feature, or were once."""
    found: list[dict[str, Any]] = []
    for number in range(150):
        at = FROM
        for event in _story(rng):
            at = _instant(rng, at, NOW)
            found.append(_event(number, at, event, rng.choice((*FEATURES, None)), None))
    for number in range(8, 20):
        for is_control in (True,) if number < 16 else (True, False):
            at = FROM + timedelta(days=number, hours=0 if is_control else 30)
            found.append(_event(number, at, UserEvent.SEEN, None, is_control))
    return [{**row, "id": f"event-{place}"} for place, row in enumerate(found)]


def _story(rng: random.Random) -> Sequence[UserEvent]:
    return rng.choices(list(UserEvent), [4, 3, 2, 1], k=rng.randrange(1, 6))


def _event(number: int, at: datetime, event: UserEvent, feature: str | None, is_control: bool | None) -> dict[str, Any]:
    return {"at": at, "user_id": f"user-{number}", "event": int(event), "feature": feature, "is_control": is_control}


def _instant(rng: random.Random, start: datetime, end: datetime) -> datetime:
    return start + timedelta(seconds=rng.randrange(1, max(2, int((end - start).total_seconds()))))
