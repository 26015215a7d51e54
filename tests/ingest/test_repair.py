"""What PostgreSQL cannot hold is replaced in items of every kind: nothing is lost, and the sender is told."""

import json

import pytest

from ingest import records, timeline
from ingest.dimensions import Flag
from ingest.late import NOTE
from ingest.records import REPAIRED
from ingest.text import repair_id
from tests.ingest.filling import CALL, fates, fill
from tests.ingest.record import one, rows, take

BROKEN = {
    "interaction": {"feature": "a", "prompt": "x\0"},
    "feedback": {"kind": "thumb", "value": "up", "interaction_id": "i", "comment": "x\ud800"},
    "cost": {"component": "other", "amount_usd": "1", "description": "x\0"},
    "change": {"kind": "deploy", "title": "v\0"},
    "user": {"user_id": "u\0", "event": "seen"},
    "figure": {"month": "2026-01", "name": "revenue_usd", "value": 1, "tier": "x\0"},
}


def test_two_fields_whose_names_repair_to_the_same_keep_both_values(project):
    body = rb'{"feature":"a","metadata":{"\u0000":1,"\ud800":2},"\ud801":3,"retrieval":{"documents":[{"\u0000":4,"\udfff":5}]}}'
    take(project, records.INTERACTIONS, body)
    payload = one(project, "payload")
    metadata = json.loads(payload["metadata"])
    assert metadata == {"\ufffd": 1, repair_id("\ud800"): 2, "\ufffd (field)": 3}
    assert sorted(json.loads(payload["retrieval"])["documents"][0].values()) == [4, 5]


def test_an_unknown_field_takes_the_place_of_nothing_in_the_metadata(project):
    sent = {"feature": "a", "metadata": {"x": 1, "x (field)": 2}, "x": 3}
    take(project, records.INTERACTIONS, sent)
    assert json.loads(one(project, "payload")["metadata"]) == {"x": 1, "x (field)": 2, "x (field) (field)": 3}


@pytest.mark.parametrize("kind", BROKEN)
def test_whoever_sends_an_item_of_any_kind_is_told_that_it_was_repaired(project, kind):
    items = [{"type": kind, "id": "1", **BROKEN[kind]}, {"type": "change", "id": "2", "kind": "deploy", "title": "é"}]
    for _ in range(2):  # a duplicate is told the same
        told = take(project, records.BATCH, items).results
        assert [result.note for result in told] == [REPAIRED, None]
    assert [result.status for result in told] == ["duplicate", "duplicate"]


@pytest.mark.parametrize(("kind", "table"), [("feedback", "feedback"), ("cost", "cost")])
def test_feedback_and_costs_that_were_repaired_are_flagged_and_no_others(project, kind, table):
    whole = {name: value for name, value in BROKEN[kind].items() if name not in {"comment", "description"}}
    take(project, records.BATCH, [{"type": kind, "id": "1", **BROKEN[kind]}, {"type": kind, "id": "2", **whole}])
    take(project, records.BATCH, [{"type": kind, "id": "3", **whole}])
    assert {row["id"]: row["flags"] for row in rows(project, table, "id, flags")} == {
        "1": Flag.TEXT_REPAIRED,
        "2": 0,
        "3": 0,
    }


def test_what_holds_the_replacement_sign_already_was_not_repaired(project):
    assert take(project, records.INTERACTIONS, {"feature": "a", "prompt": "x\ufffd"}).results[0].note is None
    assert one(project, "interaction")["flags"] == 0


def test_of_two_notes_both_are_told(project):
    old = timeline.now() - 3 * timeline.HOUR
    project.raw_horizon = timeline.now()
    (told,) = take(
        project, records.INTERACTIONS, {"feature": "a", "prompt": "\0", "occurred_at": old.isoformat()}
    ).results
    assert told.note == f"{NOTE}; {REPAIRED}"


def test_an_id_that_is_filled_and_was_repaired_is_flagged_and_one_that_is_in_conflict_is_not(project):
    take(project, records.INTERACTIONS, {**CALL, "session_id": "s"})
    assert fates(fill(project, {"session_id": "t\0"})) == {"session_id": "conflict"}
    assert one(project, "interaction")["flags"] == 0
    assert fates(fill(project, {"user_id": "u\0"})) == {"user_id": "filled"}
    assert one(project, "interaction")["flags"] == Flag.TEXT_REPAIRED
    assert rows(project, "interaction", "user_id") == [{"user_id": repair_id("u\0")}]
