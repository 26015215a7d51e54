"""Sending again is always safe: one row for each id, however items are resent, reordered, split or raced."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import database, records, timeline
from tests.ingest.record import one, rows, statuses, take

ITEM = {"id": "x", "feature": "a", "prompt": "p"}


def test_the_same_again_is_a_duplicate_and_another_content_a_conflict_that_keeps_the_first(post, project):
    assert statuses(post("interactions", ITEM)) == ["created"]
    assert post("interactions", ITEM).status_code == 200
    assert statuses(post("interactions", [ITEM])) == ["duplicate"]
    conflict = post("interactions", {**ITEM, "prompt": "q"})
    assert (conflict.status_code, statuses(conflict)) == (207, ["conflict"])
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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=8), min_size=1, max_size=6), st.data())
def test_any_splitting_resending_and_reordering_ends_in_one_row_each(make_project, batches, data):
    project = make_project()
    start = timeline.now() - timedelta(days=30)
    for batch in batches:
        moment = start + timedelta(hours=data.draw(st.integers(0, 24 * 29)))
        answer = take(project, records.INTERACTIONS, [{**ITEM, "id": str(number)} for number in batch], moment)
        assert answer.conflicts == answer.invalid == 0
    distinct = {number for batch in batches for number in batch}
    for table in ("interaction", "payload", "record_key"):
        assert len(rows(project, table)) == len(distinct)


def test_sixteen_threads_with_the_same_ids_store_each_once_without_a_deadlock(project, monkeypatch):
    monkeypatch.setattr(database, "COLLIDED", ())  # a second try would hide them
    created, trouble = [], []
    start = threading.Barrier(16)

    def work(number: int) -> None:
        items = [{**ITEM, "id": str(one)} for one in range(1600)]
        start.wait()
        try:
            for at in range(0, 1600, 400):
                chunk = items[at : at + 400][:: 1 if number % 2 else -1]
                answer = take(project, records.INTERACTIONS, chunk)
                assert answer.created + answer.duplicates == 400
                created.append(answer.created)
        except BaseException as error:
            trouble.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []
    assert sum(created) == 1600 == len(rows(project, "interaction")) == len(rows(project, "payload"))
