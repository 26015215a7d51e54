"""What the API says of users: costs in USD, shares 0–1; unknown is null."""

from datetime import date, datetime
from typing import TypedDict


class SpenderShape(TypedDict):
    """One user by the id that was sent, and how many times the average user's cost theirs is; null where nobody's is known."""

    user_id: str
    calls: int
    cost_usd: float | None
    multiple: float | None


class SampledShape(TypedDict):
    """Whether a number rests on enough users: `ok`, `learning` with fewer than `minimum_sample`, or `no_data`."""

    state: str
    minimum_sample: int


class UserCostsShape(TypedDict):
    """What users cost in some local days, both ends included; `lorenz` are pairs (share of users, share of cost).

    `states` says of the numbers that need many users whether the metrics of the same name would tell them.
    """

    first_day: date
    last_day: date
    complete: bool
    users: int
    total_usd: float | None
    mean_usd: float | None
    p50_usd: float | None
    p90_usd: float | None
    p95_usd: float | None
    p99_usd: float | None
    top1_share: float | None
    states: dict[str, SampledShape]
    lorenz: list[tuple[float, float]]
    largest: list[SpenderShape]


class RetainedShape(TypedDict):
    """One cell: how many of a cohort called in a period, as a share with its 95 % interval; null for nobody."""

    active: int
    rate: float | None
    interval: tuple[float, float] | None


class CohortShape(TypedDict):
    """Users who activated in some local days; `periods`: theirs first, then each later one."""

    first_day: date
    last_day: date
    users: int
    periods: list[RetainedShape]


class RetentionShape(TypedDict):
    """Users who activated `after` to `after` + 29 days before `last_day` beside those of a control group who never did."""

    after_days: int
    last_day: date
    users: int
    activated: RetainedShape
    control_users: int
    never_activated: RetainedShape


class CohortsShape(TypedDict):
    """Cohorts, the earliest first, and retention; the last period is under way.

    `earlier_users` activated before the first cohort; null while that is not known.
    """

    period: str
    asked_at: datetime
    complete: bool
    earlier_users: int | None
    cohorts: list[CohortShape]
    retention: list[RetentionShape]
