"""Sums over user rows with users as clusters: one pass for all signals, exact whatever is added up."""

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from observatory.metrics import clustered, user_rows, users
from observatory.metrics.clustered import MEANS, RATES, Sums
from observatory.metrics.layout import MICRO

FIRST = date(2026, 3, 1)
LAST = FIRST + timedelta(days=4)
FEATURES = (20, 21, 22)
NUMBERS = sorted({column for columns in (*RATES.values(), *MEANS.values()) for column in columns})
Row = dict[str, int]
Key = tuple[date, int, str]


def drawn(chance: random.Random, most: int) -> Row:
    """A row of at most so many calls, of which any number may have what is counted."""
    row = {"calls": chance.randint(1, most)}
    for trials, successes in RATES.values():
        row.setdefault(trials, chance.randint(0, row["calls"]))
        row[successes] = chance.randint(0, row[trials])
    for number, total, squares in MEANS.values():
        n = row[number] = chance.randint(0, row["calls"])
        # Logarithms of what is below 1 are negative, and up to 43 of the largest bigint.
        row[total] = chance.randint(-7 * MICRO * n, 43 * MICRO * n)
        row[squares] = chance.randint(0, 1_849 * MICRO * n)
    return row


def made(seed: int) -> dict[Key, Row]:
    """Users with few calls, some with so many that no product of their logarithms fits a bigint, and anonymous calls."""
    chance = random.Random(seed)
    found = {}
    for day in (FIRST, FIRST + timedelta(days=1), LAST, LAST + timedelta(days=1)):
        for feature in FEATURES[:2]:
            for cluster in ("", *chance.sample([f"user-{number}" for number in range(60)], 40)):
                is_busy = cluster == "" or chance.random() < 0.1
                found[day, feature, cluster] = drawn(chance, 50_000_000 if is_busy else 9)
    return found


def store(project: Project, rows: dict[Key, Row]) -> None:
    names = (*user_rows.COLUMNS, "project_id")
    places = ", ".join(["%s"] * len(names))
    stored = []
    for (day, feature, cluster), row in rows.items():
        known = {
            "project_id": project.pk,
            "day": day,
            "feature_id": feature,
            "cluster": cluster,
            "is_user": bool(cluster),
        }
        stored.append([(known | row).get(name, 0) for name in names])
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO user_day ({', '.join(names)}) VALUES ({places})", stored)


def clusters(rows: dict[Key, Row], wanted: Iterable[int]) -> dict[date, dict[str, Row]]:
    """Day → cluster → its rows added up, of the wanted features and the days that are asked for."""
    found: dict[date, dict[str, Row]] = defaultdict(lambda: defaultdict(lambda: dict.fromkeys(NUMBERS, 0)))
    for (day, feature, cluster), row in rows.items():
        if feature in wanted and day <= LAST:
            added = found[day][cluster]
            for name in NUMBERS:
                added[name] += row[name]
    return found


def summed(signal: str, of_day: dict[str, Row]) -> Sums:
    """The sums of a day by their definition; of anonymous calls, each its own cluster, from their counts."""
    number, total = (RATES.get(signal) or MEANS[signal])[:2]
    n = x = nn = nx = xx = heads = 0
    for cluster, row in of_day.items():
        own, what = row[number], row[total]
        n, x = n + own, x + what
        if cluster:
            nn, nx, xx, heads = nn + own * own, nx + own * what, xx + what * what, heads + (own > 0)
        else:
            squares = what if signal in RATES else row[MEANS[signal][2]] * MICRO
            nn, nx, xx, heads = nn + own, nx + what, xx + squares, heads + own
    return Sums(n, x, nn, nx, xx, heads)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("feature", [None, *FEATURES])
def test_one_pass_gives_every_signals_exact_sums_which_are_those_it_has_alone(
    project: Project, feature: int | None, seed: int
) -> None:
    rows = made(seed)
    store(project, rows)
    expected = clusters(rows, FEATURES if feature is None else [feature])
    with project_scope(project.pk):
        with CaptureQueriesContext(connection) as asked:
            found = clustered.read([*RATES, *MEANS], feature, FIRST, LAST)
        assert len(asked) == 1
        assert list(found) == [*RATES, *MEANS]
        for signal, by_day in found.items():
            assert by_day == {day: sums for day in expected if (sums := summed(signal, expected[day])).n}
            assert list(by_day) == sorted(by_day)
        for signal in RATES:
            assert users.rate_days(signal, feature, FIRST, LAST) == [
                users.RateDay(day, s.n, s.x, s.within, s.users) for day, s in found[signal].items()
            ]
        for signal in MEANS:
            assert users.mean_days(signal, feature, FIRST, LAST) == [
                users.MeanDay(day, s.n, s.x / s.n / MICRO, s.variance / MICRO**2, s.users)
                for day, s in found[signal].items()
            ]


def test_days_without_events_of_a_signal_are_left_out_and_nothing_asked_reads_nothing(project: Project) -> None:
    quiet = dict.fromkeys(NUMBERS, 0) | {"calls": 3}
    store(project, {(FIRST, FEATURES[0], "ann"): quiet, (LAST, FEATURES[0], ""): quiet | {"thumbs": 2, "thumbs_up": 1}})
    with project_scope(project.pk):
        found = clustered.read(["thumbs_up", "errors", "cost"], FEATURES[0], FIRST, LAST)
        with CaptureQueriesContext(connection) as asked:
            assert clustered.read([], None, FIRST, LAST) == {}
    assert {signal: list(days) for signal, days in found.items()} == {
        "thumbs_up": [LAST],
        "errors": [FIRST, LAST],
        "cost": [],
    }
    assert found["thumbs_up"][LAST] == Sums(2, 1, 2, 1, 1, 2)
    assert len(asked) == 0
