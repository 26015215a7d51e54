"""What waits for an interaction that lies before the raw horizon by then: late, as if it had come after it."""

from datetime import timedelta

import pytest

from ingest import binding, records, timeline
from ingest.dimensions import Facts, RecordKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import MINUTE, floor
from tests.ingest.record import one, rows, statuses, take

NOW = timeline.now()
SOON = NOW + timedelta(seconds=4)
DAY = timedelta(days=1)
THUMB = {"id": "said", "kind": "thumb", "value": "up", "interaction_id": "call", "feature": "write"}
COST = {"id": "spent", "component": "retrieval", "amount_usd": "1", "interaction_id": "call", "feature": "write"}
CALL = {"id": "call", "feature": "write", "occurred_at": (NOW - 10 * DAY).isoformat(), "trace_id": "t", "output": "one"}
KINDS = [(records.FEEDBACK, THUMB, "feedback"), (records.COSTS, COST, "cost")]


def bind(project, now=SOON):
    with project_scope(project.id):
        return binding.bind(now).bound


def move_horizon(project, at):
    """As retention would: the web knows, and so does the database."""
    project.raw_horizon = at
    Project.objects.filter(pk=project.pk).update(raw_horizon=at)


def marked(project, facts):
    return {row["bucket"] for row in rows(project, "dirty_bucket", "bucket", "facts = %s", int(facts))}


def left(project):
    """All that is there of what was said and spent, but for whose it is."""
    tables = ("feedback", "verdict", "cost", "late", "orphan", "record_key")
    found = {table: rows(project, table) for table in tables}
    for row in (row for part in found.values() for row in part):
        del row["project_id"]
        row.pop("content", None)
    return {table: sorted(part, key=str) for table, part in found.items()}


@pytest.mark.parametrize(("way", "item", "table"), KINDS)
def test_bound_or_direct_the_record_ends_the_same(make_project, way, item, table):
    direct, bound = make_project(), make_project()
    take(direct, records.INTERACTIONS, CALL, NOW)
    move_horizon(direct, NOW - 9 * DAY)
    (result,) = take(direct, way, item, NOW).results
    assert result.note == "beyond retention: counted, not in charts"
    take(bound, way, item, NOW)
    take(bound, records.INTERACTIONS, CALL, NOW)
    move_horizon(bound, NOW - 9 * DAY)
    assert len(rows(bound, table)) == len(rows(bound, "orphan")) == 1
    assert bind(bound) == 0
    assert left(bound) == left(direct)
    assert len(left(bound)["late"]) == 1
    assert statuses(take(bound, way, item, NOW)) == ["duplicate"]


def test_an_interaction_that_is_itself_late_makes_what_waits_for_it_late(project):
    take(project, records.FEEDBACK, THUMB, NOW)
    take(project, records.INTERACTIONS, {**CALL, "occurred_at": (NOW - 500 * DAY).isoformat()}, NOW)
    assert bind(project) == 0
    assert {row["id"] for row in rows(project, "late")} == {"call", "said"}
    assert rows(project, "feedback") == rows(project, "orphan") == []


def test_a_trace_that_leads_before_the_horizon_is_late_and_marks_no_frozen_bucket(project):
    take(project, records.INTERACTIONS, CALL, NOW)
    before = marked(project, Facts.FEEDBACK)
    move_horizon(project, NOW - 9 * DAY)
    take(project, records.FEEDBACK, {"id": "said", "kind": "thumb", "value": "up", "trace_id": "t"}, NOW)
    assert bind(project) == 0
    assert rows(project, "feedback") == rows(project, "verdict") == rows(project, "orphan") == []
    assert one(project, "late", "id, record_kind") == {"id": "said", "record_kind": RecordKind.FEEDBACK}
    assert marked(project, Facts.FEEDBACK) == before


def test_a_cost_that_becomes_late_no_longer_counts_at_its_own_time(project):
    take(project, records.COSTS, {**COST, "occurred_at": (NOW - DAY).isoformat()}, NOW)
    take(project, records.INTERACTIONS, CALL, NOW)
    move_horizon(project, NOW - 9 * DAY)
    marks = len(rows(project, "dirty_bucket"))
    bind(project)
    assert rows(project, "cost") == []
    assert len(rows(project, "dirty_bucket")) == marks + 1
    assert floor(NOW - DAY, MINUTE) in marked(project, Facts.INTERACTIONS)


def test_what_has_been_counted_before_the_horizon_stays_there(project):
    """A better fitting call has come since; taking the thumb over would count it twice, once for ever."""
    take(project, records.INTERACTIONS, CALL, NOW)
    take(project, records.FEEDBACK, {"id": "said", "kind": "thumb", "value": "up", "trace_id": "t"}, NOW)
    assert bind(project) == 1
    move_horizon(project, NOW - 9 * DAY)
    take(project, records.INTERACTIONS, {**CALL, "id": "better", "occurred_at": (NOW - 8 * DAY).isoformat()}, NOW)
    assert bind(project, SOON + timedelta(minutes=1)) == 0
    assert one(project, "verdict")["interaction_id"] == "call"
    assert rows(project, "orphan") == rows(project, "late") == []


def test_a_cost_that_has_counted_before_the_horizon_is_not_moved_to_a_younger_interaction(project):
    take(project, records.COSTS, {**COST, "occurred_at": (NOW - 10 * DAY).isoformat()}, NOW)
    move_horizon(project, NOW - 9 * DAY)
    take(project, records.INTERACTIONS, {**CALL, "occurred_at": (NOW - DAY).isoformat()}, NOW)
    assert bind(project) == 0
    assert one(project, "cost")["occurred_at"] == NOW - 10 * DAY
    assert rows(project, "orphan") == []


def test_feedback_of_somebody_else_stays_the_last_word_when_a_moved_one_becomes_late(project):
    """The thumb by trace counts at a younger call until the one that it means is there, which lies before the horizon."""
    younger = {**CALL, "id": "younger", "occurred_at": NOW.isoformat()}
    take(project, records.INTERACTIONS, younger, NOW)
    take(project, records.FEEDBACK, {**THUMB, "id": "first", "value": "down", "interaction_id": "younger"}, NOW - DAY)
    said = {"id": "said", "kind": "thumb", "value": "up", "trace_id": "t", "occurred_at": (NOW - DAY).isoformat()}
    take(project, records.FEEDBACK, said, NOW)
    bind(project)
    assert one(project, "verdict")["feedback_id"] == "said"
    take(project, records.INTERACTIONS, CALL, NOW)
    move_horizon(project, NOW - 9 * DAY)
    assert bind(project, SOON + timedelta(minutes=1)) == 0
    assert one(project, "verdict")["feedback_id"] == "first"
    assert [row["id"] for row in rows(project, "late")] == ["said"]
