"""What people said on their own day: recommendations, satisfaction, tickets. All go by the event's own time.

nps = (answers of 9 or 10 − answers of 0 to 6) / answers
satisfaction = mean of score / scale
ticket_rate = 1,000 × tickets / calls
ticket_rate of people = 1,000 × their tickets / people of the window's local days
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ingest.dimensions import FeedbackKind
from ingest.projects.access import current_project
from ingest.timeline import DAY, Window, day_start
from observatory.metrics import economics, months, users
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived import reach
from observatory.metrics.formulas import NO_DATA
from observatory.metrics.layout import Counter
from observatory.metrics.metric import Metric
from observatory.metrics.reading import Reading, State, Totals
from observatory.metrics.sent import Sent
from observatory.metrics.shelf import Filter, Shelf
from observatory.metrics.statistics import Z95

Formula = Callable[[Shelf, Sequence[Window], Filter], list[Reading]]

ACCURACY = "accuracy"
THOUSAND = 1_000
CALLED_WITHIN = timedelta(days=30)

OF_FEATURE = "(%(feature)s::smallint IS NULL OR f.feature_id = %(feature)s)"
# Who has no AI feature is what the app last said before the answer; who has one called it in the month before.
IS_CONTROL = """
    coalesce((SELECT e.is_control FROM user_event e
              WHERE e.project_id = f.project_id AND e.user_id = f.user_id AND e.is_control IS NOT NULL
                  AND e.occurred_at <= f.occurred_at
              ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1), false)
"""
HAS_CALLED = """
    EXISTS (SELECT FROM interaction i
            WHERE i.project_id = f.project_id AND coalesce(i.user_id, i.session_id, '') = f.user_id
                AND i.user_id IS NOT NULL AND i.occurred_at <= f.occurred_at
                AND i.occurred_at > f.occurred_at - %(called_within)s
                AND (%(feature)s::smallint IS NULL OR i.feature_id = %(feature)s))
