"""Figures of the business by month, as derived metrics use them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from ingest import figures
from ingest.dimensions import FigureName
from ingest.timeline import Window, local_day
from observatory.metrics import economics, windows
from observatory.metrics.months import month_after, months

FOREVER = date(2099, 12, 1)

ByTier = dict[str, Decimal]


def by_tier(name: FigureName, first: date) -> dict[date, ByTier]:
    """Month → tier → the figure that stands, from early enough that it can stand in for the month `first`."""
    found: dict[date, ByTier] = {}
    # Later figures are asked for, too: only the newest of all stands in for months that have none.
    for row in figures.standing(month_after(first, -economics.STANDS_IN), FOREVER):
        if row.name == name:
            found.setdefault(row.month, {})[row.tier] = row.value
    return found


def of_all_tiers(name: FigureName, first: date) -> dict[date, Decimal]:
    """Month → its figure of all tiers together, as `by_tier`."""
    return {month: economics.of_all_tiers(tiers) for month, tiers in by_tier(name, first).items()}


def months_of(window: Window, zone_name: str) -> list[date]:
    """The local months that a window touches."""
    _, last = windows.last_days(window.end, 1, zone_name)
    return list(months(local_day(window.start, zone_name), last))


def first_month(points: Sequence[Window], zone_name: str) -> date:
    """The local month in which the first of some windows begins."""
    return local_day(min(point.start for point in points), zone_name).replace(day=1)
