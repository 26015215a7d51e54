"""Metrics of what users cost and whether they stay: over the users of a window's local days."""

from collections.abc import Callable, Sequence
from datetime import date

from ingest.timeline import DAY, Window, day_window, local_day
from observatory.metrics import formulas, inequality, months, people, retention, users
from observatory.metrics.definitions import METRICS
from observatory.metrics.layout import NANO
from observatory.metrics.months import Span
from observatory.metrics.reading import Reading, State, Totals
from observatory.metrics.shelf import Filter, Shelf
from observatory.metrics.statistics import wilson

Formula = Callable[[Shelf, Sequence[Window], Filter], list[Reading]]


def user_cost(name: str, share: float) -> Formula:
    """A quantile of the users' costs; its interval are the order statistics around it."""

    def judge(ordered: list[int]) -> Reading:
        low, high = inequality.quantile_ends(ordered, share)
        value = inequality.quantile(ordered, share)
        return Reading(State.OK, value / NANO, (low / NANO, high / NANO), len(ordered))

    return _of_costs(name, judge)


def top_share(name: str) -> Formula:
    """What the most expensive 1 % of users have of all users' cost."""

    def judge(ordered: list[int]) -> Reading:
        return Reading(State.OK, inequality.top_share(ordered, people.TOP), None, len(ordered))

    return _of_costs(name, judge)


def max_multiple(name: str) -> Formula:
    """How many times the average user's cost the most expensive user's is."""

    def judge(ordered: list[int]) -> Reading:
        return Reading(State.OK, ordered[-1] * len(ordered) / sum(ordered), None, len(ordered))

    return _of_costs(name, judge)


def _of_costs(name: str, judge: Callable[[list[int]], Reading]) -> Formula:
    """A metric of every user's cost; unknown without users or known costs, learning with too few users."""

    def formula(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
        today = local_day(shelf.now, shelf.zone)
        whom = people.Chosen(chosen.feature)
        return [read(people.costs(months.touched(point, shelf.zone), today, whom)) for point in points]

    def read(ordered: list[int]) -> Reading:
        if not sum(ordered):
            return formulas.NO_DATA
        if len(ordered) < METRICS[name].minimum_sample:
            return Reading(State.LEARNING, sample_size=len(ordered))
        return judge(ordered)

    return formula


def cost_per_mau_change(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """Days 1 to d of a month against days 1 to d of the month before; d is the window's last whole local day."""
    first = shelf.first_call(chosen.feature)
    first_day = local_day(first, shelf.zone) if first else None
    found = []
    for point in points:
        this, before = months.like_days(last_whole_day(point, shelf))
        is_known = first_day is not None and first_day <= before[0]
        found.append(_change(shelf, this, before, chosen) if is_known else formulas.NO_DATA)
    return found


def _change(shelf: Shelf, this: Span, before: Span, chosen: Filter) -> Reading:
    now, then = _per_user(shelf, this, chosen), _per_user(shelf, before, chosen)
    if now.value is None or not then.value:
        return formulas.NO_DATA
    size = min(now.sample_size, then.sample_size)
    if size < METRICS["cost_per_mau_change"].minimum_sample:
        return Reading(State.LEARNING, sample_size=size)
    return Reading(State.OK, now.value / then.value - 1, None, size)


def _per_user(shelf: Shelf, span: Span, chosen: Filter) -> Reading:
    """Cost per distinct user of some local days."""
    metric = METRICS["cost_per_mau"]
    window = Window(day_window(span[0], shelf.zone).start, day_window(span[1], shelf.zone).end)
    (groups,) = shelf.totals([metric], [window], chosen.selection)
    (of,) = users.distinct([span], chosen.feature)
    return formulas.judge_per_user(metric, groups.get(chosen.selection.value or 0, Totals()), of)


def stays(after: int) -> Formula:
    """Users who activated so many days ago and still call, as a share with Wilson's interval."""
    name = f"retention_{after}"

    def formula(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
        lasts = [last_whole_day(point, shelf) for point in points]
        return [read(*retention.activated(last, after, chosen.feature, shelf.zone)) for last in lasts]

    def read(n: int, active: int) -> Reading:
        if n < METRICS[name].minimum_sample:
            return Reading(State.LEARNING, sample_size=n) if n else formulas.NO_DATA
        interval = wilson(active, n)
        return Reading(State.OK, active / n, (interval.low, interval.high), n)

    return formula


def last_whole_day(window: Window, shelf: Shelf) -> date:
    """The last local day that is over by the window's end and by now."""
    end = min(window.end, shelf.now)
    day = local_day(end, shelf.zone)
    return day if day_window(day, shelf.zone).end <= end else day - DAY


FORMULAS: dict[str, Formula] = {
    **{f"user_cost_p{share * 100:g}": user_cost(f"user_cost_p{share * 100:g}", share) for share in (0.9, 0.95, 0.99)},
    "user_cost_top1_share": top_share("user_cost_top1_share"),
    "user_cost_max_multiple": max_multiple("user_cost_max_multiple"),
    "cost_per_mau_change": cost_per_mau_change,
    **{f"retention_{after}": stays(after) for after in retention.AFTER},
}
