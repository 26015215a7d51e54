"""Texts go when their time is over, out of every table that has one; what was counted of them stays."""

import types
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ingest import contract, kinds, partitions, records, timeline
from ingest.dimensions import RecordKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.redaction.policy import DEEP, PRIVATE
from ingest.retention import clearing, sweeps
from ingest.timeline import DAY, HOUR
from observatory import retaining
from tests.harness import plans
from tests.ingest import retained
from tests.ingest.record import one, rows, take
from tests.ingest.retained import retain

NOW = timeline.now()
MINUTES = timedelta(minutes=3)
CANARY = "canary-of-a-text"
REQUIRED: dict[str, dict[str, Any]] = {
    "interaction": {"feature": "draft"},
    "cost": {"component": "other", "amount_usd": "1"},
    "change": {"kind": "deploy", "title": "v2"},
    "user": {"user_id": "u", "event": "seen"},
    "figure": {"name": "revenue_usd", "value": 1},
    "correction": {"kind": "correction", "final_text": "x", "interaction_id": "nobody"},
    "escalation": {"kind": "escalation"},
    "evaluation": {"kind": "evaluation", "name": "n", "interaction_id": "nobody"},
}
WAYS = {way.kind.word: way for way in records.BATCH}


def structs() -> dict[str, type]:
    """Every kind of item that apps may send, each kind of feedback by itself, by its word."""
    found = {kind.word: kind.types for kind in kinds.BY_WORD.values() if kind.record is not RecordKind.FEEDBACK}
    return found | kinds.KINDS_OF_FEEDBACK


def private_fields() -> list[tuple[str, str]]:
    """Each field of each kind in which texts stand; fields of feedback that all its kinds share, with one of them."""
    shared = set(contract.Feedback.__struct_fields__)
    return [
        (word, field)
        for word, struct in structs().items()
        for field in (*PRIVATE, *DEEP)
        if field in struct.__struct_fields__
        and (word not in kinds.KINDS_OF_FEEDBACK or field not in shared or word == "evaluation")
    ]


def text_in(word: str, field: str) -> Any:
    """A value of a field that holds the canary: a text, or an object with one inside."""
    if field == "retrieval":
        return {"documents": [{"id": "d", "title": CANARY}]}
    hint = structs()[word].__annotations__.get(field, Any)
    is_object = field in DEEP or (isinstance(hint, types.UnionType) and dict in get_args(hint))
    return {"note": CANARY} if is_object else CANARY


def send(project: Project, word: str, fields: dict[str, Any], day: int) -> None:
    """One item of a kind that happened some days ago, sent then."""
    at = NOW - day * DAY
    dated = {"month": at.strftime("%Y-%m")} if word == "figure" else {"occurred_at": at.isoformat()}
    way = WAYS.get(word, WAYS["feedback"])
    assert take(project, way, {**REQUIRED[word], **dated, **fields, "id": f"{word}-{day}"}, at).created == 1


