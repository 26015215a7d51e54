"""What AI costs as a share of the revenue that it helps to earn: of all tiers, of each, of the worst.

cost of the window / revenue of the same time, a month's figure spread evenly over the month
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from ingest import dictionary
from ingest.dimensions import ABSENT, Dimension, FigureName
from ingest.timeline import HOUR, Window
from observatory.metrics import economics, formulas
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived import figures
from observatory.metrics.economics import ALL_TIERS
from observatory.metrics.formulas import NO_DATA
from observatory.metrics.months import month_window
from observatory.metrics.reading import Reading, State, Totals
from observatory.metrics.reads import Groups, Selection
from observatory.metrics.sheets import ALL_FEATURES, Family
from observatory.metrics.shelf import NAMELESS, Filter, Shelf


@dataclass(frozen=True, slots=True)
class TierShare:
    """One tier of a month, or all of them (`tier` is empty): its cost, its revenue, and the one as a share of the other.

    Both are of the month as far as it is over; None where it is not known.
    """

    tier: str
    cost_usd: float | None
    revenue_usd: float | None
    share: Reading


def cost_share(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """Cost of each window / its revenue, of all tiers or of the one that the filter chooses."""
    revenue = _figures(shelf, figures.first_month(points, shelf.zone), dict(chosen.others).get(Dimension.TIER))
    costs = _costs(shelf, points, chosen)
    return [_share(cost, _revenue(shelf, revenue, point)) for cost, point in zip(costs, points, strict=True)]


def highest_cost_share(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """The largest share among the tiers whose revenue is known; of all tiers together where none is told apart."""
    revenue = figures.by_tier(FigureName.REVENUE_USD, figures.first_month(points, shelf.zone))
    names, wide = _names(), [shelf.aligned(point, Family.WIDE) for point in points]
    found = zip(_by_tier(shelf, wide, chosen), cost_share(shelf, points, chosen), wide, strict=True)
    return [
        max(_known(_tiers(shelf, groups, names, revenue, window)), key=lambda one: one.value or 0.0, default=whole)
        for groups, whole, window in found
    ]


def revenue_shares(month: date, now: datetime) -> list[TierShare]:
    """Each tier's cost of a local month (its first day) as a share of its revenue, all tiers together first.

    Inside a project's scope. A tier is listed when it has a figure or calls; of a month under way both sides are of
    the time that is over.
    """
    shelf, chosen = Shelf(now), Filter()
    whole = month_window(month, shelf.zone)
    window = shelf.aligned(Window(whole.start, min(whole.end, max(now, whole.start + HOUR))), Family.WIDE)
    (cost,), (groups,) = _costs(shelf, [window], chosen), _by_tier(shelf, [window], chosen)
    earned = _revenue(shelf, figures.of_all_tiers(FigureName.REVENUE_USD, month), window)
    revenue = figures.by_tier(FigureName.REVENUE_USD, month)
    tiers = sorted(_tiers(shelf, groups, _names(), revenue, window), key=lambda one: one.tier)
    return [TierShare(ALL_TIERS, cost.value, earned, _share(cost, earned)), *tiers]


def _figures(shelf: Shelf, first: date, tier: int | None) -> dict[date, Decimal]:
    """Month → the revenue of a tier by its number, or of all."""
    if tier is None:
        return figures.of_all_tiers(FigureName.REVENUE_USD, first)
    name = shelf.names(Dimension.TIER).get(tier)
    by_month = figures.by_tier(FigureName.REVENUE_USD, first)
    return {month: tiers[name] for month, tiers in by_month.items() if name in tiers}


def _names() -> dict[int, str]:
    return NAMELESS | dictionary.values(Dimension.TIER)


def _tiers(
    shelf: Shelf,
    groups: Groups,
    names: Mapping[int, str],
    revenue: Mapping[date, Mapping[str, Decimal]],
    window: Window,
) -> Iterator[TierShare]:
    """One row for each tier that has calls or figures."""
    totals = {names[number]: found for number, found in groups.items() if number in names}
    tiers = {tier for by_tier in revenue.values() for tier in by_tier} - {ALL_TIERS}
    for tier in tiers | totals.keys():
        cost = formulas.judge(METRICS["cost_total"], totals.get(tier, Totals()), is_known=bool(groups))
        of_tier = {month: by_tier[tier] for month, by_tier in revenue.items() if tier in by_tier}
        earned = _revenue(shelf, of_tier, window)
        yield TierShare(tier, cost.value, earned, _share(cost, earned))


def _known(tiers: Iterator[TierShare]) -> list[Reading]:
    return [one.share for one in tiers if one.share.value is not None]


def _costs(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    metric, selection = METRICS["cost_total"], chosen.selection
    found = shelf.totals([metric], points, selection)
    return [
        formulas.judge(
            metric, groups.get(selection.value or 0, Totals()), is_known=shelf.is_known(point, chosen.feature)
        )
        for groups, point in zip(found, points, strict=True)
    ]


def _by_tier(shelf: Shelf, windows: Sequence[Window], chosen: Filter) -> list[Groups]:
    """The costs of tiers in windows that are whole buckets of their sheets, which have no quarters of an hour."""
    if chosen.feature == ABSENT:
        return [{} for _ in windows]
    tiers = Selection(int(Dimension.TIER), chosen.feature or ALL_FEATURES, None)
    return shelf.totals([METRICS["cost_total"]], windows, tiers)


def _revenue(shelf: Shelf, revenue: Mapping[date, Decimal], point: Window) -> float | None:
    """The revenue of the part of a window that is over."""
    over = Window(point.start, min(point.end, shelf.now))
    if over.end <= over.start:
        return None
    return economics.spread(revenue, over, figures.months_of(over, shelf.zone), shelf.zone)


def _share(cost: Reading, revenue: float | None) -> Reading:
    if cost.value is None or not revenue:
        return NO_DATA
    return Reading(State.OK, cost.value / revenue, None, cost.sample_size)
