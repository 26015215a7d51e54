"""Events from before the raw horizon: answered, counted, never in charts; younger ones are taken however old they are."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from ingest import late, records, timeline
from ingest.dimensions import RecordKind
from ingest.normalise import Receipt
from ingest.projects.scope import project_scope
from ingest.retention import sweeps, weeks
from ingest.retention.accounts import standings
from tests.ingest.record import one, rows, statuses, take

NOTE = "beyond retention: counted, not in charts"
DAY = timedelta(days=1)


def ago(**length: float) -> str:
    return (timeline.now() - timedelta(**length)).isoformat()


def keys(project) -> int:
    return len(rows(project, "record_key", "key"))


def test_an_event_from_the_whole_reach_is_taken_and_its_week_made(post, project):
    oldest = timeline.now() - 400 * DAY + timedelta(minutes=1)
    answer = post("interactions", {"id": "a", "feature": "draft", "occurred_at": oldest.isoformat()}).json()
    assert answer["results"] == [{"index": 0, "id": "a", "status": "created"}]
    assert one(project, "interaction")["occurred_at"] == oldest
    assert timeline.week_start(oldest) in {week for table, week in weeks.existing() if table == "interaction"}
    assert rows(project, "late") == []


def test_the_first_week_of_the_reach_has_its_partition_on_every_day_of_the_week(project):
    """An instant 400 days ago may lie at the end of its week, which began almost seven days before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ensure_partition(now() - interval '406 days 23 hours')")
        assert cursor.fetchone() is not None


def test_what_is_older_is_counted_aside_with_a_note_and_nothing_else(post, project):
    before = weeks.existing()
    items = [
        {"id": "1970", "feature": "draft", "occurred_at": "1970-01-01T00:00:00Z", "prompt": "hello"},
        {"id": "0001", "feature": "draft", "occurred_at": "0001-01-01T00:00:00+14:00"},
        {"id": "old", "feature": "draft", "occurred_at": ago(days=400, minutes=1)},
        {"id": "new", "feature": "summary"},
    ]
    answer = post("interactions", items).json()
    assert (answer["created"], answer["invalid"]) == (4, 0)
    assert [result.get("note") for result in answer["results"]] == [NOTE, NOTE, NOTE, None]
    assert [row["id"] for row in rows(project, "interaction", "id")] == ["new"]
    assert [row["value"] for row in rows(project, "dimension_value", "value")] == ["summary"]
    assert len(rows(project, "dirty_bucket", "bucket")) == 1
    assert weeks.existing() == before
    found = {row["id"]: row for row in rows(project, "late")}
    assert set(found) == {"1970", "0001", "old"}
    assert (found["1970"]["feature"], found["1970"]["record_kind"]) == ("draft", RecordKind.INTERACTION)
    assert found["1970"]["occurred_at"] == datetime(1970, 1, 1, tzinfo=UTC)


def test_what_happened_exactly_at_the_horizon_is_taken(make_project):
    project, now = make_project(raw_days=10), timeline.now()
    edge = (now - 10 * DAY).isoformat()
    spent = {"component": "other", "amount_usd": "1"}
    about = {"interaction_id": "a"}
    sent = [
        (records.INTERACTIONS, {"id": "a", "feature": "draft", "occurred_at": edge}),
        (records.FEEDBACK, {"kind": "nps", "value": 9, "occurred_at": edge}),
        (records.FEEDBACK, {"kind": "thumb", "value": "up", **about}),
        (records.COSTS, {**spent, **about}),
        (records.COSTS, {**spent, "period_from": edge, "period_to": now.isoformat()}),
    ]
    assert [take(project, way, item, now).results[0].note for way, item in sent] == [None] * len(sent)
    assert rows(project, "late") == []


def test_a_horizon_that_has_moved_further_than_the_days_that_are_kept_stands(make_project, make_key, post):
    project = make_project(raw_days=400, raw_horizon=timeline.now() - 10 * DAY)
    items = [{"feature": "a", "occurred_at": ago(days=11)}, {"feature": "a", "occurred_at": ago(days=9)}]
    answer = post("interactions", items, key=make_key(project)).json()
    assert [result.get("note") for result in answer["results"]] == [NOTE, None]


def test_a_late_event_is_safe_to_send_again_until_it_is_forgotten(project):
    item = {"id": "a", "feature": "draft", "occurred_at": ago(days=500)}
    assert statuses(take(project, records.INTERACTIONS, item)) == ["created"]
    again = take(project, records.INTERACTIONS, [item, {**item, "feature": "other"}])
    assert statuses(again) == ["duplicate", "conflict"]
    assert len(rows(project, "late")) == 1
    (standing,) = standings([project.id])
    for days, left in ((29, 1), (31, 0)):
        for portion in sweeps.portions(standing, timeline.now() + days * DAY):
            with project_scope(project.id):
                portion()
        assert (len(rows(project, "late")), keys(project)) == (left, left)
    assert statuses(take(project, records.INTERACTIONS, item)) == ["created"]


