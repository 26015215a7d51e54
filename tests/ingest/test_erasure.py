"""Erasing a user: nothing that names them is left anywhere, nothing of theirs from before comes in again."""

import itertools
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from ingest import records, timeline
from ingest.dimensions import FeedbackKind
from ingest.erasure import receipts, record, registry, run, settling, tombstones
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from observatory.metrics import roller, verify
from tests import factories
from tests.ingest.erased import count_all, erase, everything_of, mentions
from tests.ingest.record import one, rows, statuses, take

NAMES_OF_USERS = r"(^|_)(user|cluster|session|person|customer|visitor|author)(_|$)"
# People who sign in to the product are no users of somebody's app; `late` keeps ids of items and nothing else.
OF_PEOPLE_WHO_SIGN_IN = ("auth_", "django_")


@pytest.fixture
def canary():
    return f"canary{secrets.token_hex(6)}"


def send_all(project: Any, items: dict[str, list[dict[str, Any]]]) -> None:
    for way in records.BATCH:
        name = {"interaction": "interactions", "cost": "costs", "user": "users"}.get(
            way.kind.record.name.lower(), "feedback"
        )
        of_way = items.pop(name, None)
        if of_way:
            answer = take(project, way, of_way)
            assert answer.created == len(of_way), answer


def roll(project: Any) -> None:
    roller.roll(timeline.now(), only={project.id}, everything=True)


def differences(project: Any) -> list[Any]:
    fresh = Project.objects.get(pk=project.pk)
    return [found for day in verify.days_of(fresh, timeline.now()) for found in verify.verify(fresh, day).differences]


