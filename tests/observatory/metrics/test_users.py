"""Daily rows with users as clusters equal the plain sums over users, sessions and single anonymous calls."""

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection

from ingest import dictionary
from ingest.dimensions import Dimension, FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, day_window, floor, local_day
from observatory.metrics import roller, series, user_rows, users
from observatory.metrics.statistics import clustered_variance, squared_deviations
from observatory.metrics.user_rows import UserDay
from tests.factories import interactions
from tests.observatory.metrics.streams import Stream, generate

ZONE = "Asia/Kathmandu"
END = floor(datetime.now(UTC), DAY) - DAY
START = END - 4 * DAY
THUMB = int(FeedbackKind.THUMB)


@pytest.fixture(scope="module")
def sent() -> Any:
    project = Project.objects.create(slug="users", name="Users", time_zone=ZONE, created_at=START)
    stream = generate(3, Window(START, END), 500)
    stream.send(project)
    roller.roll(END, only=[project.pk], everything=True)
    return project, stream


def clusters(stream: Stream, feature: str | None) -> dict[date, dict[str, list[dict[str, Any]]]]:
    """Day → user, else session, else the call itself → its interactions."""
    found: dict[date, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in stream.interactions:
        if feature in (None, row["feature"]):
            found[local_day(row["at"], ZONE)][row["user_id"] or row["session_id"] or f"call {row['id']}"].append(row)
    return found


def days_of(stream: Stream) -> tuple[date, date]:
    found = clusters(stream, None)
    return min(found), max(found)


@pytest.mark.parametrize("feature", [None, "write-draft"])
def test_a_rates_day_has_the_squared_deviations_of_its_clusters(sent: Any, feature: str | None) -> None:
    project, stream = sent
    thumbs = {row["interaction"]: row["value"] for row in stream.verdicts if row["kind"] == THUMB}
    corrected = {row["interaction"] for row in stream.verdicts if row["kind"] == FeedbackKind.CORRECTION}
    with project_scope(project.pk):
        number = dictionary.number_of(Dimension.FEATURE, feature) if feature else None
        rated = {day.day: day for day in users.rate_days("thumbs_up", number, *days_of(stream))}
        fixed = {day.day: day for day in users.rate_days("corrections", number, *days_of(stream))}
    for day, groups in clusters(stream, feature).items():
        said = [[thumbs[row["id"]] for row in rows if row["id"] in thumbs] for rows in groups.values()]
        pairs = [(len(values), int(sum(values))) for values in said if values]
        expected = users.RateDay(
            day, sum(n for n, _ in pairs), sum(k for _, k in pairs), squared_deviations(pairs), len(pairs)
        )
        assert rated[day] == expected
        pairs = [(len(rows), sum(row["id"] in corrected for row in rows)) for rows in groups.values()]
        assert (fixed[day].n, fixed[day].k, fixed[day].n_users) == (
            sum(n for n, _ in pairs),
            sum(k for _, k in pairs),
            len(pairs),
        )
        assert fixed[day].s == pytest.approx(squared_deviations(pairs))


@pytest.mark.parametrize("feature", [None, "translate"])
def test_a_means_day_has_the_clustered_variance_of_its_logarithms(sent: Any, feature: str | None) -> None:
    project, stream = sent
    with project_scope(project.pk):
        number = dictionary.number_of(Dimension.FEATURE, feature) if feature else None
        found = {day.day: day for day in users.mean_days("input_tokens", number, *days_of(stream))}
    for day, groups in clusters(stream, feature).items():
        logs = [[math.log(row["input_tokens"]) for row in rows if row["input_tokens"]] for rows in groups.values()]
        pairs = [(len(values), math.fsum(values)) for values in logs if values]
        n = sum(count for count, _ in pairs)
        assert (found[day].n, found[day].n_users) == (n, len(pairs))
        assert found[day].y == pytest.approx(math.fsum(total for _, total in pairs) / n, abs=1e-6)
        assert found[day].v == pytest.approx(clustered_variance(pairs), rel=1e-4)


def test_a_cost_that_replaces_a_calls_own_is_the_one_that_counts(sent: Any) -> None:
    project, stream = sent
    with project_scope(project.pk):
        found = {day.day: day for day in users.mean_days("cost", None, *days_of(stream))}
    linked: dict[str, int] = defaultdict(int)
    for row in stream.costs:
        if row.get("interaction") and row["component"] == 1:
            linked[row["interaction"]] += row["amount_nano"]
    for day, groups in clusters(stream, None).items():
        costs = [linked.get(row["id"], row["cost_nano"]) for rows in groups.values() for row in rows]
        logs = [math.log(cost) for cost in costs if cost]
        assert found[day].n == len(logs)
        assert found[day].y == pytest.approx(math.fsum(logs) / len(logs), abs=1e-6)


def test_the_sums_beside_the_logarithms_are_what_is_paid(sent: Any) -> None:
    project, stream = sent
    with project_scope(project.pk):
        number = dictionary.number_of(Dimension.FEATURE, "summarise")
        assert number is not None
        tokens = users.day_sums("input_tokens", number, *days_of(stream))
        first = users.first_day(number)
    expected = clusters(stream, "summarise")
    assert first == min(expected)
    assert tokens == {
        day: sum(row["input_tokens"] or 0 for rows in groups.values() for row in rows)
        for day, groups in expected.items()
    }


def test_users_looked_up_one_by_one_and_days_read_as_a_whole_give_the_same_rows(
    sent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, stream = sent
    wanted = [
        UserDay(day_window(day, ZONE), day, cluster)
        for day, of_day in clusters(stream, None).items()
        for cluster in {name if not name.startswith("call ") else "" for name in list(of_day)[::2]}
    ]
    found = []
    with project_scope(project.pk):
        for few in (0, 10**6):
            monkeypatch.setattr(user_rows, "FEW_A_DAY", few)
            found.append(sorted(user_rows.recomputed(wanted)))
    assert found[0] == found[1]
    assert {row[2] for row in found[0]} == {user.cluster for user in wanted}


def test_an_unknown_signal_is_refused_with_what_there_is(sent: Any) -> None:
    with pytest.raises(users.UnknownSignal, match="thumbs_up, corrections"):
        users.rate_days("mood", None, START.date(), END.date())


def test_a_point_of_users_is_incomplete_while_somebodys_day_waits(project: Project) -> None:
    day = floor(datetime.now(UTC), DAY) - 3 * DAY
    now = day + 2 * DAY
    interactions(project, [{"at": day + HOUR, "feature": "a", "user_id": "ann"}])
    roller.roll(now, only=[project.pk], everything=True)
    window = Window(day, day + DAY)
    with project_scope(project.pk):
        assert [point.complete for point in series.series("dau", window, now=now)] == [True]
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO dirty_user (project_id, quarter, cluster) VALUES (%s, %s, 'ann')", [project.pk, day + HOUR]
            )
        assert [point.complete for point in series.series("dau", window, now=now)] == [False]
        assert [point.complete for point in series.series("calls", window, "1d", now=now)] == [True]


LATELY = datetime(2026, 1, 1, 10, 7, tzinfo=UTC)
"""When the waiting marks of these tests were made: long before the roller last ran."""


MIDNIGHT = floor(datetime.now(UTC), DAY) - 3 * DAY


@pytest.fixture(scope="module")
def called() -> Project:
    """A project whose only user called on each of a hundred days up to MIDNIGHT, all of them counted."""
    project = Project.objects.create(slug="called", name="Called", created_at=MIDNIGHT - 100 * DAY)
    days = range(1, 100)
    interactions(project, [{"at": MIDNIGHT - number * DAY, "feature": "a", "user_id": "ann"} for number in days])
    roller.roll(MIDNIGHT, only=[project.pk], everything=True)
    return project


@pytest.fixture
def waiting(called: Project) -> Iterator[Project]:
    """The same; its marks go after the test."""
    with project_scope(called.pk):
        yield called
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM dirty_user WHERE project_id = %s", [called.pk])


def mark(project: Project, at: datetime, cluster: str, count: int = 1) -> None:
    """Somebody's calls wait to be counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dirty_user (project_id, quarter, cluster, marked_at)"
            " SELECT %s, %s, %s, %s FROM generate_series(1, %s)",
            [project.pk, at, cluster, LATELY, count],
        )


@pytest.mark.parametrize(
    ("name", "ago", "waits"),
    [
        ("dau", 2, True),
        ("dau", 4, False),
        ("wau", 6, True),
        ("wau", 8, False),
        ("mau", 29, True),
        ("mau", 31, False),
        ("cost_per_mau", 2, True),
        ("cost_per_mau", 4, False),
        ("adoption_rate", 29, True),
        ("adoption_rate", 31, False),
        ("mau_share_change_8w", 29, True),
        ("mau_share_change_8w", 40, False),
        ("mau_share_change_8w", 84, True),
        ("mau_share_change_8w", 87, False),
        ("user_cost_p90", 2, True),
        ("user_cost_p90", 4, False),
        ("ticket_rate_ai_users", 2, True),
        ("ticket_rate_ai_users", 4, False),
        ("retention_30", 300, True),
        ("opt_out_rate", 1, False),
        ("calls", 1, False),
    ],
)
def test_a_number_is_as_old_as_the_users_it_is_about(waiting: Project, name: str, ago: int, waits: bool) -> None:
    mark(waiting, MIDNIGHT - ago * DAY, "ann")
    answer = series.read(name, Window(MIDNIGHT - 2 * DAY, MIDNIGHT), grain="1d", now=MIDNIGHT)
    assert answer.complete_to == (LATELY if waits else series.coverage(MIDNIGHT).complete_to)


@pytest.mark.parametrize(
    ("name", "ago", "complete"),
    [
        ("mau", 30, [False, False]),
        ("mau", 31, [False, True]),
        ("adoption_rate", 31, [False, True]),
        ("mau_share_change_8w", 87, [False, True]),
        ("dau", 1, [True, False]),
        ("opt_out_rate", 1, [True, True]),
    ],
)
def test_each_point_waits_for_its_own_users(waiting: Project, name: str, ago: int, complete: list[bool]) -> None:
    mark(waiting, MIDNIGHT - ago * DAY, "ann")
    points = series.series(name, Window(MIDNIGHT - 2 * DAY, MIDNIGHT), now=MIDNIGHT)
    assert [point.complete for point in points] == complete


def test_months_of_costs_wait_for_the_same_days_of_both(project: Project) -> None:
    this = floor(datetime.now(UTC), DAY).replace(day=1)
    before = (this - DAY).replace(day=1)
    window = Window(this, this + 3 * DAY)
    for at, waits in ((this + DAY, True), (before + DAY, True), (before + 9 * DAY, False)):
        with project_scope(project.pk):
            mark(project, at, "ann")
            answer = series.read("cost_per_mau_change", window, now=this + 3 * DAY)
            assert (answer.complete_to == LATELY) is waits
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM dirty_user WHERE project_id = %s", [project.pk])


def test_nobody_waits_behind_calls_without_a_name_and_many_marks_tell_their_quarter(
    waiting: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_rows, "MANY_MARKS", 5)

    def told() -> tuple[datetime, datetime, bool]:
        answer = series.read("dau", Window(MIDNIGHT - DAY, MIDNIGHT), now=MIDNIGHT)
        return answer.complete_to, series.Reader(MIDNIGHT).users_complete_to, answer.series[-1].complete

    mark(waiting, MIDNIGHT - HOUR, "", 9)
    assert told() == (MIDNIGHT, MIDNIGHT, True)
    mark(waiting, MIDNIGHT - HOUR, "ann", 5)
    assert told() == (LATELY, LATELY, False)
    mark(waiting, MIDNIGHT - HOUR, "bob")
    assert told() == (MIDNIGHT - HOUR, MIDNIGHT - HOUR, False)


def test_what_is_about_a_whole_month_has_no_series(project: Project) -> None:
    now = datetime.now(UTC)
    with project_scope(project.pk):
        answer = series.read("user_cost_p90", Window(now - 30 * DAY, now), now=now)
    assert answer.series == ()
