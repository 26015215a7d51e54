"""What a user costs while users become more: one point a month, where it goes, and what many more would cost.

    economics = unit_economics(6, growth=1.3, now=now)

Inside a project's scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ingest.timeline import DAY, Window, local_day
from observatory.metrics import economics, formulas, users
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived import reach
from observatory.metrics.economics import Scale, Verdict
from observatory.metrics.months import month_after, month_window
from observatory.metrics.reading import Reading, Totals
from observatory.metrics.shelf import Filter, Shelf

PLANNED_GROWTH = 1.3


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """A local month: distinct users, cost, cost per user; None where it is unknown.

    `is_whole`: it is over, and calls had begun by its first day.
    """

    month: date
    users: int | None
    cost_usd: float | None
    cost_per_user: Reading
    is_whole: bool


@dataclass(frozen=True, slots=True)
class UnitEconomics:
    """One point a month, the oldest first; how the cost per user goes; the last whole month at many times its users.

    `whole`: the months that the verdict goes by, of which `what_if` takes the last; empty together with it. Everything
    that came before `complete_to` is counted.
    """

    points: tuple[MonthPoint, ...]
    whole: tuple[MonthPoint, ...]
    verdict: Verdict
    growth: float
    what_if: tuple[Scale, ...]
    complete_to: datetime


def unit_economics(
    months: int, *, growth: float = PLANNED_GROWTH, feature: str | None = None, now: datetime
) -> UnitEconomics:
    """The last `months` local months, the one under way included. `growth`: so many per cent cost 1 % more users.

    Verdict and what-if go by the whole months that have both users and a cost. Raises UnknownValue.
    """
    shelf = Shelf(now)
    chosen = shelf.filter(feature, None)
    this = local_day(now, shelf.zone).replace(day=1)
    points = tuple(_points(shelf, [month_after(this, -ago) for ago in range(months - 1, -1, -1)], chosen))
    known = [
        (point, point.users, point.cost_usd, point.cost_per_user.value)
        for point in points
        if point.is_whole and point.users and point.cost_usd is not None and point.cost_per_user.value is not None
    ]
    verdict = economics.verdict_of([cost for *_, cost in known])
    what_if = economics.what_if(known[-1][1], known[-1][2], growth) if known else ()
    window = Window(month_window(points[0].month, shelf.zone).start, month_window(this, shelf.zone).end)
    waiting = reach.complete_to(METRICS["cost_per_mau"], shelf, window)
    complete_to = min(shelf.coverage(chosen, window=window).complete_to, waiting or now)
    return UnitEconomics(points, tuple(point for point, *_ in known), verdict, growth, what_if, complete_to)


def _points(shelf: Shelf, months: Sequence[date], chosen: Filter) -> list[MonthPoint]:
    metric, selection = METRICS["cost_per_mau"], chosen.selection
    windows = [month_window(month, shelf.zone) for month in months]
    totals = [groups.get(selection.value or 0, Totals()) for groups in shelf.totals([metric], windows, selection)]
    found = users.distinct([(month, month_after(month) - DAY) for month in months], chosen.feature)
    first = shelf.first_call(chosen.feature)
    born = local_day(first, shelf.zone) if first else None
    points = []
    for month, window, part, of in zip(months, windows, totals, found, strict=True):
        is_known = shelf.is_known(window, chosen.feature)
        count = formulas.judge_users(of, is_known=is_known).value
        cost = formulas.judge(METRICS["cost_total"], part, is_known=is_known).value
        is_whole = born is not None and born <= month and window.end <= shelf.now
        per_user = formulas.judge_per_user(metric, part, of)
        points.append(MonthPoint(month, None if count is None else int(count), cost, per_user, is_whole))
    return points
