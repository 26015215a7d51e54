"""Whose calls a number of users is about, and how far those are counted: user rows come minutes after the sheets.

What is counted from raw events (opt-outs, recommendations) waits for nobody.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from itertools import accumulate, pairwise

from ingest.timeline import DAY, EPOCH, Window, day_start
from observatory.metrics import foreseen, months, retention, user_rows, windows
from observatory.metrics.derived import adoption, growth, people
from observatory.metrics.metric import Kind, Metric
from observatory.metrics.months import Span
from observatory.metrics.shelf import Shelf

Reach = Callable[[Shelf, Window], list[Span]]


def _touched(shelf: Shelf, point: Window) -> list[Span]:
    return [months.touched(point, shelf.zone)]


def _last_days(count: int) -> Reach:
    return lambda shelf, point: [windows.last_days(point.end, count, shelf.zone)]


def _both_shares(shelf: Shelf, point: Window) -> list[Span]:
    earlier = windows.weeks_before(point, shelf.zone, adoption.WEEKS)
    return [windows.last_days(one.end, adoption.MAU_DAYS, shelf.zone) for one in (earlier, point)]


def _both_months(shelf: Shelf, point: Window) -> list[Span]:
    return list(months.like_days(people.last_whole_day(point, shelf)))


def _all_before(shelf: Shelf, point: Window) -> list[Span]:
    """Whoever called before a cohort is not of it."""
    return [(date.min, people.last_whole_day(point, shelf))]


REACHES: dict[str, Reach] = {
    **dict.fromkeys(people.FORMULAS, _touched),
    **{f"retention_{after}": _all_before for after in retention.AFTER},
    "cost_per_mau_change": _both_months,
    "ticket_rate_ai_users": _touched,
    "adoption_rate": _last_days(adoption.MAU_DAYS),
    "mau_share_change_8w": _both_shares,
}
"""Derived metrics of users → the local days of their calls."""

UP_TO_THE_END = {"input_tokens_growth": 2 * growth.DAYS, "cost_per_mau_change": 2 * 31}
"""Metrics of what changed → how many days up to a window's end they look at, at most."""

BY_LAST_WHOLE_DAY = (_all_before, _both_months)
WHOLE_DAYS = {name for name, of in REACHES.items() if of not in BY_LAST_WHOLE_DAY} | {"ticket_rate_non_users"}
"""Derived metrics of the users of the local days that a window touches."""


def is_of_users(metric: Metric) -> bool:
    """Whether a metric is known from rows of users."""
    return metric.kind in (Kind.USERS, Kind.PER_USER) or metric.name in REACHES


def rests_on(metric: Metric, window: Window, zone: str) -> Window:
    """The calls that a window's number is made from: of what is held against days before it, those of these days, too."""
    if metric.name == "cost_anomaly":
        return Window(window.start - foreseen.LOOK_BACK_DAYS * DAY, window.end)
    if metric.name not in UP_TO_THE_END:
        return window
    first, _ = windows.last_days(window.end, UP_TO_THE_END[metric.name], zone)
    return Window(min(window.start, day_start(first, zone)), window.end)


def goes_by_days(metric: Metric) -> bool:
    """Whether a metric is of the users of a window's local days, of no part of which is known who they were."""
    return metric.kind in (Kind.USERS, Kind.PER_USER) or metric.name in WHOLE_DAYS


def widened(metric: Metric, shelf: Shelf, window: Window) -> Window:
    """The window or, of what goes by days, the whole days that it touches: all that users divide is of these, too.

    Raises BadWindow when it ends before it starts.
    """
    windows.refuse_reversed(window)
    return _instants(months.touched(window, shelf.zone), shelf.zone) if goes_by_days(metric) else window


def are_counted(metric: Metric, shelf: Shelf, points: Sequence[Window]) -> list[bool]:
    """Whether no user whom each point is about waits to be counted."""
    spans = [_spans(metric, shelf, point) for point in points]
    if not any(spans):
        return [True for _ in points]
    waiting = user_rows.waiting([_instants(span, shelf.zone) for of in spans for span in of])
    places = accumulate((len(of) for of in spans), initial=0)
    return [not any(waiting[start:end]) for start, end in pairwise(places)]


def complete_to(metric: Metric, shelf: Shelf, window: Window) -> datetime | None:
    """Before which every call that a window's number of users is about is counted; None when nobody waits."""
    found = [user_rows.complete_to(_instants(span, shelf.zone)) for span in _spans(metric, shelf, window)]
    return min((at for at in found if at), default=None)


def _spans(metric: Metric, shelf: Shelf, point: Window) -> list[Span]:
    if metric.kind is Kind.USERS and metric.days > 1:
        return _last_days(metric.days)(shelf, point)
    if metric.kind in (Kind.USERS, Kind.PER_USER):
        return _touched(shelf, point)
    return REACHES[metric.name](shelf, point) if metric.name in REACHES else []


def _instants(span: Span, zone: str) -> Window:
    first = EPOCH if span[0] == date.min else day_start(span[0], zone)
    return Window(first, day_start(span[1] + DAY, zone))