"""
AI_USERS = f"(f.user_id IS NOT NULL AND NOT {IS_CONTROL} AND {HAS_CALLED})"
NON_USERS = f"(f.user_id IS NOT NULL AND {IS_CONTROL})"


@dataclass(frozen=True, slots=True)
class Audience:
    """Some people: `whose` is the condition that chooses their feedback, `people` how many there are of them.

    `reach`: how long before the feedback the condition looks.
    """

    whose: str
    people: Callable[[Shelf, Sequence[Window], Filter], list[int]]
    reach: timedelta = timedelta(0)


def recommendations(whose: str = OF_FEATURE, reach: timedelta = timedelta(0)) -> Formula:
    """The net promoter score, −1 to 1, of the answers that a condition chooses by what was up to `reach` before them."""

    def scores(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
        summed = f"count(*), count(*) FILTER (WHERE f.value >= {economics.PROMOTERS_FROM})"
        summed += f", count(*) FILTER (WHERE f.value <= {economics.DETRACTORS_TO})"
        return _heard(shelf, points, chosen, FeedbackKind.NPS, summed, whose, _score, reach)

    return scores


def satisfaction(whose: str = OF_FEATURE, reach: timedelta = timedelta(0)) -> Formula:
    """The mean of the surveys that a condition chooses so, 0–1, with its normal interval."""

    def means(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
        summed = "count(f.value), avg(f.value), coalesce(stddev_samp(f.value), 0)"
        return _heard(shelf, points, chosen, FeedbackKind.SURVEY, summed, whose, _mean, reach)

    return means


def tickets(category: str | None = None) -> Formula:
    """Tickets, of one category or all, for 1,000 calls of the same window, with the interval of a Poisson count."""

    def rates(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
        selection = chosen.selection
        found = shelf.totals([METRICS["calls"]], points, selection)
        calls = [groups.get(selection.value or 0, Totals()).counters.get(Counter.CALLS, 0) for groups in found]
        counts = [
            sum(n for name, n in row.items() if category in (None, name))
            for row in _by_category(points, chosen.feature)
        ]
        return [
            _per_thousand(k, n, METRICS["ticket_rate"].minimum_sample) if shelf.is_raw(point) else NO_DATA
            for k, n, point in zip(counts, calls, points, strict=True)
        ]

    return rates


@dataclass(frozen=True, slots=True)
class Tickets:
    """Tickets of one category, in small letters, or of `of` categories together: how many, and for 1,000 calls."""

    category: str
    tickets: int
    rate: Reading
    of: int = 1


@dataclass(frozen=True, slots=True)
class TicketTable:
    """The categories with most tickets, those of all others together (None when there are none), and all of them.

    `window` is the one asked for, moved outwards to what is stored; every call that came before `complete_to` is counted.
    """

    window: Window
    complete_to: datetime
    categories: tuple[Tickets, ...]
    others: Tickets | None
    whole: Tickets


@dataclass(frozen=True, slots=True)
class PeopleTickets:
    """Tickets for 1,000 AI users beside those for 1,000 people without, of each category in small letters and of all.

    `window` and `complete_to` are as in a `TicketTable`.
    """

    window: Window
    complete_to: datetime
    categories: dict[str, tuple[Reading, Reading]]
    whole: tuple[Reading, Reading]


def tickets_by_category(window: Window, *, most: int = 8, feature: str | None = None, now: datetime) -> TicketTable:
    """Tickets of a window by their own time, `most` categories by name. Inside a project's scope.

    Nothing is told apart before the raw horizon. Raises UnknownValue for a feature that does not exist.
    """
    shelf = Shelf(now)
    chosen, window = shelf.filter(feature, None), shelf.aligned(window)
    (whole,) = shelf.once(Sent).judged(
        METRICS["ticket_rate"], tickets()(shelf, [window], chosen), [window], chosen.feature
    )
    (counts,) = _by_category([window], chosen.feature) if shelf.is_raw(window) else ({},)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    def told(category: str, found: Sequence[tuple[str, int]]) -> Tickets:
        count = sum(n for _, n in found)
        return Tickets(
            category, count, _per_thousand(count, whole.sample_size, METRICS["ticket_rate"].minimum_sample), len(found)
        )

    named, rest = ordered[:most], ordered[most:]
    return TicketTable(
        window,
        shelf.coverage(chosen, window=window).complete_to,
        tuple(told(name, [(name, n)]) for name, n in named),
        told("", rest) if rest else None,
        Tickets("", sum(counts.values()), whole, len(ordered)),
    )


def people_tickets(audience: Audience) -> Formula:
    """Tickets of AI users, or of those without, for 1,000 of them in the local days of each window."""

    def rates(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
        counts = _by_category(points, chosen.feature, audience.whose)
        people = audience.people(shelf, points, chosen)
        return [
            _per_thousand(sum(row.values()), n, METRICS["ticket_rate_ai_users"].minimum_sample)
            if shelf.is_raw(_reached(point, audience.reach))
            else NO_DATA
            for row, n, point in zip(counts, people, points, strict=True)
        ]

    return rates


def people_tickets_by_category(window: Window, *, feature: str | None = None, now: datetime) -> PeopleTickets:
    """Tickets of AI users beside those of people without, the category with most tickets first.

    Inside a project's scope. Nothing is told apart before the raw horizon. Raises UnknownValue for a feature that does
    not exist.
    """
    shelf = Shelf(now)
    chosen = shelf.filter(feature, None)
    window = shelf.aligned(reach.widened(METRICS["ticket_rate_ai_users"], shelf, window))
    waiting = reach.complete_to(METRICS["ticket_rate_ai_users"], shelf, window)
    complete_to = min(shelf.coverage(chosen, window=window).complete_to, waiting or now)
    with_ai = _Side.of(shelf, window, chosen, WITH_AI, METRICS["ticket_rate_ai_users"])
    without = _Side.of(shelf, window, chosen, WITHOUT_AI, METRICS["ticket_rate_non_users"])
    total = {
        name: with_ai.counts.get(name, 0) + without.counts.get(name, 0) for name in with_ai.counts | without.counts
    }
    categories = {
        name: (with_ai.rate(with_ai.counts.get(name, 0)), without.rate(without.counts.get(name, 0)))
        for name in sorted(total, key=lambda name: (-total[name], name))
    }
    is_told = shelf.is_raw(_reached(window, WITH_AI.reach))
    return PeopleTickets(window, complete_to, categories if is_told else {}, (with_ai.whole, without.whole))


@dataclass(frozen=True, slots=True)
class _Side:
    """Some people's tickets by category, how many people they are, and the rate of all their tickets."""

    counts: dict[str, int]
    people: int
    whole: Reading

    @classmethod
    def of(cls, shelf: Shelf, window: Window, chosen: Filter, audience: Audience, metric: Metric) -> "_Side":
        if not shelf.is_raw(_reached(window, audience.reach)):
            return cls({}, 0, NO_DATA)
        (counts,) = _by_category([window], chosen.feature, audience.whose)
        (people,) = audience.people(shelf, [window], chosen)
        whole = _per_thousand(sum(counts.values()), people, metric.minimum_sample)
        (judged,) = shelf.once(Sent).judged(metric, [whole], [window], chosen.feature)
        return cls(counts, people, judged)

    def rate(self, count: int) -> Reading:
        """So many of the tickets, for 1,000 of these people."""
        return _per_thousand(count, self.people, METRICS["ticket_rate_ai_users"].minimum_sample)


