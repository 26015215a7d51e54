"""What users cost, from their months and days: every user's cost in some local days, and the largest by name."""

from dataclasses import dataclass
from datetime import date

from observatory.metrics import inequality, months
from observatory.metrics.layout import NANO
from observatory.metrics.months import Span
from observatory.metrics.user_source import DAYS, Source, day_parameters, source

SHARES = (0.5, 0.9, 0.95, 0.99)
TOP = 0.01
LARGEST = 20

ONE_MONTH = "SELECT cluster, calls, cost_nano, tier_id, segment_id FROM stored"
ADDED = f"""
    SELECT cluster, sum(calls)::bigint AS calls, least(sum(cost_nano), 9223372036854775807)::bigint AS cost_nano,
        0 AS tier_id, 0 AS segment_id
    FROM (SELECT cluster, calls, cost_nano FROM stored UNION ALL
          SELECT cluster, calls, cost_nano FROM ({DAYS}) AS days) AS parts
    GROUP BY cluster
"""
# A day's tier stands in all features' rows of that day, so the latest day that names one decides.
ADDED_BY_TIER = f"""
    SELECT cluster, sum(calls)::bigint AS calls, least(sum(cost_nano), 9223372036854775807)::bigint AS cost_nano,
        (coalesce(max((month - DATE '1970-01-01')::bigint << 16 | tier_id) FILTER (WHERE tier_id <> 0), 0) & 65535)
            AS tier_id,
        (coalesce(max((month - DATE '1970-01-01')::bigint << 16 | segment_id) FILTER (WHERE segment_id <> 0), 0) & 65535)
            AS segment_id
    FROM (SELECT month, cluster, calls, cost_nano, tier_id, segment_id FROM stored UNION ALL {DAYS}) AS parts
    GROUP BY cluster
"""
CHOSEN = """
    WITH {marks} stored AS ({rows}), people AS ({added}), chosen AS (
        SELECT * FROM people
        WHERE (%(tier)s::integer IS NULL OR tier_id = %(tier)s)
            AND (%(segment)s::integer IS NULL OR segment_id = %(segment)s))
"""


@dataclass(frozen=True)
class Chosen:
    """Whose costs are asked for: of one feature, and of users last seen with a tier or segment; None is all."""

    feature: int | None = None
    tier: int | None = None
    segment: int | None = None


@dataclass(frozen=True, slots=True)
class Spender:
    """One user's calls and cost in USD, and how many times the average user's that is."""

    user_id: str
    calls: int
    cost_usd: float
    multiple: float | None


@dataclass(frozen=True, slots=True)
class UserCosts:
    """What each user of some local days cost, in USD; shares are 0–1. Without a user, or without any cost, None.

    `percentiles`: share of users → the cost that theirs does not exceed. `top1_share`: what the most expensive 1 % of
    users (at least one) have of all users' cost. `lorenz`: at most 101 points (share of users, share of cost).
    `is_complete`: no user of these days waits to be counted again.
    """

    first: date
    last: date
    users: int
    total_usd: float | None
    mean_usd: float | None
    percentiles: dict[float, float]
    top1_share: float | None
    lorenz: tuple[tuple[float, float], ...]
    largest: tuple[Spender, ...]
    is_complete: bool


def costs(span: Span, today: date, chosen: Chosen) -> list[int]:
    """Every user's cost in nano-dollars, ascending."""
    query, of, more = _question(span, today, chosen)
    ((found,),) = of.select(f"{query} SELECT array_agg(cost_nano ORDER BY cost_nano) FROM chosen", **more)
    return found or []


def user_costs(span: Span, today: date, chosen: Chosen, *, largest: int = LARGEST, is_complete: bool) -> UserCosts:
    """How cost is spread over the users of some local days."""
    ordered = costs(span, today, chosen)
    total = sum(ordered)
    mean = total / len(ordered) if total else None
    return UserCosts(
        *span,
        users=len(ordered),
        total_usd=total / NANO if total else None,
        mean_usd=mean / NANO if mean else None,
        percentiles={share: inequality.quantile(ordered, share) / NANO for share in SHARES} if total else {},
        top1_share=inequality.top_share(ordered, TOP),
        lorenz=inequality.lorenz(ordered),
        largest=_largest(span, today, chosen, largest, mean),
        is_complete=is_complete,
    )


def _largest(span: Span, today: date, chosen: Chosen, limit: int, mean: float | None) -> tuple[Spender, ...]:
    query, of, more = _question(span, today, chosen)
    listed = "SELECT cluster, calls, cost_nano FROM chosen ORDER BY cost_nano DESC, cluster LIMIT %(limit)s"
    return tuple(
        Spender(user, calls, cost / NANO, cost / mean if mean else None)
        for user, calls, cost in of.select(f"{query} {listed}", **more, limit=limit)
    )


def _question(span: Span, today: date, chosen: Chosen) -> tuple[str, Source, dict[str, object]]:
    """A CTE `chosen` with one row for each user: from months where they are whole, from days otherwise."""
    whole, rest = months.cut(*span, today)
    is_any = chosen.tier is None and chosen.segment is None
    added = ONE_MONTH if len(whole) == 1 and not rest else ADDED if is_any else ADDED_BY_TIER
    more: dict[str, object] = {"tier": chosen.tier, "segment": chosen.segment, **day_parameters(rest)}
    return CHOSEN.replace("{added}", added), source(whole, chosen.feature), more
