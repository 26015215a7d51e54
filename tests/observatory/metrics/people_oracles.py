"""What each metric of users is, counted slowly and plainly from the rows that were sent; and the last of the others."""

import math
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from ingest.dimensions import FeedbackKind, UserEvent
from ingest.timeline import DAY, Window, day_window, local_day
from tests.observatory.metrics.business_oracles import Oracle, adoption, by, did, revenue
from tests.observatory.metrics.business_rows import Life

MICROSECOND = timedelta(microseconds=1)
REQUESTS_LIMIT, TOKENS_LIMIT = 7, 3_000
"""What the provider openai allows in a minute."""


def days_of(life: Life, window: Window) -> tuple[date, date]:
    return local_day(window.start, life.zone), local_day(window.end - MICROSECOND, life.zone)


def on_days(life: Life, first: date, last: date, feature: str | None) -> pd.DataFrame:
    rows = life.stream.calls(**by(feature))
    day = rows["at"].map(lambda at: local_day(at, life.zone))
    return rows[(day >= first) & (day <= last)]


def met(life: Life, first: date, last: date, feature: str | None) -> float:
    """Distinct users; unknown when all calls come without one, and before anything came."""
    rows = on_days(life, first, last, feature)
    came = [of["at"].min() for of in (life.stream.calls(**by(feature)), life.stream.paid(**by(feature))) if len(of)]
    users = rows.user_id.nunique()
    is_before = not came or day_window(last, life.zone).end <= min(came)
    return math.nan if is_before or (users == 0 and len(rows)) else float(users)


def mean_day(life: Life, window: Window, feature: str | None) -> float:
    first, last = days_of(life, window)
    days = [first + number * DAY for number in range((last - first).days + 1)]
    whole = [
        day
        for day in days
        if window.start <= day_window(day, life.zone).start <= day_window(day, life.zone).end <= window.end
    ]
    found = [met(life, day, day, feature) for day in whole or days[-1:]]
    known = [users for users in found if not math.isnan(users)]
    return float(np.mean(known)) if known else math.nan


def lately(count: int) -> Oracle:
    def compute(life: Life, window: Window, feature: str | None) -> float:
        _, last = days_of(life, window)
        return met(life, last - (count - 1) * DAY, last, feature)

    return compute


def adopted(life: Life, window: Window, feature: str | None) -> float:
    """The share, unknown where its users are."""
    return adoption(life, window, feature) if not math.isnan(lately(30)(life, window, feature)) else math.nan


def adopted_since(life: Life, window: Window, feature: str | None) -> float:
    _, last = days_of(life, window)
    first = first_day(life, feature)
    if first is None or first > last - (56 + 29) * DAY:
        return math.nan
    then_end = day_window(last - 56 * DAY, life.zone).end
    then = adopted(life, Window(then_end - DAY / 24, then_end), feature)
    return adopted(life, window, feature) / then - 1 if then else math.nan


def first_day(life: Life, feature: str | None) -> date | None:
    rows = life.stream.calls(**by(feature))
    return None if rows.empty else local_day(rows["at"].min(), life.zone)


def spent(life: Life, first: date, last: date, feature: str | None) -> "pd.Series[float]":
    """What each user cost: their calls' own cost or what replaced it, and all records on those calls."""
    rows = on_days(life, first, last, feature)
    rows = rows[rows.user_id.notna()].copy()
    linked: dict[str, int] = {}
    for record in life.stream.costs:
        if record.get("interaction"):
            linked[record["interaction"]] = linked.get(record["interaction"], 0) + record["amount_nano"]
    own = rows.cost_nano.fillna(0).where(~rows.id.isin(life.stream.replaced), 0)
    rows["nano"] = own + rows.id.map(lambda id: linked.get(id, 0))
    return rows.groupby("user_id").nano.sum() / 1e9


def user_cost(share: float) -> Oracle:
    def compute(life: Life, window: Window, feature: str | None) -> float:
        costs = spent(life, *days_of(life, window), feature)
        return float(np.quantile(costs, share, method="inverted_cdf")) if costs.sum() else math.nan

    return compute


