"""What waits in vain costs next to nothing, is counted, and is given up after thirty days."""

import time
from datetime import timedelta

import pytest
from django.db import connection

from ingest import binding, records, timeline
from ingest.binding import Orphans, patience
from ingest.dimensions import RecordKind
from ingest.projects.scope import project_scope
from tests.ingest.record import rows, take

NOW = timeline.now()
UP = {"kind": "thumb", "value": "up"}


def bind(project, now):
    with project_scope(project.id):
        return binding.bind(now)


def wait_in_vain(project, count, received_at, is_loose=False):
    """Orphans straight into their table, with their feedback where they are loose."""
    with connection.cursor() as cursor:
        if is_loose:
            cursor.execute(
                "INSERT INTO feedback (project_id, occurred_at, received_at, kind, id, trace_id)"
                " SELECT %s, %s, %s, 1, 'f' || n, 'never-' || n FROM generate_series(1, %s) n",
                [project.id, NOW, received_at, count],
            )
        cursor.execute(
            "INSERT INTO orphan (project_id, interaction_key, record_kind, occurred_at, id, received_at, is_loose)"
            " SELECT %s, sha256(n::text::bytea), %s, %s, 'f' || n, %s, %s FROM generate_series(1, %s) n",
            [project.id, int(RecordKind.FEEDBACK), NOW, received_at, is_loose, count],
        )


@pytest.mark.parametrize("is_loose", [False, True])
def test_thousands_that_wait_for_nothing_hold_nobody_up(project, is_loose):
    count = 2_000 if is_loose else 8_000
    wait_in_vain(project, count, NOW - timedelta(hours=2), is_loose)
    while bind(project, NOW).left:
        pass
    take(project, records.INTERACTIONS, {"id": "call", "feature": "write", "trace_id": "t"})
    take(project, records.FEEDBACK, {**UP, "interaction_id": "later"})
    take(project, records.FEEDBACK, {**UP, "trace_id": "t"})
    take(project, records.INTERACTIONS, {"id": "later", "feature": "write"})
    started = time.process_time()
    done = bind(project, NOW + timedelta(seconds=3))
    assert (done.bound, done.left) == (2, False)
    assert time.process_time() - started < 0.1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orphan WHERE project_id = %s AND next_at <= %s", [project.id, NOW])
        assert cursor.fetchone() == (0,), "nobody is looked at before their turn"
        cursor.execute(f"EXPLAIN {binding.DUE}", {"project": project.id, "now": NOW, "limit": 1_000})
        assert "orphan_next" in str(cursor.fetchall()), "and nobody is passed over one by one"


@pytest.mark.parametrize(
    ("waited", "wait"),
    [
        (timedelta(seconds=-5), timedelta(seconds=3)),
        (timedelta(), timedelta(seconds=3)),
        (timedelta(minutes=1), timedelta(seconds=15)),
        (timedelta(hours=1), timedelta(minutes=15)),
        (timedelta(days=20), timedelta(minutes=15)),
    ],
)
def test_the_longer_something_waits_the_more_seldom_it_is_looked_at(waited, wait):
    assert patience(waited) == wait


def test_whoever_does_all_that_can_be_done_does_not_wait_for_turns(project):
    take(project, records.FEEDBACK, {**UP, "interaction_id": "call"}, NOW - timedelta(days=3))
    bind(project, NOW)
    take(project, records.INTERACTIONS, {"id": "call", "feature": "write"})
    assert bind(project, NOW).bound == 0
    with project_scope(project.id):
        binding.wake()
    assert bind(project, NOW).bound == 1


def test_what_was_looked_at_in_vain_is_looked_at_again_when_its_turn_comes(project):
    take(project, records.FEEDBACK, {**UP, "interaction_id": "call"}, NOW - timedelta(days=3))
    bind(project, NOW)
    take(project, records.INTERACTIONS, {"id": "call", "feature": "write"})
    turn = NOW + patience(timedelta(days=3))
    assert [bind(project, now).bound for now in (turn - timedelta(seconds=1), turn)] == [0, 1]


def test_after_thirty_days_it_is_given_up_and_the_history_stays(project, make_project):
    other = make_project()
    wait_in_vain(other, 1, NOW - timedelta(days=31))
    for days, id in ((31, "old"), (29, "young")):
        at = (NOW - timedelta(days=days)).isoformat()
        take(
            project,
            records.FEEDBACK,
            {**UP, "id": id, "interaction_id": id, "occurred_at": at},
            NOW - timedelta(days=days),
        )
    take(project, records.COSTS, {"component": "other", "amount_usd": 1, "interaction_id": "old"}, NOW)
    with project_scope(project.id):
        assert binding.prune(NOW, limit=1) == 1
        assert binding.prune(NOW) == 0
        binding.wake()
        assert binding.orphans(NOW) == {RecordKind.FEEDBACK: Orphans(1, 1), RecordKind.COST: Orphans(1, 0)}
        take(project, records.INTERACTIONS, {"id": "old", "feature": "write"}, NOW)
        assert binding.bind(NOW + timedelta(hours=1)).bound == 1, "the cost alone: the thumb was given up"
    assert {row["interaction_at"] for row in rows(project, "feedback", "interaction_at")} == {None}
    with project_scope(other.id):
        assert binding.orphans(NOW)[RecordKind.FEEDBACK] == Orphans(1, 0)


def test_what_was_given_up_is_counted_for_another_thirty_days_and_then_forgotten(project):
    wait_in_vain(project, 3, NOW - timedelta(days=31))
    counted = []
    for day in (0, 29, 31):
        with project_scope(project.id):
            while binding.prune(NOW + timedelta(days=day), limit=2):
                pass
            counted.append(binding.orphans(NOW + timedelta(days=day))[RecordKind.FEEDBACK])
    assert counted == [Orphans(0, 3), Orphans(0, 3), Orphans(0, 0)]
    assert rows(project, "orphan") == []
