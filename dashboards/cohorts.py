"""Who stays: retention after 30, 60 and 90 days, and users by the month or week they came in, as a shaded table.

Pure: from the read API's answer to what components/stays.html draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Literal

from dashboards import formatting
from dashboards.charts.data import Cell as Value
from dashboards.charts.data import Column, Table
from dashboards.components import Empty, Link, NavItem, State, learning_word
from ingest.timeline import DAY
from observatory.metrics.people_reader import CohortTable
from observatory.metrics.retention import ACTIVE_DAYS, Cohort, Retention
from observatory.metrics.statistics import wilson

Period = Literal["month", "week"]
COUNTS: dict[Period, int] = {"month": 6, "week": 12}
WORDS: dict[Period, str] = {"month": "by month", "week": "by week"}
LEAST_USERS = 20
"""A share of fewer users is no value, as in the definitions of retention."""
DARKEST = 10
DEFINITION = "Users by the time of their first call or first activated event, whichever came first, and the share of them who called in each later period."


@dataclass(frozen=True, slots=True)
class Shade:
    """One cell: a share in words, how dark (0 to DARKEST), and what it rests on.

    `state`: `open` while its period is under way, `ahead` before it began, `thin` where the cohort is too small.
    """

    text: str = ""
    title: str = ""
    level: int = 0
    state: Literal["", "open", "ahead", "thin"] = ""


@dataclass(frozen=True, slots=True)
class Came:
    """One cohort: when they came, how many, and who of them was there in each period from theirs on."""

    name: str
    users: str
    cells: tuple[Shade, ...]
    learning: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """Retention after so many days: the share, its interval and sample, and beside it a control group."""

    name: str
    value: str
    lines: tuple[str, ...] = ()
    state: State | None = None
    word: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Stays:
    """What components/stays.html draws."""

    id: str
    title: str
    note: str
    kept: tuple[Kept, ...]
    headings: tuple[str, ...]
    rows: tuple[Came, ...]
    choices: tuple[NavItem, ...] = ()
    footnotes: tuple[str, ...] = ()
    empty: Empty | None = None
    csv_url: str = ""
    definition: str = DEFINITION


def period_for(first_day: date | None, today: date) -> Period:
    """Weeks while the table holds all of them, else months."""
    oldest = today - (today.weekday() + 7 * (COUNTS["week"] - 1)) * DAY
    return "month" if first_day is not None and first_day < oldest else "week"


def shown(found: CohortTable) -> list[Cohort]:
    """The cohorts from the first that anybody belongs to on."""
    start = next((place for place, cohort in enumerate(found.cohorts) if cohort.n), len(found.cohorts))
    return list(found.cohorts[start:])


def rows(cohorts: Sequence[Cohort], period: str) -> tuple[Came, ...]:
    """The cohorts in words, each cell shaded by its share of the largest later one."""
    later = [k / one.n for one in cohorts if one.n >= LEAST_USERS for k in one.active[1:]]
    darkest, width = max(later, default=0.0), len(cohorts)
    return tuple(_row(one, place, width, darkest, period) for place, one in enumerate(cohorts))


def _row(one: Cohort, place: int, width: int, darkest: float, period: str) -> Came:
    is_thin = one.n < LEAST_USERS
    cells = [_cell(one, number, darkest, is_open=place + number == width - 1) for number in range(len(one.active))]
    if is_thin:
        cells = [Shade(title=f"too few: {one.n} of {LEAST_USERS} users", state="thin") for _ in cells]
    ahead = [Shade(title="not yet", state="ahead")] * (width - len(cells))
    learning = learning_word(one.n, LEAST_USERS) if is_thin else ""
    return Came(_name(one, period), formatting.count(one.n), (*cells, *ahead), learning)


def _cell(one: Cohort, number: int, darkest: float, *, is_open: bool) -> Shade:
    active, share = one.active[number], one.active[number] / one.n if one.n else 0.0
    level = round(DARKEST * min(1.0, share / darkest)) if darkest else 0
    so_far = ", so far" if is_open else ""
    title = f"{formatting.count(active)} of {formatting.count(one.n)} users{so_far}"
    return Shade(formatting.rate(share, 0), title, level, "open" if is_open else "")


def _name(one: Cohort, period: str) -> str:
    month = formatting.MONTHS[one.first.month - 1]
    return f"{month} {one.first.year}" if period == "month" else f"{one.first.day}{formatting.NBSP}{month}"


def headings(width: int, period: str) -> tuple[str, ...]:
    """The columns of periods: the one in which they came, and those after it."""
    return ("Same " + period, *(f"+{number}" for number in range(1, width)))


def kept(one: Retention, first_day: date | None, control: Link) -> Kept:
    """Retention after so many days in words: a value, too few, or from when on there is one. `control` tells how to
    send a control group where there is none.
    """
    name = f"Still there after {one.after} days"
    beside, link = _beside(one)
    if one.n >= LEAST_USERS:
        low, high = wilson(one.active, one.n).low, wilson(one.active, one.n).high
        sample = f"95{formatting.NBSP}%: {formatting.interval(low, high, 'ratio')}, n = {formatting.count(one.n)}"
        return Kept(name, formatting.rate(one.active / one.n), (sample, beside), link=control if link else None)
    if one.n:
        return Kept(name, formatting.DASH, (), State.LEARNING, learning_word(one.n, LEAST_USERS))
    return Kept(name, formatting.DASH, (_why(one, first_day),), State.NO_DATA)


def _beside(one: Retention) -> tuple[str, bool]:
    if not one.control:
        return "control group not sent yet: user events seen with is_control", True
    share = formatting.rate(one.control_seen / one.control) if one.control >= LEAST_USERS else formatting.DASH
    return f"without AI: {share} of {formatting.count(one.control)}", False


def _why(one: Retention, first_day: date | None) -> str:
    if first_day is None:
        return "nobody has called yet"
    known_from = first_day + (one.after + 1) * DAY
    if known_from > one.last + DAY:
        return f"too young: from {_day(known_from)} on"
    return f"nobody came {one.after} to {one.after + ACTIVE_DAYS - 1} days before"


def _day(day: date) -> str:
    return f"{day.day}{formatting.NBSP}{formatting.MONTHS[day.month - 1]}"


def footnotes(found: CohortTable, first_day: date | None) -> tuple[str, ...]:
    """What has to be known to read the table rightly."""
    cohorts, older = shown(found), _older(found, first_day)
    if not cohorts:
        return older
    said = [
        f"Each cell: the share of a row's users who called in that {found.period}; the stronger its colour, the more. Outlined: the {found.period} is under way."
    ]
    for place, one in enumerate(cohorts):
        if first_day and one.first <= first_day <= one.last:
            row = f"row {_name(one, found.period)}" if place else "first row"
            said.append(
                f"Calls are known since {_day(first_day)}: who had called before counts in the {row}, unless activated events with their true time were sent."
            )
    said += older
    if any(one.n < LEAST_USERS for one in cohorts):
        said.append(f"Rows of fewer than {LEAST_USERS} users have no shares yet.")
    if not found.is_complete:
        said.append("The newest users are still being counted.")
    return tuple(said)


def _older(found: CohortTable, first_day: date | None) -> tuple[str, ...]:
    """Who came before the first cohort of the table: by calls, or by what the app said of users who called later or never."""
    first = found.cohorts[0]
    is_there = bool(found.earlier) if found.earlier is not None else first_day is not None and first_day < first.first
    if not is_there:
        return ()
    users = f"{formatting.count(found.earlier)} user{'' if found.earlier == 1 else 's'}, " if found.earlier else ""
    where = "by month" if found.period == "week" else "not in this table"
    return (f"Older cohorts, before {_name(first, found.period)}: {users}{where}.",)


def table(found: CohortTable) -> Table:
    """The same for CSV: counts, unknown is empty."""
    cohorts = shown(found)
    columns = (
        Column("From"),
        Column("To"),
        Column("Users", "users"),
        *(Column(name, "users") for name in headings(len(cohorts), found.period)),
    )
    lines: list[tuple[Value, ...]] = []
    for one in cohorts:
        ahead: list[Value] = [None] * (len(cohorts) - len(one.active))
        lines.append((one.first.isoformat(), one.last.isoformat(), one.n, *one.active, *ahead))
    return Table(columns, tuple(lines), UTC)
