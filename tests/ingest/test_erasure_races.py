"""Erasures and whoever comes in between: other processes, other users, the same user again."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from ingest import records, timeline
from ingest.erasure import receipts, record, registry, run, tombstones
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from observatory.metrics import roller
from tests import factories
from tests.ingest.erased import erase
from tests.ingest.record import rows, statuses, take

USER = "canary"
LONG_S = 20


@pytest.fixture
def aside():
    """Do something in a thread of its own; what it gave, or raised, is in the list."""
    threads = []

    def start(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
        found: list[Any] = []

        def alone() -> None:
            try:
                found.append(work())
            except Exception as error:
                found.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=alone)
        threads.append(thread)
        thread.start()
        return thread, found

    yield start
    for thread in threads:
        thread.join(LONG_S)


def instead_of(step: str, work: Callable[[registry.Subject, str], registry.Done]) -> registry.Step:
    return registry.Step(step, work, registry._steps[step].columns)


def test_what_came_in_before_the_erasure_is_refused_whatever_time_it_tells(project, monkeypatch):
    monkeypatch.setattr(tombstones, "KEPT_SECONDS", 0.0)
    now = timeline.now()
    erase(project, USER, now=now)
    item = {"feature": "a", "user_id": USER, "occurred_at": (now + timedelta(seconds=2)).isoformat()}
    assert statuses(take(project, records.INTERACTIONS, item, now - timedelta(seconds=1))) == ["invalid"]
    assert statuses(take(project, records.INTERACTIONS, item, now + timedelta(seconds=3))) == ["created"]


def test_who_is_erased_twice_is_refused_up_to_the_second_time_by_who_knew_the_first(project, monkeypatch):
    now = timeline.now()
    item = {"feature": "a", "user_id": USER, "occurred_at": (now - timedelta(hours=1)).isoformat()}
    monkeypatch.setattr(tombstones, "KEPT_SECONDS", 0.0)
    erase(project, USER, now=now - timedelta(hours=2))
    erase(project, "another", now=now - timedelta(hours=2))
    assert statuses(take(project, records.INTERACTIONS, {**item, "id": "1"})) == ["created"]
    erase(project, USER, now=now)
    assert statuses(take(project, records.INTERACTIONS, {**item, "id": "2"})) == ["invalid"]
    assert rows(project, "interaction", "id") == []


def test_what_another_user_said_on_a_trace_of_the_erased_one_stays_theirs(project):
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": USER, "trace_id": "t", "session_id": "s"})
    said = [
        {"kind": "ticket", "category": "bug", name: value, "id": f"{name}-{user}", "user_id": user}
        for name, value in (("trace_id", "t"), ("session_id", "s"))
        for user in (None, "neighbour")
    ]
    take(project, records.FEEDBACK, said)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("UPDATE feedback SET interaction_id = NULL WHERE project_id = %s", [project.pk])
    erase(project, USER)
    assert [row["id"] for row in rows(project, "feedback", "id")] == ["session_id-neighbour", "trace_id-neighbour"]


def test_what_came_in_while_the_steps_were_done_makes_them_be_done_again(project, monkeypatch):
    now = timeline.now()
    call = {"feature": "a", "user_id": USER, "at": now - timedelta(minutes=5)}
    factories.interactions(project, [{**call, "id": "early"}])
    coming = ["straggler"]

    def with_a_straggler(subject: registry.Subject, place: str) -> registry.Done:
        if coming:
            factories.interactions(project, [{**call, "id": coming.pop()}])
        return record.hanging(subject, place)

    monkeypatch.setitem(registry._steps, "hanging", instead_of("hanging", with_a_straggler))
    assert erase(project, USER, now=now).counts["interactions"] == 2
    assert rows(project, "interaction", "id") == []


def test_of_two_who_work_at_one_erasure_one_leaves_each_unit_to_the_other(project, monkeypatch, aside):
    now = timeline.now()
    take(project, records.INTERACTIONS, [{"feature": "a", "user_id": USER} for _ in range(3)], now)
    asked = receipts.request(project.id, USER, by="test", now=now + timedelta(seconds=1))
    while receipts.receipt(project.id, asked.number).step != "interactions":
        run.run(asked.due_at, only=[project.id], budget_s=0)
    deleted, may_end = threading.Event(), threading.Event()

    def slowly(subject: registry.Subject, place: str) -> registry.Done:
        done = record.interactions(subject, place)
        if not deleted.is_set():
            deleted.set()
            may_end.wait(LONG_S)
        return done

    monkeypatch.setitem(registry._steps, "interactions", instead_of("interactions", slowly))
    aside(lambda: run.run(asked.due_at, only=[project.id], budget_s=0))
    assert deleted.wait(LONG_S)
    other, found = aside(lambda: run.run(asked.due_at, only=[project.id], budget_s=0))
    other.join(2)
    was_alive = other.is_alive()
    may_end.set()
    assert not was_alive
    assert found == [run.ErasureReport()]
    while receipts.receipt(project.id, asked.number).state != "done":
        run.run(asked.due_at, only=[project.id], budget_s=None)
    assert receipts.receipt(project.id, asked.number).counts == {"interactions": 3, "texts": 3, "keys": 3}


def test_two_who_ask_for_one_erasure_at_once_get_one_receipt(project, aside):
    has_looked, may_go_on = threading.Event(), threading.Event()

    def ask() -> receipts.Erasure:
        return receipts.request(project.id, USER, by="test", now=timeline.now())

    def before_writing(execute: Any, sql: str, *of: Any) -> Any:
        if "INSERT INTO erased_user" in sql:
            has_looked.set()
            may_go_on.wait(LONG_S)
        return execute(sql, *of)

    def ask_slowly() -> receipts.Erasure:
        with connection.execute_wrapper(before_writing):
            return ask()

    first, found = aside(ask_slowly)
    assert has_looked.wait(LONG_S)
    second, found_too = aside(ask)
    second.join(0.5)
    may_go_on.set()
    for thread in (first, second):
        thread.join(LONG_S)
    assert [each.number for each in (*found, *found_too)] == [1, 1]
    assert found == found_too
    assert len(rows(project, "erasure", "number")) == len(rows(project, "erased_user", "number")) == 1


def test_a_session_called_like_another_user_takes_nothing_of_that_user_with_it(project):
    """Their rows from before the raw horizon could not be counted again."""
    now = timeline.now()
    factories.interactions(project, [{"at": now - timedelta(days=30), "feature": "a", "user_id": "neighbour"}])
    roller.roll(now, only={project.id}, everything=True)
    Project.objects.filter(pk=project.pk).update(raw_horizon=now - timedelta(days=20))
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM interaction WHERE project_id = %s", [project.pk])
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": USER, "session_id": "neighbour"}, now)
    erase(project, USER, now=now + timedelta(seconds=1))
    assert [(row["cluster"], row["is_user"]) for row in rows(project, "user_day", "cluster, is_user")] == [
        ("neighbour", True)
    ]