def top_share(life: Life, window: Window, feature: str | None) -> float:
    costs = spent(life, *days_of(life, window), feature).sort_values()
    return float(costs.tail(math.ceil(len(costs) / 100)).sum() / costs.sum()) if costs.sum() else math.nan


def most_multiple(life: Life, window: Window, feature: str | None) -> float:
    costs = spent(life, *days_of(life, window), feature)
    return float(costs.max() / costs.mean()) if costs.sum() else math.nan


def per_user(life: Life, window: Window, feature: str | None) -> float:
    users = on_days(life, *days_of(life, window), feature).user_id.nunique()
    return life.stream.cost_nano(window, **by(feature)) / 1e9 / users if users else math.nan


def last_whole_day(life: Life, end: datetime) -> date:
    day = local_day(end, life.zone)
    return day if day_window(day, life.zone).end <= end else day - DAY


def per_user_since(life: Life, window: Window, feature: str | None) -> float:
    last = last_whole_day(life, window.end)
    before = (last.replace(day=1) - DAY).replace(day=1)
    count = min(last.day, ((before + 31 * DAY).replace(day=1) - DAY).day)
    first = first_day(life, feature)
    if first is None or first > before:
        return math.nan
    spans = [
        Window(day_window(start, life.zone).start, day_window(start.replace(day=count), life.zone).end)
        for start in (last.replace(day=1), before)
    ]
    now, then = (per_user(life, span, feature) for span in spans)
    return now / then - 1 if then else math.nan


def stayed(after: int) -> Oracle:
    def compute(life: Life, window: Window, feature: str | None) -> float:
        last = last_whole_day(life, window.end)
        joined: dict[str, date] = {}
        rows = life.stream.calls(**by(feature)).dropna(subset="user_id")
        told = life.lived[life.lived.event == UserEvent.ACTIVATED]
        told = told if feature is None else told[(told.feature == feature) | told.feature.isna()]
        for user, at in [*zip(rows.user_id, rows["at"], strict=True), *zip(told.user_id, told["at"], strict=True)]:
            joined[user] = min(joined.get(user, date.max), local_day(at, life.zone))
        cohort = {user for user, day in joined.items() if last - (after + 29) * DAY <= day <= last - after * DAY}
        active = set(on_days(life, last - 29 * DAY, last, feature).user_id)
        return len(cohort & active) / len(cohort) if cohort else math.nan

    return compute


def escalated(life: Life, window: Window, feature: str | None) -> float:
    return float(len(life.heard(window, FeedbackKind.ESCALATION, feature)))


def highest_share(life: Life, window: Window, feature: str | None) -> float:
    """Of the tiers that a revenue is known of; of everything where there is none."""
    earned = revenue(life, window)
    shares = [
        life.stream.cost_nano(window, tier=tier, **by(feature)) / 1e9 / (earned * share)
        for tier, share in life.tiers.items()
    ]
    return max(shares, default=life.stream.cost_nano(window, **by(feature)) / 1e9 / earned)


def most_used(life: Life, window: Window, feature: str | None) -> float:
    """Of a limit that all features share."""
    rows = life.stream.calls(window, provider="openai")
    if feature is not None or rows.empty:
        return math.nan
    tokens = rows.input_tokens.fillna(0) + rows.output_tokens.fillna(0)
    by_minute = tokens.groupby(rows["at"].dt.floor("min"))
    return float(max(by_minute.count().max() / REQUESTS_LIMIT, by_minute.sum().max() / TOKENS_LIMIT))


ORACLES: dict[str, Oracle] = {
    "dau": mean_day,
    "wau": lately(7),
    "mau": lately(30),
    "adoption_rate": adopted,
    "mau_share_change_8w": adopted_since,
    "cost_per_mau": per_user,
    "cost_per_mau_change": per_user_since,
    **{f"user_cost_p{percent}": user_cost(percent / 100) for percent in (90, 95, 99)},
    "user_cost_top1_share": top_share,
    "user_cost_max_multiple": most_multiple,
    **{f"retention_{after}": stayed(after) for after in (30, 60, 90)},
    "escalations_24h": escalated,
    "share_rate": did("share"),
    "highest_tier_cost_share": highest_share,
    "provider_limit_use": most_used,
}
