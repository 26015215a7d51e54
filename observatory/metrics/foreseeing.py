"""The daily forecast of a project's cost: made once its newest day is over and counted, and again when days change.

A pure function of the daily costs: killed, late or run twice, it stores the same. Runs in jobs (it loads numpy).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import accumulate

import structlog

from ingest.projects.access import project_scope
from ingest.projects.models import Project
from ingest.timeline import DAY, HOUR, Window, day_start, local_day
from observatory.metrics import foreseen, store, users
from observatory.metrics.forecasting import growth, outlook, smoothing
from observatory.metrics.forecasting.growth import MonthOfUse
from observatory.metrics.forecasting.outlook import Recent
from observatory.metrics.foreseen import Forecast
from observatory.metrics.layout import NANO
from observatory.metrics.months import Span, days_of, month_after
from observatory.metrics.reader import Reader

FINGERPRINT_DAYS = 56
SETTLED = 7 * DAY
"""A month's users are counted again until it is over for so long."""
AGAIN_AFTER = HOUR
"""Late events may change a day every minute; a forecast that their few cents move can wait."""
FEW_CENTS = 0.01
"""A share of a month's cost, or of that of the last days."""


@dataclass(frozen=True)
class History:
    """The cost of consecutive whole local days in nano-dollars, the first one's date, and their zone."""

    first: date
    nanos: tuple[int, ...]
    time_zone: str

    @property
    def basis(self) -> date:
        """The last day."""
        return self.first + (len(self.nanos) - 1) * DAY

    @property
    def amounts(self) -> list[float]:
        """In USD."""
        return [nano / NANO for nano in self.nanos]

    @property
    def digest(self) -> bytes:
        """Stands for all of it."""
        said = f"{self.first} {self.time_zone} {self.nanos}"
        return hashlib.blake2b(said.encode(), digest_size=16).digest()


def foresee(project: Project, now: datetime, *, is_forced: bool = False) -> bool:
    """Make the project's forecast if it is due; whether it was made. One that fails is told to the log, and nobody waits."""
    try:
        with project_scope(project.pk):
            return refresh(now, is_forced=is_forced)
    except Exception:
        structlog.get_logger("forecasts").exception("forecast failed", project=project.slug)
        return False


def refresh(now: datetime, *, is_forced: bool = False) -> bool:
    """The same inside a project's scope. Due: a newer day is over, or days have changed: by more than a few cents, since an
    hour ago, or `is_forced`. While history waits to be counted nothing is made from the rest of it.
    """
    known, days = foreseen.latest(), None if store.has_history(now) else history(now)
    if days is None or (known and not _is_due(known, days, now, is_forced)):
        return False
    amounts = days.amounts
    try:
        fitted = smoothing.fit(amounts)
    except smoothing.TooFew:
        fitted = None
    months = whole_months(days, known)
    first, last = max(days.first, days.basis - (outlook.RECENT_DAYS - 1) * DAY), days.basis
    made = outlook.made(amounts, days.basis, fitted)
    made = replace(
        made,
        multiplier=growth.multiplier(months),
        recent=Recent(made.recent.cost_per_day, _users_of([(first, last)])[0]),
    )
    foreseen.replace(Forecast(now, days.time_zone, days.digest, made, months), days.first)
    expected = outlook.expected_days(fitted, days.first) if fitted else []
    foreseen.replace_days(expected, _before(days, [one.day for one in expected]), days.first)
    return True


def _is_due(known: Forecast, days: History, now: datetime, is_forced: bool) -> bool:
    if (known.outlook.basis, known.time_zone) != (days.basis, days.time_zone):
        return True
    if known.digest == days.digest:
        return False
    return is_forced or now - known.made_at >= AGAIN_AFTER or _is_moved(known, days)


def _is_moved(known: Forecast, days: History) -> bool:
    """Whether there are more days, or a month's or the last days' cost is another by more than FEW_CENTS."""
    last = days.amounts[-outlook.RECENT_DAYS :]
    pairs = [(known.outlook.recent.cost_per_day, sum(last) / len(last))]
    costs = _costs_of_months(days)
    pairs += [(one.cost_per_day, costs[one.month]) for one in known.whole_months if one.month in costs]
    is_longer = len(days.nanos) != known.outlook.known_days
    return is_longer or any(abs(new - old) > FEW_CENTS * max(new, old) for old, new in pairs)


def history(now: datetime) -> History | None:
    """The days after that of the first call (which is seldom whole) that are over and counted; None before there is one."""
    reader = Reader(now)
    begin = reader.first_day()
    if begin is None:
        return None
    zone = reader.zone
    last = local_day(reader.coverage().complete_to, zone) - DAY
    first = max(local_day(begin.start, zone) + DAY, last - (foreseen.LOOK_BACK_DAYS - 1) * DAY)
    if first > last:
        return None
    window = Window(day_start(first, zone), day_start(last + DAY, zone))
    points = reader.series("cost_total", window, "1d")
    return History(first, tuple(round((point.reading.value or 0.0) * NANO) for point in points), zone)


def whole_months(days: History, known: Forecast | None) -> tuple[MonthOfUse, ...]:
    """Each whole month of the history, with its users; those of months long over whose cost is what it was are taken as
    they were counted before.
    """
    costs = _costs_of_months(days)
    settled = {
        one.month: one.users
        for one in (known.whole_months if known else ())
        if known and _is_settled(one.month, known) and costs.get(one.month) == one.cost_per_day
    }
    asked = [month for month in costs if month not in settled]
    counted = settled | dict(zip(asked, _users_of([(one, month_after(one, 1) - DAY) for one in asked]), strict=True))
    return tuple(MonthOfUse(month, cost, counted[month]) for month, cost in costs.items())


def _costs_of_months(days: History) -> dict[date, float]:
    """The cost in USD per day of each whole month of the history."""
    first = month_after(days.first, 0 if days.first.day == 1 else 1)
    costs: dict[date, float] = {}
    while month_after(first, 1) <= days.basis + DAY:
        start = (first - days.first).days
        costs[first] = sum(days.nanos[start : start + days_of(first)]) / NANO / days_of(first)
        first = month_after(first, 1)
    return costs


def _is_settled(month: date, known: Forecast) -> bool:
    """Whether the month had been over for long enough when it was last counted."""
    return known.made_at - day_start(month_after(month, 1), known.time_zone) > SETTLED


def _users_of(spans: Sequence[Span]) -> list[int | None]:
    """Distinct users; None where the calls came without any."""
    return [found.users or None for found in users.distinct(spans, None)] if spans else []


def _before(days: History, wanted: Sequence[date]) -> list[int]:
    """The cost of the eight weeks before each of some days."""
    sums = [0, *accumulate(days.nanos)]
    ends = [(day - days.first).days for day in wanted]
    return [sums[end] - sums[max(0, end - FINGERPRINT_DAYS)] for end in ends]
