"""What was stored before texts were read: an upgrade has it read in portions, from the oldest on, and loses nothing newer."""

import importlib
from datetime import timedelta

from django.db import connection, transaction

from ingest import records, timeline
from ingest.digest import past, reader, search, texts, unread
from ingest.dimensions import Flag
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from tests.ingest.record import one, rows, take

NOW = timeline.now()
DAY = timedelta(days=1)
SAME = "The very same answer as ever, whatever anybody asked."


def at(days):
    return (NOW - days * DAY).isoformat()


def send(project, *items):
    answer = take(project, records.INTERACTIONS, [{"feature": "chat", **item} for item in items], NOW)
    assert answer.invalid == answer.conflicts == 0


def as_upgraded(project, until=NOW):
    """As migration 0008 leaves a project whose interactions nobody ever enqueued."""
    with connection.cursor() as cursor:
        for table in ("unread", "search", "uncopied"):
            cursor.execute(f"DELETE FROM {table} WHERE project_id = %s", [project.id])
        cursor.execute("INSERT INTO unread_past (project_id, until) VALUES (%s, %s)", [project.id, until])


def read(project, **options):
    return reader.read(timeline.now(), only=[project.id], **{"everything": True, **options})


def found(project, words):
    with project_scope(project.id):
        return [id for _, id in search.find(search.Sought(texts.query(words), timeline.now()), 50)]


def test_the_past_is_read_and_found(project):
    old = [{"id": f"{n}", "output": f"needle number {n}", "occurred_at": at(n), "model": "gpt-4o"} for n in range(1, 8)]
    send(project, *old)
    as_upgraded(project)
    assert found(project, "needle") == []
    assert read(project).read == 7
    assert found(project, "needle") == ["1", "2", "3", "4", "5", "6", "7"]
    assert all(row["flags"] & Flag.OUTPUT_TOKENS_ESTIMATED for row in rows(project, "interaction"))
    assert rows(project, "unread_past") == rows(project, "unread") == []


def test_portions_go_from_the_oldest_on_and_what_is_new_goes_first(project):
    send(project, *({"id": f"{n}", "occurred_at": at(n)} for n in range(1, 6)), {"id": "0", "occurred_at": at(1)})
    as_upgraded(project)
    with project_scope(project.id):
        assert [id for _, id in unread.claim(NOW, 2)] == ["5", "4"]
    send(project, {"id": "new", "occurred_at": at(0)})
    with project_scope(project.id):
        assert [id for _, id in unread.claim(NOW, 2)] == ["new"]
        assert [id for _, id in unread.claim(NOW, 2)] == ["3", "2"]
        assert [id for _, id in unread.claim(NOW, 2)] == ["0", "1"], "of one instant by their ids"
        assert unread.claim(NOW, 2) == []
    assert rows(project, "unread_past") == []


def test_a_kill_costs_one_portion(project):
    send(project, {"id": "a", "occurred_at": at(2)}, {"id": "b", "occurred_at": at(1)})
    as_upgraded(project)
    with project_scope(project.id):
        assert [id for _, id in past.claim(1)] == ["a"]
        transaction.set_rollback(True)
    with project_scope(project.id):
        assert [id for _, id in past.claim(1)] == ["a"]
        assert [id for _, id in past.claim(1)] == ["b"]


def test_of_the_past_the_fifth_equal_output_is_a_repeat_also_across_portions(project, monkeypatch):
    monkeypatch.setattr(reader, "BATCH", 2)
    hours = timedelta(hours=1)
    send(project, *({"id": f"{n}", "output": SAME, "occurred_at": (NOW - n * hours).isoformat()} for n in range(1, 7)))
    as_upgraded(project)
    read(project)
    assert {row["id"] for row in rows(project, "interaction") if row["flags"] & Flag.REPEAT} == {"1", "2"}


def test_where_texts_have_gone_nothing_is_read(make_project):
    project = make_project(text_horizon=NOW - 3 * DAY)
    send(project, *({"id": f"{n}", "occurred_at": at(n), "output": "needle"} for n in (1, 2, 4, 5)))
    as_upgraded(project)
    assert read(project).read == 2
    assert found(project, "needle") == ["1", "2"]


def test_what_has_come_since_is_none_of_it(project):
    send(project, {"id": "old", "occurred_at": at(2)}, {"id": "since", "occurred_at": at(1)})
    as_upgraded(project, until=NOW - 1.5 * DAY)
    with project_scope(project.id):
        assert [id for _, id in past.claim(10)] == ["old"]


def test_everybody_is_told_how_far_the_past_is_read(project):
    send(project, {"id": "a", "occurred_at": at(9)}, {"id": "b", "occurred_at": at(5)})
    as_upgraded(project)
    with project_scope(project.id):
        assert unread.complete_to(NOW) == NOW - 9 * DAY
        assert unread.debt() == unread.Debt(0, None, NOW - 9 * DAY)
    assert project.id in unread.waiting(NOW)
    assert unread.waiting(NOW, [project.id]) == [project.id]
    with project_scope(project.id):
        past.claim(1)
        assert unread.complete_to(NOW) == NOW - 9 * DAY, "until the next portion begins, the last read one is named"
        past.claim(1)
        past.claim(1)
        assert unread.complete_to(NOW) == NOW
    assert unread.waiting(NOW, [project.id]) == []


def test_what_cannot_be_read_is_given_up_and_the_rest_goes_on(project, monkeypatch):
    send(project, *({"id": f"{n}", "occurred_at": at(n), "output": "needle"} for n in (1, 2, 3)))
    as_upgraded(project)
    plain = reader.find

    def failing(one, *asked, **options):
        if one.id == "3":
            raise ValueError
        return plain(one, *asked, **options)

    monkeypatch.setattr(reader, "find", failing)
    report = read(project)
    assert (report.read, report.failed) == (3, 1)
    assert found(project, "needle") == ["1", "2"]


def test_the_migration_leaves_one_row_for_each_project_that_is_older_than_the_reader(make_project):
    migration = importlib.import_module("ingest.migrations.0008_past_texts")
    with connection.cursor() as cursor:
        cursor.execute("SELECT applied FROM django_migrations WHERE app = 'ingest' AND name = '0005_texts'")
        (applied,) = cursor.fetchone()
    old = make_project(created_at=applied - DAY)
    young = make_project(created_at=applied + timedelta(seconds=1))
    with transaction.atomic():
        for _ in range(2):
            with connection.cursor() as cursor:
                cursor.execute(migration.FILL)
        row = one(old, "unread_past")
        assert (row["reached"].year, row["reached_id"]) == (1970, "")
        assert row["until"] == applied + timedelta(minutes=5)
        assert rows(young, "unread_past") == []
        transaction.set_rollback(True)
    assert Project.objects.filter(pk=old.pk).exists()
    assert rows(old, "unread_past") == []
