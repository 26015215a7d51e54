"""Sets of users: packed and unpacked whole, numbers that come and go with users, and answers while months wait."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, local_day
from observatory.metrics import presence, retention, user_bits, user_months, user_sets, user_source, users
from observatory.metrics.user_months import UserMonth
from tests.observatory.metrics.crowd import NOW, generate, roll

TODAY = local_day(NOW, "UTC")
USERS = st.sets(st.integers(0, 3 * user_bits.PART))


def parts_of(numbers: set[int]) -> dict[int, bytes]:
    by_part: dict[int, list[int]] = {}
    for number in numbers:
        by_part.setdefault(number // user_bits.PART, []).append(number % user_bits.PART)
    return {part: user_bits.changed(b"", places, []) for part, places in by_part.items()}


@given(USERS)
def test_a_set_comes_back_from_its_parts(numbers):
    assert user_bits.joined(parts_of(numbers)) == user_bits.set_of(numbers) == sum(1 << number for number in numbers)


@given(st.sets(st.integers(0, user_bits.PART - 1)), st.sets(st.integers(0, user_bits.PART - 1)))
def test_who_comes_is_added_and_who_goes_is_taken_out(there, others):
    data = user_bits.changed(b"", there, [])
    both = user_bits.changed(data, others, [])
    assert user_bits.joined({0: both} if both else {}) == user_bits.set_of(there | others)
    left = user_bits.changed(both, [], others)
    assert user_bits.joined({0: left} if left else {}) == user_bits.set_of(there - others)
    assert (left == b"") == (not there - others)


def rows(project: Project, query: str) -> list[Any]:
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(query, [project.pk])
        return list(cursor.fetchall())


def numbers_of(project: Project) -> dict[str, int]:
    return dict(rows(project, "SELECT cluster, number FROM user_number WHERE project_id = %s"))


def forget(project: Project, clusters: Sequence[str]) -> None:
    """Delete somebody's days and add their months up anew, as an erasure does."""
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM user_day WHERE project_id = %s AND cluster = ANY(%s)", [project.pk, list(clusters)])
        pairs: list[UserMonth] = [pair for cluster in clusters for pair in user_months.named(cluster)]
        user_months.replace(pairs)


def test_who_has_no_days_left_has_no_number_and_is_in_no_set(project: Project) -> None:
    generate(14, Window(NOW - 40 * DAY, NOW), 12, "UTC").send(project)
    roll(project)
    before = numbers_of(project)
    assert set(before.values()) == set(range(len(before)))
    gone = [cluster for cluster in before if cluster.startswith("user")][:3]
    forget(project, gone)
    assert numbers_of(project) == {cluster: number for cluster, number in before.items() if cluster not in gone}
    left = user_bits.set_of(before[cluster] for cluster in gone)
    for (data,) in rows(project, "SELECT users FROM user_set WHERE project_id = %s"):
        assert user_bits.joined({0: bytes(data)}) & left == 0
    forget(project, list(before))
    assert rows(project, "SELECT day FROM user_set WHERE project_id = %s") == []
    assert numbers_of(project) == {}


def answers(project: Project) -> list[Any]:
    spans: list[tuple[date, date]] = [(TODAY - 29 * DAY, TODAY), (TODAY, TODAY), (TODAY - 35 * DAY, TODAY - 3 * DAY)]
    periods = [(TODAY - back * DAY, TODAY - (back - 6) * DAY) for back in (34, 27, 20, 13, 6)]
    with project_scope(project.pk):
        return [
            [found.users for found in users.distinct(spans, None)],
            retention.activated(TODAY, 5, None, "UTC"),
            retention.cohorts(periods, None, "UTC").cohorts,
        ]


@pytest.mark.parametrize("most", [10_000, 0])
def test_answers_are_the_same_whether_months_are_merged_wait_or_are_read_from_days(
    project: Project, monkeypatch: Any, most: int
) -> None:
    crowd = generate(15, Window(NOW - 40 * DAY, NOW), 25, "UTC")
    half = {row["id"] for row in crowd.interactions[::2]}
    crowd.send(project, only=half)
    roll(project)
    with monkeypatch.context() as patch:
        patch.setattr(user_months, "merge_due", lambda **_: False)
        crowd.send(project, only={row["id"] for row in crowd.interactions} - half)
        crowd.send_events(project)
        roll(project)
        patch.setattr(user_source, "MERGED_AT_READ", most)
        with project_scope(project.pk):
            assert (presence.read([(TODAY, TODAY)], None) is None) == (most == 0)
        waiting = answers(project)
        (counts, _, _) = waiting
        assert counts[0] == crowd.calls(TODAY - 29 * DAY, TODAY).user_id.nunique()
    roll(project)
    assert rows(project, "SELECT count(*) FROM unmerged_user WHERE project_id = %s") == [(0,)]
    assert answers(project) == waiting


def test_parts_are_written_in_portions(project: Project, monkeypatch: Any) -> None:
    monkeypatch.setattr(user_sets, "SETS_AT_ONCE", 3)
    monkeypatch.setattr(user_bits, "PART", 16)
    monkeypatch.setattr(user_bits, "_BYTES", 2)
    crowd = generate(16, Window(NOW - 20 * DAY, NOW), 40, "UTC")
    crowd.send(project)
    roll(project)
    spans = [(TODAY - length * DAY, TODAY) for length in (0, 6, 18)]
    with project_scope(project.pk):
        found = [one.users for one in users.distinct(spans, None)]
    assert found == [crowd.calls(*span).user_id.nunique() for span in spans]
    assert len(rows(project, "SELECT DISTINCT part FROM user_set WHERE project_id = %s")) > 1
