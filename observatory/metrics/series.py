"""The read API of metrics: every number on a page, in an alert and in the API comes from here.

    answer = series.read("thumbs_up_rate", window, feature="write-draft", compare="baseline", now=now)

Inside a project's scope. `Reader` keeps what all questions of one request share; the functions below ask one each.
Values of dimensions are given by name: the feature by itself, others as `where={"model": "small", "tier": "free"}`.
Raises UnknownValue for a metric, dimension or value that does not exist, and BadWindow for a window, grain or
combination that cannot be answered.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from ingest.timeline import Window
from observatory.metrics.distributions import USUAL_BINS, Distributed
from observatory.metrics.people import UserCosts
from observatory.metrics.people_reader import CohortTable, PeopleReader
from observatory.metrics.reader import Reader
from observatory.metrics.reading import Answer, Coverage, Point, Reading
from observatory.metrics.shelf import UnknownValue
from observatory.metrics.windows import BadWindow

__all__ = [
    "BadWindow",
    "Reader",
    "UnknownValue",
    "breakdown",
    "cohorts",
    "coverage",
    "distribution",
    "read",
    "reading",
    "series",
    "users",
]


def read(
    metric: str,
    window: Window,
    *,
    grain: str = "auto",
    feature: str | None = None,
    where: Mapping[str, str] | None = None,
    group_by: str | None = None,
    compare: str | None = None,
    now: datetime,
) -> Answer:
    """A metric over a window with its series and, if asked for, groups (by any dimension) and a comparison.

    Headline numbers (of all, by feature, by model, by both) are seconds old and kept by the quarter of an hour; those
    by another dimension are a minute or two old and kept by the hour for 30 days, then by the day. Several dimensions
    at once are answered from the largest combinations of each bucket; `untold` of each reading says how many calls those
    leave out.
    `compare` is `previous` (the window just before), `weekday` (the same local days so many weeks before) or `baseline`
    (the first 28 full days of the feature) or `baseline:NAME` (one that somebody pinned). Where the first two reach back to what is kept in quarters only, both
    windows are whole quarters: `window` and `judged` say which.
    """
    reader = Reader(now)
    return reader.read(metric, window, grain=grain, feature=feature, where=where, group_by=group_by, compare=compare)


def reading(
    metric: str, window: Window, *, feature: str | None = None, where: Mapping[str, str] | None = None, now: datetime
) -> Reading:
    """A metric over a window; of a maturing one only the mature part is judged."""
    return Reader(now).reading(metric, window, feature=feature, where=where)


def series(
    metric: str,
    window: Window,
    grain: str = "auto",
    *,
    feature: str | None = None,
    where: Mapping[str, str] | None = None,
    rolling_days: int | None = None,
    now: datetime,
) -> tuple[Point, ...]:
    """The whole buckets that the window touches; with `rolling_days`, for each local day the days up to it."""
    return Reader(now).series(metric, window, grain, feature=feature, where=where, rolling_days=rolling_days)


def distribution(
    metric: str,
    window: Window,
    *,
    feature: str | None = None,
    where: Mapping[str, str] | None = None,
    bins: int = USUAL_BINS,
    now: datetime,
) -> Distributed:
    """How the values behind a metric are spread: at most so many bins, and quantiles; of a maturing one the mature part.

    Raises BadWindow for a metric without a distribution; `distributions.DISTRIBUTED` are those that have one.
    """
    return Reader(now).distribution(metric, window, feature=feature, where=where, bins=bins)


def breakdown(
    names: Sequence[str],
    window: Window,
    *,
    by: str = "feature",
    feature: str | None = None,
    where: Mapping[str, str] | None = None,
    now: datetime,
) -> Mapping[str, Mapping[str, Reading]]:
    """Value of a dimension → metric → reading, the value with most calls first."""
    return Reader(now).breakdown(names, window, by=by, feature=feature, where=where)


def coverage(now: datetime, feature: str | None = None) -> Coverage:
    """How far the project's numbers reach."""
    return Reader(now).coverage(feature)


def users(
    window: Window,
    *,
    feature: str | None = None,
    tier: str | None = None,
    segment: str | None = None,
    largest: int = 20,
    now: datetime,
) -> UserCosts:
    """What each user of the window's local days cost: percentiles, Lorenz curve, the largest by name.

    `tier` and `segment` choose users by what they were last seen with in these days.
    """
    return PeopleReader(now).users(window, feature=feature, tier=tier, segment=segment, largest=largest)


def cohorts(*, period: str = "month", count: int = 6, feature: str | None = None, now: datetime) -> CohortTable:
    """Users by the month or week they activated in, and how many of each called in each later one; and retention."""
    return PeopleReader(now).cohorts(period=period, count=count, feature=feature)