def _callers(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[int]:
    """Distinct users with a call in the local days that each window touches."""
    found = users.distinct([months.touched(point, shelf.zone) for point in points], chosen.feature)
    return [of.users for of in found]


def _reported(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[int]:
    """Distinct users of whom the app said, in the local days that each window touches, that they are without AI."""
    query = """
        SELECT (SELECT count(DISTINCT e.user_id) FROM user_event e
                WHERE e.project_id = %(project)s AND e.is_control
                    AND e.occurred_at >= p.start_at AND e.occurred_at < p.end_at)
        FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS p (start_at, end_at, place)
        ORDER BY p.place
    """
    spans = [months.touched(point, shelf.zone) for point in points]
    days = [Window(day_start(first, shelf.zone), day_start(last + DAY, shelf.zone)) for first, last in spans]
    with connection.cursor() as cursor:
        cursor.execute(query, _parameters(FeedbackKind.TICKET, days, chosen.feature))
        return [row[0] for row in cursor.fetchall()]


WITH_AI, WITHOUT_AI = Audience(AI_USERS, _callers, CALLED_WITHIN), Audience(NON_USERS, _reported)


def _by_category(points: Sequence[Window], feature: int | None, whose: str = OF_FEATURE) -> list[dict[str, int]]:
    query = f"""
        SELECT p.place, lower(f.name), count(*)
        FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS p (start_at, end_at, place)
        JOIN feedback f ON f.project_id = %(project)s AND f.kind = %(kind)s
            AND f.occurred_at >= p.start_at AND f.occurred_at < p.end_at AND {whose}
        GROUP BY 1, 2
    """
    found: list[dict[str, int]] = [{} for _ in points]
    with connection.cursor() as cursor:
        cursor.execute(query, _parameters(FeedbackKind.TICKET, points, feature))
        for place, category, count in cursor.fetchall():
            found[place - 1][category] = count
    return found


def _heard(
    shelf: Shelf,
    points: Sequence[Window],
    chosen: Filter,
    kind: FeedbackKind,
    summed: str,
    whose: str,
    judge: Callable[..., Reading],
    reach: timedelta = timedelta(0),
) -> list[Reading]:
    """One reading per window from sums over its feedback of a kind; unknown where it reaches before the raw horizon."""
    query = f"""
        SELECT s.* FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
            WITH ORDINALITY AS p (start_at, end_at, place)
        CROSS JOIN LATERAL (
            SELECT {summed} FROM feedback f
            WHERE f.project_id = %(project)s AND f.kind = %(kind)s
                AND f.occurred_at >= p.start_at AND f.occurred_at < p.end_at AND {whose}) s
        ORDER BY p.place
    """
    with connection.cursor() as cursor:
        cursor.execute(query, _parameters(kind, points, chosen.feature))
        rows = cursor.fetchall()
    return [
        judge(*row) if shelf.is_raw(_reached(point, reach)) else NO_DATA
        for row, point in zip(rows, points, strict=True)
    ]


def _reached(window: Window, reach: timedelta) -> Window:
    return Window(window.start - reach, window.end)


def _parameters(kind: FeedbackKind, points: Sequence[Window], feature: int | None) -> dict[str, Any]:
    return {
        "project": current_project(),
        "kind": int(kind),
        "feature": feature,
        "called_within": CALLED_WITHIN,
        "starts": [point.start for point in points],
        "ends": [point.end for point in points],
    }


def _score(answers: int, promoters: int, detractors: int) -> Reading:
    if answers == 0:
        return NO_DATA
    if answers < METRICS["nps"].minimum_sample:
        return Reading(State.LEARNING, sample_size=answers)
    return Reading(State.OK, *economics.promoter_score(answers, promoters, detractors), answers)


def _mean(answers: int, mean: float | None, deviation: float) -> Reading:
    if mean is None:
        return NO_DATA
    if answers < METRICS["satisfaction"].minimum_sample:
        return Reading(State.LEARNING, sample_size=answers)
    half = Z95 * deviation / math.sqrt(answers)
    return Reading(State.OK, mean, (max(0.0, mean - half), min(1.0, mean + half)) if half else None, answers)


def _per_thousand(count: int, n: int, least: int) -> Reading:
    if n == 0:
        return NO_DATA
    if n < least:
        return Reading(State.LEARNING, sample_size=n)
    low, high = economics.poisson_interval(count)
    return Reading(State.OK, THOUSAND * count / n, (THOUSAND * low / n, THOUSAND * high / n), n)