def columns_of_users() -> set[str]:
    """Every text column of the database that is called like something that could name a user."""
    query = """
        SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c
        JOIN pg_class t ON t.oid = to_regclass(format('%%I.%%I', c.table_schema, c.table_name))
        WHERE c.table_schema = 'public' AND t.relkind IN ('r', 'p') AND c.column_name ~ %s
          AND c.data_type IN ('text', 'character varying', 'bytea', 'jsonb', 'ARRAY')
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [NAMES_OF_USERS])
        return {name for (name,) in cursor.fetchall() if not name.startswith(OF_PEOPLE_WHO_SIGN_IN)}


def unknown_to_erasure(columns: set[str]) -> set[str]:
    return columns - {column for step in registry.steps() for column in step.columns}


def test_a_user_who_came_through_every_door_is_found_in_no_table_after_the_erasure(project, canary):
    now = timeline.now()
    send_all(project, everything_of("neighbour", now))
    roll(project)
    before = count_all(project)
    send_all(project, everything_of(canary, now))
    roll(project)
    named = mentions(canary)
    assert {"interaction", "payload", "feedback", "verdict", "cost", "user_event", "user_day", "unread"} <= set(named)
    receipt = erase(project, canary)
    assert mentions(canary) == {}
    expected = {"interactions": 5, "texts": 5, "feedback": 12, "costs": 2, "user_events": 3}
    assert {name: receipt.counts[name] for name in expected} == expected
    assert receipt.user_id is None
    roll(project)
    assert differences(project) == []
    left = count_all(project)
    grown = {"erased_user", "erasure", "dimension_value", "feature", "sheet", "unmerged", "unread"}
    assert {name for name in left if left[name] != before.get(name, 0)} <= grown
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT sum(calls) FROM user_day WHERE project_id = %s", [project.pk])
        assert cursor.fetchone() == (5,)


def test_no_column_that_could_name_a_user_is_unknown_to_erasure():
    assert len(columns_of_users()) >= 8
    assert unknown_to_erasure(columns_of_users()) == set()


def test_a_new_table_with_a_user_would_be_noticed():
    assert unknown_to_erasure({*columns_of_users(), "user_year.cluster"}) == {"user_year.cluster"}


def test_every_kind_that_can_name_a_user_is_among_the_doors_of_this_test():
    able = {way.kind.record.name for way in records.BATCH if '"user_id"' in repr_of_fields(way)}
    assert able == {"INTERACTION", "FEEDBACK", "USER"}


def repr_of_fields(way: Any) -> str:
    types = getattr(way.kind.types, "__args__", (way.kind.types,))
    return " ".join(f'"{name}"' for each in types for name in each.__struct_fields__)


def test_what_is_from_before_the_erasure_is_refused_item_by_item_and_what_is_later_is_taken(
    project, canary, monkeypatch
):
    monkeypatch.setattr(tombstones, "KEPT_SECONDS", 0.0)
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": canary, "id": "1"})
    now = timeline.now()
    erase(project, canary, now=now)
    old, new = (now - timedelta(minutes=1)).isoformat(), (now + timedelta(seconds=1)).isoformat()
    items = [
        {"feature": "a", "user_id": canary, "id": "1", "occurred_at": old},
        {"feature": "a", "user_id": "another", "occurred_at": old},
        {"feature": "a", "user_id": canary, "occurred_at": new},
        {"feature": "a", "user_id": canary},
        {"feature": "a", "occurred_at": old},
    ]
    answer = take(project, records.INTERACTIONS, items)
    assert statuses(answer) == ["invalid", "created", "created", "created", "created"]
    assert answer.results[0].error.path == "$.user_id"
    assert "this user was erased" in answer.results[0].error.expected
    feedback = [{"kind": "nps", "value": 1, "user_id": canary, "occurred_at": at} for at in (old, new)]
    assert statuses(take(project, records.FEEDBACK, feedback)) == ["invalid", "created"]
    events = [{"event": "seen", "user_id": canary, "occurred_at": at} for at in (old, new)]
    assert statuses(take(project, records.USERS, events)) == ["invalid", "created"]
    mixed = [{"type": "interaction", **items[0]}, {"type": "feedback", **feedback[0]}, {"type": "user", **events[0]}]
    assert statuses(take(project, records.BATCH, mixed)) == ["invalid"] * 3


def test_a_project_without_tombstones_asks_for_them_once_in_a_while_only(project, monkeypatch):
    asked = []
    monkeypatch.setattr(tombstones, "_learn", lambda project_id, known: asked.append(project_id))
    for _ in range(3):
        take(project, records.INTERACTIONS, {"feature": "a", "user_id": "u"})
    assert asked == [project.id]


def test_tombstones_of_two_projects_differ_and_hold_no_id(project, make_project, canary):
    other = make_project()
    assert tombstones.tombstone(project.id, canary) != tombstones.tombstone(other.id, canary)
    erase(project, canary)
    assert (
        statuses(
            take(
                other, records.INTERACTIONS, {"feature": "a", "user_id": canary, "occurred_at": "2026-11-01T00:00:00Z"}
            )
        )
        != []
    )
    assert len(one(project, "erased_user", "tombstone")["tombstone"]) == 16


def test_anonymous_calls_go_with_a_session_that_was_the_users_alone_and_stay_in_a_shared_one(project, canary):
    calls = [
        {"feature": "a", "user_id": canary, "session_id": "own"},
        {"feature": "a", "session_id": "own", "id": "before sign-in"},
        {"feature": "a", "user_id": canary, "session_id": "kiosk"},
        {"feature": "a", "user_id": "neighbour", "session_id": "kiosk"},
        {"feature": "a", "session_id": "kiosk", "id": "somebody"},
    ]
    take(project, records.INTERACTIONS, calls)
    roll(project)
    assert erase(project, canary).counts["interactions"] == 3
    left = rows(project, "interaction", "user_id, session_id")
    assert {(row["user_id"], row["session_id"]) for row in left} == {("neighbour", "kiosk"), (None, "kiosk")}
    assert {row["cluster"] for row in rows(project, "user_day", "cluster")} == {"neighbour", "kiosk"}


def test_where_the_user_had_the_last_word_about_anothers_interaction_the_word_before_counts_again(project, canary):
    now = timeline.now()
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": "neighbour", "id": "call"})
    thumb = {"kind": "thumb", "interaction_id": "call"}
    said = [
        {**thumb, "value": "up", "user_id": "neighbour", "id": "first", "occurred_at": (now - timedelta(minutes=2)).isoformat()},
        {**thumb, "value": "down", "user_id": canary, "id": "second", "occurred_at": (now - timedelta(minutes=1)).isoformat()},
    ]  # fmt: skip
    take(project, records.FEEDBACK, said)
    roll(project)
    assert one(project, "verdict", "feedback_id, value")["value"] == 0
    erase(project, canary)
    roll(project)
    assert one(project, "verdict", "feedback_id, value") == {"feedback_id": "first", "value": 1}
    assert [row["id"] for row in rows(project, "feedback", "id")] == ["first"]
    assert differences(project) == []


def test_a_user_who_has_come_back_keeps_what_is_new_and_it_is_counted_again(project, canary):
    now = timeline.now()
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": canary, "id": "old"}, now - timedelta(seconds=30))
    asked = receipts.request(project.id, canary, by="test", now=now)
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": canary, "id": "new"}, now + timedelta(seconds=1))
    roll(project)
    run.run(asked.due_at, only=[project.id], budget_s=None)
    roll(project)
    assert [row["id"] for row in rows(project, "interaction", "id")] == ["new"]
    assert one(project, "user_day", "calls, cluster") == {"calls": 1, "cluster": canary}
    assert differences(project) == []


def test_before_the_raw_horizon_the_users_rows_go_and_anonymous_sums_stay(project, canary):
    now = timeline.now()
    old = now - timedelta(days=30)
    factories.interactions(project, [{"at": old, "feature": "a", "user_id": user} for user in (canary, "neighbour")])
    roll(project)
    sums = rows(project, "sheet", "level, bucket, counters", "level = 4 AND facts = 1")
    horizon = now - timedelta(days=20)
    Project.objects.filter(pk=project.pk).update(raw_horizon=horizon)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM interaction WHERE project_id = %s", [project.pk])
    receipt = erase(project, canary)
    roll(project)
    assert receipt.counts == {"user_days": 1}
    assert receipt.as_json()["anonymous_sums_kept_before"] == horizon.isoformat().replace("+00:00", "Z")
    assert [row["cluster"] for row in rows(project, "user_day", "cluster")] == ["neighbour"]
    assert rows(project, "sheet", "level, bucket, counters", "level = 4 AND facts = 1") == sums


def test_an_erasure_that_is_killed_again_and_again_ends_with_true_counts(project, canary, monkeypatch):
    monkeypatch.setattr(record, "ROWS", 2)
    now = timeline.now()
    send_all(project, everything_of(canary, now))
    roll(project)
    asked = receipts.request(project.id, canary, by="test", now=now)
    save, units = receipts.save, Counter()

    def dies_each_second_time(*of_unit: Any) -> None:
        units["all"] += 1
        save(*of_unit)
        if units["all"] % 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(receipts, "save", dies_each_second_time)
    while receipts.receipt(project.id, asked.number).state != "done":
        try:
            run.run(asked.due_at, only=[project.id], budget_s=0)
        except KeyboardInterrupt:
            connection.close()
    assert units["all"] > 20
    found = receipts.receipt(project.id, asked.number).counts
    assert (found["interactions"], found["texts"], found["feedback"], found["user_events"]) == (5, 5, 12, 3)
    assert mentions(canary) == {}


def test_nothing_is_deleted_before_every_web_process_knows_the_tombstone(project, canary):
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": canary})
    asked = receipts.request(project.id, canary, by="test", now=timeline.now())
    assert run.run(asked.due_at - timedelta(seconds=1), only=[project.id]).erased == 0
    assert receipts.receipt(project.id, asked.number).state == "waiting"
    assert (asked.due_at - asked.requested_at).total_seconds() > tombstones.KEPT_SECONDS + 5


def test_asking_again_while_it_runs_is_the_same_erasure_and_later_another(project, canary):
    first, second = (receipts.request(project.id, canary, by="test", now=timeline.now()) for _ in range(2))
    assert first == second
    run.run(first.due_at, only=[project.id], budget_s=None)
    third = erase(project, canary)
    assert [each.number for each in receipts.receipts(project.id, canary)] == [third.number, first.number]


def test_one_erasure_that_fails_leaves_the_others_alone(project, make_project, canary, monkeypatch):
    broken = make_project()
    for each in (broken, project):
        take(each, records.INTERACTIONS, {"feature": "a", "user_id": canary})
    due = [receipts.request(each.id, canary, by="test", now=timeline.now()) for each in (broken, project)]
    step = next(step for step in registry.steps() if step.name == "hanging")

    def fails(subject: registry.Subject, place: str) -> registry.Done:
        if subject.project_id == broken.id:
            raise ValueError("poison")
        return record.hanging(subject, place)

    monkeypatch.setitem(registry._steps, "hanging", registry.Step("hanging", fails, step.columns))
    report = run.run(due[-1].due_at, only=[broken.id, project.id], budget_s=None)
    assert (report.failed, report.finished) == (1, 1)
    assert receipts.receipt(broken.id, due[0].number).step == "hanging"


def test_an_id_that_had_to_be_repaired_is_found_by_what_was_sent(project):
    from ingest.text import repair_id

    take(project, records.INTERACTIONS, b'{"feature":"a","user_id":"nul\\u0000"}')
    assert erase(project, repair_id("nul\x00")).counts["interactions"] == 1


def test_thumbs_are_uncounted_where_raw_reaches(project, canary):
    take(
        project, records.INTERACTIONS, [{"feature": "a", "user_id": user, "id": user} for user in (canary, "neighbour")]
    )
    take(
        project,
        records.FEEDBACK,
        [{"kind": "thumb", "value": "up", "interaction_id": user} for user in (canary, "neighbour")],
    )
    roll(project)
    erase(project, canary)
    roll(project)
    assert rows(project, "verdict", "kind, cluster") == [{"kind": FeedbackKind.THUMB, "cluster": "neighbour"}]
    assert differences(project) == []


def test_every_transaction_that_is_open_ends_before_anything_is_deleted(project, canary, installation):
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": canary})
    asked = receipts.request(project.id, canary, by="test", now=timeline.now())
    with psycopg.connect(installation.server.urls.app) as other:
        other.execute("SELECT 1")
        report = run.run(asked.due_at, only=[project.id], budget_s=0.3)
        assert (report.left, report.erased) == (True, 0)
        assert receipts.receipt(project.id, asked.number).step == "begin"
        given_up = asked.due_at + settling.LONGEST + timedelta(seconds=1)
        other.rollback()
        assert run.run(asked.due_at, only=[project.id], budget_s=None).finished == 1
    assert settling.settled(f"{(given_up - settling.LONGEST).isoformat()} 1/1", given_up) is None


def test_what_a_transaction_of_before_still_writes_about_a_deleted_interaction_goes_too(project, canary, installation):
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": canary, "id": "call"})
    asked = receipts.request(project.id, canary, by="test", now=timeline.now())
    while receipts.receipt(project.id, asked.number).step != "interactions":
        run.run(asked.due_at, only=[project.id], budget_s=0)
    (call,) = rows(project, "interaction", "occurred_at")
    verdict = f"""
        INSERT INTO verdict (project_id, interaction_at, interaction_id, kind, said_at, cluster, feedback_id)
        VALUES ({project.id}, %s, 'call', 1, now(), '{canary}', 'x')
    """
    with psycopg.connect(installation.server.urls.jobs) as roller_of_before:
        roller_of_before.execute(verdict, [call["occurred_at"]])
        assert run.run(asked.due_at, only=[project.id], budget_s=0.3).left
        assert receipts.receipt(project.id, asked.number).step == "settle"
        roller_of_before.commit()
        assert run.run(asked.due_at, only=[project.id], budget_s=None).finished == 1
    assert mentions(canary) == {}


def test_feedback_and_rolling_that_go_on_meanwhile_bring_nothing_back(project, canary):
    calls = [{"feature": "a", "user_id": canary, "id": str(number)} for number in range(120)]
    take(project, records.INTERACTIONS, calls)
    done, trouble = threading.Event(), []

    def until_done(work: Callable[[int], object]) -> None:
        try:
            for number in itertools.count():
                work(number)
                if done.is_set():
                    break
        except BaseException as error:
            trouble.append(error)
        finally:
            connection.close()

    def praise(number: int) -> None:
        thumbs = [{"kind": "thumb", "value": "up", "interaction_id": str(n)} for n in range(number % 7, 120, 7)]
        take(project, records.FEEDBACK, thumbs)

    threads = [threading.Thread(target=until_done, args=(work,)) for work in (praise, lambda _: roll(project))]
    for thread in threads:
        thread.start()
    try:
        erase(project, canary)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert trouble == []
    assert mentions(canary) == {}
    roll(project)
    assert mentions(canary) == {}
    assert rows(project, "verdict") == []
    assert differences(project) == []
