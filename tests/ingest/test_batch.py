"""POST /batch: any mix of kinds, each item judged and stored as if it had come alone, all of it or none."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import database, records, timeline
from tests.ingest.record import one, rows, statuses, take

CALL = {"type": "interaction", "id": "call", "feature": "write", "output": "one two three four", "user_id": "maya"}
THUMB = {"type": "feedback", "id": "t", "kind": "thumb", "value": "up", "interaction_id": "call"}
CORRECTION = {
    "type": "feedback",
    "id": "k",
    "kind": "correction",
    "final_text": "one two three 4",
    "interaction_id": "call",
}
COST = {"type": "cost", "id": "c", "component": "retrieval", "amount_usd": "0.5", "interaction_id": "call"}
CHANGE = {"type": "change", "id": "h", "kind": "deploy", "title": "v2"}
USER = {"type": "user", "id": "u", "user_id": "maya", "event": "activated"}
FIGURE = {"type": "figure", "id": "f", "month": "2026-01", "name": "revenue_usd", "value": "10"}
MIX = [FIGURE, THUMB, COST, USER, CHANGE, CORRECTION, CALL]
ALONE = {
    "interaction": records.INTERACTIONS, "feedback": records.FEEDBACK, "cost": records.COSTS, "change": records.CHANGES, "user": records.USERS,
    "figure": records.FIGURES,
}  # fmt: skip
TABLES = ("interaction", "payload", "feedback", "verdict", "cost", "change_event", "user_event", "figure")


def test_all_kinds_at_once_are_stored_and_answered_in_the_order_of_the_body(post, project):
    answer = post("batch", MIX)
    assert (answer.status_code, answer.json()["created"]) == (200, 7)
    assert [result["id"] for result in answer.json()["results"]] == [item["id"] for item in MIX]
    assert {table: len(rows(project, table)) for table in TABLES} == dict.fromkeys(TABLES, 1) | {
        "feedback": 2,
        "verdict": 2,
    }


def test_what_is_said_about_an_interaction_of_the_same_batch_is_bound_at_once(project):
    take(project, records.BATCH, MIX)
    interaction = one(project, "interaction")
    assert rows(project, "orphan") == []
    assert {row["interaction_at"] for row in rows(project, "verdict")} == {interaction["occurred_at"]}
    assert one(project, "feedback", "edit_ratio", "id = 'k'")["edit_ratio"] == 0.25
    assert one(project, "cost")["cluster"] == "maya"


@pytest.mark.parametrize("item", MIX, ids=lambda item: item["type"])
def test_an_item_is_the_same_in_a_batch_and_alone_with_its_type_and_without(project, item):
    bare = {name: value for name, value in item.items() if name != "type"}
    way = ALONE[item["type"]]
    assert statuses(take(project, way, bare)) == ["created"]
    for body in (item, [item], [item, {"unusable": 1}], {**item, "type": None}):
        assert statuses(take(project, way, body))[0] == "duplicate"
    assert statuses(take(project, records.BATCH, [item, item, {**item, "id": "other"}])) == [
        "duplicate",
        "duplicate",
        "created",
    ]
    assert statuses(take(project, records.BATCH, {**item, "colour": "red"})) == ["conflict"]


def test_an_unknown_field_called_type_stays_the_apps_own(project):
    take(project, records.INTERACTIONS, [{"feature": "a", "type": "chat", "id": "1"}, {"feature": "a", "id": "2"}])
    assert json.loads(one(project, "payload", "metadata", "id = '1'")["metadata"]) == {"type": "chat"}
    assert one(project, "payload", "metadata", "id = '2'")["metadata"] is None
    assert statuses(take(project, records.INTERACTIONS, {"feature": "a", "type": "chat", "id": "2"})) == ["conflict"]


@pytest.mark.parametrize(
    ("item", "got"),
    [
        ({"feature": "a"}, "nothing"),
        ({"feature": "a", "type": None}, "nothing"),
        ({"feature": "a", "type": "Interaction"}, "'Interaction'"),
        ({"feature": "a", "type": 1}, "1"),
        ({"feature": "a", "type": ["interaction"]}, "array"),
        ({"feature": "\ud800", "type": "interactions"}, "'interactions'"),
    ],
)
def test_an_item_without_a_kind_is_told_which_there_are(project, item, got):
    answer = take(project, records.BATCH, [CALL, item])
    assert statuses(answer) == ["created", "invalid"]
    error = answer.results[1].error
    assert (error.path, error.expected, error.got) == (
        "$.type",
        "one of interaction, feedback, cost, change, user, figure",
        got,
    )


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({**CALL, "latency_ms": "x"}, "$.latency_ms"),
        ({**THUMB, "kind": "x"}, "$.kind"),
        (5, "$"),
        ([], "$"),
        ("\ud800", "$"),
    ],
)
def test_a_bad_item_costs_itself_and_says_where(post, item, path):
    body = post("batch", content=json.dumps([USER, item, FIGURE]).encode()).json()
    assert [result["status"] for result in body["results"]] == ["created", "invalid", "created"]
    assert body["results"][1]["error"]["path"] == path


def test_half_a_surrogate_pair_in_one_item_leaves_the_others_alone(project):
    body = json.dumps([{**CALL, "prompt": "x\ud800"}, USER]).encode()
    assert statuses(take(project, records.BATCH, body)) == ["created", "created"]
    assert one(project, "payload")["prompt"] == "x\ufffd"


def test_a_batch_is_stored_whole_or_not_at_all(project, installation):
    with psycopg.connect(installation.server.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"ALTER TABLE figure ADD CONSTRAINT broken CHECK (project_id <> {project.id})")
        try:
            with pytest.raises(psycopg.errors.CheckViolation):
                take(project, records.BATCH, MIX)
        finally:
            superuser.execute("ALTER TABLE figure DROP CONSTRAINT broken")
    assert {table: rows(project, table) for table in (*TABLES, "record_key", "orphan")} == {
        table: [] for table in (*TABLES, "record_key", "orphan")
    }
    assert take(project, records.BATCH, MIX).created == len(MIX)


def test_a_week_that_nobody_made_is_made_for_every_part(project, installation):
    at = timeline.week_start(timeline.now() - timedelta(days=45)) + timedelta(days=1)
    with psycopg.connect(installation.server.superuser_url, autocommit=True) as superuser:
        for table in ("interaction", "payload", "feedback", "verdict", "cost"):
            superuser.execute(f"DROP TABLE IF EXISTS partitions.{table}_{timeline.week_start(at):%Y%m%d}")
    sent = [{**item, "occurred_at": at.isoformat()} for item in (THUMB, CHANGE, COST | {"interaction_id": None})]
    assert take(project, records.BATCH, [USER, FIGURE, *sent]).created == 5
    assert one(project, "feedback")["occurred_at"] == at


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, len(MIX) - 1), min_size=1, max_size=9), min_size=1, max_size=5), st.data())
def test_any_mixing_splitting_and_resending_ends_in_one_row_each(make_project, batches, data):
    project = make_project()
    for batch in batches:
        items = [MIX[number] for number in batch]
        if data.draw(st.booleans()):
            answers = [take(project, records.BATCH, items)]
        else:
            answers = [take(project, ALONE[item["type"]], item) for item in items]
        assert {status for answer in answers for status in statuses(answer)} <= {"created", "duplicate"}
    sent = {MIX[number]["type"] for batch in batches for number in batch}
    stored = {
        table: len(rows(project, table)) for table in ("interaction", "cost", "change_event", "user_event", "figure")
    }
    kinds = ("interaction", "cost", "change", "user", "figure")
    assert stored == {table: int(kind in sent) for table, kind in zip(stored, kinds, strict=True)}


def test_eight_threads_with_the_same_batches_store_each_item_once_without_a_deadlock(project, monkeypatch):
    monkeypatch.setattr(database, "COLLIDED", ())  # a second try would hide them
    items = [{**item, "id": f"{item['id']}{number}"} for number in range(40) for item in MIX]
    start, created = threading.Barrier(8), []

    def work(number):
        start.wait()
        try:
            for at in range(0, len(items), 70):
                created.append(take(project, records.BATCH, items[at : at + 70][:: 1 if number % 2 else -1]).created)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert sum(created) == len(items) == len(rows(project, "record_key"))


def test_a_batch_of_lines_is_taken_too(post):
    body = b"\n".join(json.dumps(item).encode() for item in MIX)
    assert post("batch", content=body).json()["created"] == 7
    answer = post("batch", content=body + b"\nbad", headers={"Content-Type": "application/x-ndjson"})
    assert statuses(answer) == ["duplicate"] * 7 + ["invalid"]


def test_more_than_a_thousand_items_are_413(post, project):
    assert post("batch", [USER | {"id": str(number)} for number in range(1_001)]).status_code == 413
    assert rows(project, "record_key") == []
    assert post("batch", [USER | {"id": str(number)} for number in range(1_000)]).json()["created"] == 1_000
