"""Sending again is always safe: what is the same, what is another content, and whose an id is.

Orders, splits, races and clocks: tests/faults/resent.py.
"""

from datetime import timedelta

import pytest

from ingest import records, timeline
from tests.ingest.record import one, rows, statuses, take

ITEM = {"id": "x", "feature": "a", "prompt": "p"}


def test_the_same_again_is_a_duplicate_and_another_content_a_conflict_that_keeps_the_first(post, project):
    assert statuses(post("interactions", ITEM)) == ["created"]
    assert post("interactions", ITEM).status_code == 200
    assert statuses(post("interactions", [ITEM])) == ["duplicate"]
    conflict = post("interactions", {**ITEM, "prompt": "q"})
    assert (conflict.status_code, statuses(conflict)) == (207, ["conflict"])
    assert conflict.json()["results"][0]["error"]["path"] == "$.id"
    assert one(project, "payload")["prompt"] == "p"


@pytest.mark.parametrize(
    "again",
    [
        b'{"prompt":"p","feature":"a","id":"x"}',
        b'[ { "id" : "x", "feature" : "a", "prompt" : "\\u0070", "output": null } ]',
        b'\xef\xbb\xbf{"id":"x","feature":"a","prompt":"p"}\n',
    ],
)
def test_order_blanks_escapes_and_nulls_make_no_difference(project, again):
    take(project, records.INTERACTIONS, ITEM)
    assert statuses(take(project, records.INTERACTIONS, again)) == ["duplicate"]


@pytest.mark.parametrize("extra", [{"model": "m"}, {"colour": "red"}, {"metadata": {"a": 1}}])
def test_a_field_more_is_another_content(project, extra):
    take(project, records.INTERACTIONS, ITEM)
    assert statuses(take(project, records.INTERACTIONS, {**ITEM, **extra})) == ["conflict"]


def test_twice_in_one_batch_counts_once(project):
    answer = take(project, records.INTERACTIONS, [ITEM, {"feature": 5}, ITEM, {**ITEM, "prompt": "q"}])
    assert statuses(answer) == ["created", "invalid", "duplicate", "conflict"]
    assert (answer.created, answer.duplicates, answer.conflicts, answer.invalid) == (1, 1, 1, 1)
    assert len(rows(project, "interaction")) == 1


def test_a_retry_across_midnight_and_months_is_still_a_duplicate(project):
    now = timeline.now()
    for later in (timedelta(0), timedelta(minutes=20), timedelta(days=1), timedelta(days=40)):
        answer = take(project, records.INTERACTIONS, ITEM, now - timedelta(days=41) + later)
    assert statuses(answer) == ["duplicate"]
    assert len(rows(project, "interaction")) == len(rows(project, "record_key")) == 1


def test_an_id_belongs_to_its_kind_and_to_its_project(project, make_project):
    take(project, records.INTERACTIONS, ITEM)
    cost = {"id": "x", "component": "other", "amount_usd": 1}
    assert statuses(take(project, records.COSTS, cost)) == ["created"]
    assert statuses(take(project, records.CHANGES, {"id": "x", "kind": "other", "title": "t"})) == ["created"]
    assert statuses(take(make_project(), records.INTERACTIONS, {**ITEM, "prompt": "q"})) == ["created"]


def test_what_was_repaired_is_a_duplicate_when_sent_again_and_different_ids_stay_different(project):
    bodies = [
        rb'{"id":"a\u0000","feature":"f"}',
        rb'{"id":"a\ud800","feature":"f"}',
        rb'{"id":"a\ud801","feature":"f"}',
    ]
    assert [statuses(take(project, records.INTERACTIONS, body)) for body in bodies] == [["created"]] * 3
    assert [statuses(take(project, records.INTERACTIONS, body)) for body in bodies] == [["duplicate"]] * 3