def tables_with(project: Project, text: str) -> set[str]:
    """The tables that hold a text somewhere in a row of a project."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'project_id'"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        )
        found = set()
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE project_id = %s AND t::text LIKE %s', [project.pk, f"%{text}%"]
            )
            if cursor.fetchone()[0]:
                found.add(table)
        return found


@pytest.fixture
def brief(project: Project) -> Project:
    """A project that keeps texts for ten days and the rest for long."""
    project.text_days = 10
    project.save(update_fields=["text_days"])
    return project


@pytest.mark.parametrize(("word", "field"), private_fields())
def test_no_text_of_any_field_is_left_when_its_time_is_over(brief, word, field):
    for day in (90, 1):
        send(brief, word, {field: text_in(word, field)}, day)
    (table,) = tables_with(brief, CANARY)
    kept = rows(brief, table, "1")
    retain(brief, NOW)
    left = [row for row in rows(brief, table) if CANARY in str(row)]
    assert len(left) == 1, "what is younger stays"
    assert f"{word}-1" in str(left)
    assert len(rows(brief, table, "1")) == len(kept) - (table == "payload"), "and so does all but the text"


def test_unknown_fields_go_as_metadata_does(brief):
    for word in ("cost", "user", "figure", "change", "evaluation", "interaction"):
        send(brief, word, {"remark": CANARY}, 90)
    assert tables_with(brief, CANARY) == {"cost", "user_event", "figure", "change_event", "feedback", "payload"}
    retain(brief, NOW)
    assert tables_with(brief, CANARY) == set()


def test_a_cost_whose_interaction_was_long_ago_loses_its_text_the_day_after(brief):
    send(brief, "interaction", {}, 90)
    retain(brief, NOW)
    cost = {"component": "other", "amount_usd": "1", "interaction_id": "interaction-90", "description": CANARY}
    take(brief, records.COSTS, cost, NOW)
    retain(brief, NOW + DAY + HOUR)
    assert one(brief, "cost", "amount_nano, description") == {"amount_nano": 10**9, "description": None}


def test_a_pass_through_many_rows_goes_on_where_the_last_slice_ended(brief, monkeypatch):
    send_costs(brief, 25)
    monkeypatch.setattr(sweeps, "PORTION", 10)
    retaining.retain(NOW, only=[brief.pk], budget_s=0)
    slices = 0
    while retaining.retain(NOW + MINUTES, only=[brief.pk], budget_s=0).left and slices < 100:
        slices += 1
    assert {row["description"] for row in rows(brief, "cost", "description")} == {None}


def test_a_portion_that_is_undone_is_done_again(brief):
    send_costs(brief, 25)
    brief.text_horizon = NOW
    brief.save(update_fields=["text_horizon"])
    (cost,) = [rows for rows in clearing.LARGE if rows.table == "cost"]

    def clear_some(then: Callable[[], object] = lambda: None) -> bool:
        with project_scope(brief.pk):
            done = clearing.clear(cost, NOW, "UTC", 10)
            then()
        return done.left

    with pytest.raises(ZeroDivisionError):
        clear_some(lambda: 1 / 0)
    assert [clear_some(), clear_some(), clear_some()] == [True, True, False]
    assert {row["description"] for row in rows(brief, "cost", "description")} == {None}


WITHOUT_TEXTS = {
    "feedback": (
        "INSERT INTO feedback (project_id, occurred_at, received_at, value, kind, id)"
        " SELECT %s, %s, %s, 1, 1, 'f-' || n FROM generate_series(1, 120000) n"
    ),
    "cost": (
        "INSERT INTO cost (project_id, occurred_at, received_at, amount_nano, component, id)"
        " SELECT %s, %s, %s, 1, 1, 'c-' || n FROM generate_series(1, 120000) n"
    ),
    "user_event": (
        "INSERT INTO user_event (project_id, occurred_at, received_at, event, id, user_id)"
        " SELECT %s, %s, %s, 1, 'u-' || n, 'maya' FROM generate_series(1, 120000) n"
    ),
}


@pytest.mark.parametrize("has_statistics", [False, True])
@pytest.mark.parametrize("rows", clearing.LARGE, ids=lambda rows: rows.table)
def test_rows_without_texts_are_passed_over_unread(brief, installation, rows, has_statistics):
    at = NOW - 60 * DAY
    partitions.ensure(at)
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_TEXTS[rows.table], [brief.pk, at, at])
        first_and_last = "project_id = %s AND id LIKE '%%-1' OR project_id = %s AND id LIKE '%%-120000'"
        cursor.execute(f"UPDATE {rows.table} SET metadata = '{{}}' WHERE {first_and_last}", [brief.pk] * 2)
    if has_statistics:
        with psycopg.connect(installation.server.superuser_url, autocommit=True) as superuser:
            superuser.execute(f"ANALYZE {rows.table}")
    with project_scope(brief.pk):
        with CaptureQueriesContext(connection) as asked:
            savepoint = transaction.savepoint()
            assert clearing.clear(rows, NOW, "UTC", sweeps.PORTION) == (2, False)
            transaction.savepoint_rollback(savepoint)
        find, clear = [query["sql"] for query in asked.captured_queries if "SAVEPOINT" not in query["sql"]]
        with connection.cursor() as cursor:
            most = plans.most_pages(cursor, rows.table)
            assert plans.pages_read(cursor, find) <= most, "of a thousand"
            assert plans.pages_read(cursor, clear) <= most, "of a thousand"
        assert clearing.clear(rows, NOW, "UTC", sweeps.PORTION) == (0, False)


def send_costs(project: Project, count: int) -> None:
    at = NOW - 60 * DAY
    costs = [
        {"id": f"c-{n}", "component": "other", "amount_usd": "1", "description": CANARY, "occurred_at": at.isoformat()}
        for n in range(count)
    ]
    take(project, records.COSTS, costs, at)


def test_a_project_that_sends_nothing_but_bills_loses_their_texts_too(brief):
    send(brief, "cost", {"description": CANARY}, 90)
    retain(brief, NOW)
    assert retained.horizons(brief)[1] is not None
    assert one(brief, "cost", "description") == {"description": None}


def test_figures_without_texts_let_a_project_still_decide_to_keep_longer(brief):
    send(brief, "figure", {}, 90)
    retain(brief, NOW)
    assert retained.horizons(brief) == (None, None)