def test_one_id_twice_in_a_request_is_one_record_whichever_is_late(project):
    old = {"id": "a", "feature": "draft", "occurred_at": ago(days=500)}
    new = {"id": "a", "feature": "draft"}
    assert statuses(take(project, records.INTERACTIONS, [old, new])) == ["created", "conflict"]
    assert (len(rows(project, "late")), len(rows(project, "interaction", "id"))) == (1, 0)
    assert statuses(take(project, records.INTERACTIONS, [{**new, "id": "b"}, {**old, "id": "b"}])) == [
        "created",
        "conflict",
    ]
    assert (len(rows(project, "late")), len(rows(project, "interaction", "id"))) == (1, 1)


def test_a_late_event_without_an_id_gets_one_and_is_not_safe_to_send_again(post, project):
    (result,) = post("interactions", {"feature": "draft", "occurred_at": ago(days=500)}).json()["results"]
    assert (result["status"], result["retry_safe"], result["note"]) == ("created", False, NOTE)
    assert one(project, "late")["id"] == result["id"]


@pytest.mark.parametrize("is_one_request", [True, False])
def test_what_is_said_about_a_late_interaction_is_late_itself(post, project, is_one_request):
    interaction = {"type": "interaction", "id": "gone", "feature": "draft", "occurred_at": ago(days=450)}
    about = [
        {"type": "feedback", "id": "f", "kind": "thumb", "value": "up", "interaction_id": "gone"},
        {"type": "cost", "id": "c", "component": "retrieval", "amount_usd": "1", "interaction_id": "gone"},
        {"type": "feedback", "id": "g", "kind": "thumb", "value": "up", "interaction_id": "unknown"},
    ]
    if is_one_request:
        results = post("batch", [interaction, *about]).json()["results"][1:]
    else:
        post("batch", [interaction])
        results = post("batch", about).json()["results"]
    assert [result.get("note") for result in results] == [NOTE, NOTE, None]
    assert sorted(row["id"] for row in rows(project, "late", "id")) == ["c", "f", "gone"]
    assert [row["id"] for row in rows(project, "feedback", "id")] == ["g"]
    assert rows(project, "cost", "id") == []
    assert len(rows(project, "orphan", "id")) == 1


@pytest.mark.parametrize(
    ("path", "item", "table"),
    [
        ("feedback", {"kind": "nps", "value": 9}, "feedback"),
        ("costs", {"component": "other", "amount_usd": "1"}, "cost"),
        ("changes", {"kind": "deploy", "title": "v1"}, "change_event"),
        ("users", {"user_id": "ann", "event": "activated"}, "user_event"),
    ],
)
def test_every_kind_has_the_same_reach(post, project, path, item, table):
    items = [{**item, "occurred_at": ago(days=399)}, {**item, "occurred_at": ago(days=401)}]
    answer = post(path, items).json()
    assert [(result["status"], result.get("note")) for result in answer["results"]] == [
        ("created", None),
        ("created", NOTE),
    ]
    assert (len(rows(project, table)), len(rows(project, "late"))) == (1, 1)


def test_a_bill_that_begins_before_the_horizon_counts_from_it_on(make_project):
    project = make_project(raw_days=10, time_zone="Europe/Berlin")
    now = timeline.now()
    whole = {"component": "infrastructure", "amount_usd": "100"}
    bill = {**whole, "id": "b", "period_from": (now - 100 * DAY).isoformat(), "period_to": now.isoformat()}
    gone = {
        **whole,
        "id": "g",
        "period_from": (now - 3_000 * DAY).isoformat(),
        "period_to": (now - 10 * DAY).isoformat(),
    }
    answer = take(project, records.COSTS, [bill, gone], now)
    assert [(result.status, result.note) for result in answer.results] == [("created", NOTE), ("created", NOTE)]
    stored = rows(project, "cost", "occurred_at, amount_nano")
    assert sum(row["amount_nano"] for row in stored) == 10_000_000_000  # 10 of 100 days
    assert stored[0]["occurred_at"] == now - 10 * DAY
    assert [row["id"] for row in rows(project, "late", "id")] == ["g"]


def test_a_bill_of_ten_years_is_no_more_rows_than_the_reach_has_days(project):
    bill = {
        "component": "other",
        "amount_usd": "1",
        "period_from": ago(days=3_650),
        "period_to": ago(days=-1),
    }
    eternal = {**bill, "period_from": "0001-01-01T00:00:00+14:00"}
    assert statuses(take(project, records.COSTS, [bill, eternal])) == ["created", "invalid"]
    assert len(rows(project, "cost", "id")) == 402


def test_bills_with_too_many_days_together_are_too_large(post):
    bill = {"component": "other", "amount_usd": "1", "period_from": ago(days=390), "period_to": ago(days=-1)}
    assert post("costs", [bill] * 200).status_code == 413


def test_entries_of_today_need_no_look_into_the_record(project):
    entries = [
        records.Entry(
            n, RecordKind.INTERACTION, records.kinds.INTERACTIONS.types(feature="a"), None, b"", key=bytes([n])
        )
        for n in range(3)
    ]
    with connection.execute_wrapper(lambda *_: pytest.fail("a query")):
        late.set_aside(entries, Receipt(project.id, "UTC", timeline.now()))
    assert not any(entry.is_late for entry in entries)
