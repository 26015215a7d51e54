"""Feedback: every kind in its columns, the last word as the verdict, bound whenever its interaction comes."""

import itertools
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from ingest import binding, moves, records, timeline
from ingest.dimensions import Facts, FeedbackKind
from ingest.moves import Move
from ingest.projects.scope import project_scope
from ingest.trails import Target
from tests.ingest.record import one, rows, statuses, take

CALL = {"id": "call", "feature": "write", "model": "m1", "user_id": "maya", "output": "one two three four"}
ABOUT = {"interaction_id": "call"}
UP, DOWN = {"kind": "thumb", "value": "up", **ABOUT}, {"kind": "thumb", "value": "down", **ABOUT}


def bind(project, after=timedelta()):
    with project_scope(project.id):
        return binding.bind(timeline.now() + after).bound


@pytest.mark.parametrize(
    ("sent", "columns"),
    [
        ({"kind": "thumb", "value": "up"}, {"kind": FeedbackKind.THUMB, "value": 1.0, "label": "up"}),
        ({"kind": "thumb", "value": "down"}, {"value": 0.0}),
        ({"kind": "rating", "value": 4}, {"kind": FeedbackKind.RATING, "value": 0.8, "label": "4/5"}),
        ({"kind": "rating", "value": 7, "scale": 10}, {"value": 0.7, "label": "7/10"}),
        (
            {"kind": "correction", "final_text": "one 2 three four"},
            {"kind": FeedbackKind.CORRECTION, "edit_ratio": 0.25},
        ),
        (
            {"kind": "flag", "category": "wrong", "comment": "no"},
            {"kind": FeedbackKind.FLAG, "name": "wrong", "comment": "no"},
        ),
        ({"kind": "acceptance", "value": "accepted"}, {"kind": FeedbackKind.ACCEPTANCE, "value": 1.0}),
        ({"kind": "acceptance", "value": "dismissed"}, {"value": 0.0, "label": "dismissed"}),
        ({"kind": "outcome", "value": "completed"}, {"kind": FeedbackKind.OUTCOME, "value": 1.0, "label": "completed"}),
        ({"kind": "outcome", "value": "redone"}, {"value": 0.0, "label": "redone"}),
        ({"kind": "implicit", "value": "copy"}, {"kind": FeedbackKind.IMPLICIT, "name": "copy"}),
        (
            {"kind": "evaluation", "name": "judge", "score": -0.5, "label": "bad", "evaluator": "gpt"},
            {"kind": FeedbackKind.EVALUATION, "name": "judge", "value": -0.5, "label": "bad"},
        ),
    ],
)
def test_what_is_said_about_an_interaction_becomes_its_verdict(post, project, sent, columns):
    post("interactions", CALL)
    assert statuses(post("feedback", {**sent, **ABOUT, "id": "f"})) == ["created"]
    interaction, history, verdict = (one(project, table) for table in ("interaction", "feedback", "verdict"))
    assert {name: history[name] for name in columns} == columns
    kept = {name: value for name, value in columns.items() if name != "comment"}
    assert {name: verdict[name] for name in kept} == kept
    assert history["interaction_at"] == verdict["interaction_at"] == interaction["occurred_at"]
    assert verdict["cluster"] == "maya"
    assert verdict["feedback_id"] == "f"
    for dimension in ("feature_id", "model_id", "tier_id"):
        assert verdict[dimension] == interaction[dimension]


@pytest.mark.parametrize(
    ("sent", "value", "name"),
    [
        ({"kind": "escalation", "reason": "angry"}, None, ""),
        ({"kind": "survey", "score": 3, "question": "Happy?"}, 0.6, "Happy?"),
        ({"kind": "nps", "score": 9}, 9.0, ""),
        ({"kind": "nps", "value": 0}, 0.0, ""),
        ({"kind": "ticket", "category": "accuracy"}, None, "accuracy"),
    ],
)
def test_what_stands_alone_counts_at_its_own_time(post, project, sent, value, name):
    at = timeline.now() - timedelta(days=2)
    post("feedback", {**sent, "feature": "write", "user_id": "maya", "occurred_at": at.isoformat()})
    stored = one(project, "feedback")
    assert (stored["value"], stored["name"], stored["occurred_at"], stored["user_id"]) == (value, name, at, "maya")
    assert stored["feature_id"] == one(project, "feature")["number"]
    assert rows(project, "verdict") == rows(project, "orphan") == rows(project, "dirty_bucket") == []


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"kind": "thumb", "value": "up"}, "$.interaction_id"),
        ({"kind": "thumb", "value": "sideways", **ABOUT}, "$.value"),
        ({"kind": "rating", "value": 6, **ABOUT}, "$.value"),
        ({"kind": "rating", "value": 1, "scale": 0, **ABOUT}, "$.scale"),
        ({"kind": "nps"}, "$.score"),
        ({"kind": "nps", "score": 11}, "$.score"),
        ({"kind": "applause", **ABOUT}, "$.kind"),
        ({**ABOUT}, "$.kind"),
        ({"kind": "correction", **ABOUT}, "$.final_text"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(post, sent, path):
    answer = post("feedback", sent)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == path


def test_the_last_word_counts_whatever_order_the_words_come_in(make_project):
    now = timeline.now()
    words = [
        {**UP, "id": "a", "occurred_at": (now - timedelta(minutes=3)).isoformat()},
        {**DOWN, "id": "b", "occurred_at": (now - timedelta(minutes=1)).isoformat()},
        {**UP, "id": "c", "occurred_at": (now - timedelta(minutes=2)).isoformat()},
    ]
    for order in itertools.permutations(words):
        for cut in (1, 2, 3):
            project = make_project()
            take(project, records.INTERACTIONS, CALL)
            take(project, records.FEEDBACK, order[:cut])
            if order[cut:]:
                take(project, records.FEEDBACK, order[cut:])
            assert one(project, "verdict")["feedback_id"] == "b"
            assert len(rows(project, "feedback")) == 3


def test_of_two_words_at_one_instant_the_greater_id_counts(make_project):
    at = (timeline.now() - timedelta(minutes=1)).isoformat()
    for first, second in (("a", "b"), ("b", "a")):
        project = make_project()
        take(project, records.INTERACTIONS, CALL)
        take(project, records.FEEDBACK, {**UP, "id": first, "occurred_at": at})
        take(project, records.FEEDBACK, {**DOWN, "id": second, "occurred_at": at})
        assert one(project, "verdict")["feedback_id"] == "b"


def test_the_same_word_again_brings_what_has_changed_about_its_interaction(project):
    take(project, records.INTERACTIONS, CALL)
    take(project, records.FEEDBACK, {**UP, "id": "a"})
    said = one(project, "feedback")
    with project_scope(project.id), connection.cursor() as cursor:
        cursor.execute("UPDATE interaction SET tier_id = 7 WHERE project_id = %s", [project.id])
        moves.bind_feedback([Move(said["occurred_at"], "a", Target(said["interaction_at"], "call"))])
    assert one(project, "verdict")["tier_id"] == 7


def test_all_orders_of_arrival_end_in_the_same_record(make_project):
    now = timeline.now()
    early = (now - timedelta(minutes=5)).isoformat()
    sendings = [
        (records.INTERACTIONS, {**CALL, "occurred_at": (now - timedelta(days=40)).isoformat()}),
        (records.FEEDBACK, {"id": "k", "kind": "correction", "final_text": "one two", **ABOUT, "occurred_at": early}),
        (records.FEEDBACK, {**DOWN, "id": "t", "occurred_at": early}),
        (records.COSTS, {"id": "c", "component": "retrieval", "amount_usd": "0.5", **ABOUT, "occurred_at": early}),
    ]
    ends = []
    for order in itertools.permutations(sendings):
        project = make_project()
        for way, item in order:
            take(project, way, item, now)
        bind(project)
        verdicts = rows(project, "verdict", "kind, value, edit_ratio, cluster, said_at, interaction_at")
        costs = rows(project, "cost", "occurred_at, amount_nano, cluster, feature_id = 0 AS is_unbound")
        history = rows(project, "feedback", "id, interaction_at, edit_ratio")
        ends.append((verdicts, costs, history, rows(project, "orphan")))
    assert all(end == ends[0] for end in ends)
    verdicts, costs, _, orphans = ends[0]
    assert [row["edit_ratio"] for row in verdicts] == [None, 0.5]
    assert costs[0]["occurred_at"] == now - timedelta(days=40)
    assert orphans == []


def test_feedback_without_its_interaction_waits_as_an_orphan_and_marks_the_right_minute_once_bound(project):
    now = timeline.now()
    long_ago = now - timedelta(days=40)
    take(project, records.FEEDBACK, UP)
    assert len(rows(project, "orphan")) == 1
    assert rows(project, "verdict") == rows(project, "dirty_bucket") == []
    assert bind(project) == 0
    take(project, records.INTERACTIONS, {**CALL, "occurred_at": long_ago.isoformat()})
    assert bind(project) == 0, "it waits for its turn"
    assert bind(project, after=timedelta(seconds=3)) == 1
    assert rows(project, "orphan") == []
    (mark,) = rows(project, "dirty_bucket", "bucket", "facts = %s", int(Facts.FEEDBACK))
    assert mark["bucket"] == timeline.floor(long_ago, timeline.MINUTE)


def test_references_beside_an_interaction_are_kept(project):
    take(project, records.INTERACTIONS, CALL)
    take(project, records.FEEDBACK, {**UP, "trace_id": "t-1", "session_id": "s-1"})
    assert (one(project, "feedback")["trace_id"], one(project, "feedback")["session_id"]) == ("t-1", "s-1")
    assert len(rows(project, "verdict")) == 1


@pytest.mark.parametrize(("final", "ratio"), [("one two", 0.5), ("", 1.0)])
def test_an_interaction_that_commits_between_comparison_and_insert_still_gets_its_edit_ratio(project, final, ratio):
    def overtaken(*given):
        columns = records.FEEDBACK.columns(*given)
        take(project, records.INTERACTIONS, CALL)
        return columns

    way = replace(records.FEEDBACK, columns=overtaken)
    take(project, way, [{"kind": "correction", "final_text": final, **ABOUT}, UP])
    assert len(rows(project, "orphan")) == 1
    assert bind(project) == 1
    (verdict,) = rows(project, "verdict", "edit_ratio", "kind = %s", int(FeedbackKind.CORRECTION))
    assert verdict["edit_ratio"] == ratio
    assert rows(project, "feedback", "edit_ratio", "kind = %s", int(FeedbackKind.CORRECTION)) == [verdict]
    assert rows(project, "orphan") == []


def test_unknown_fields_become_metadata(project):
    take(project, records.INTERACTIONS, CALL)
    take(project, records.FEEDBACK, {**UP, "screen": "home", "metadata": {"a": 1}})
    assert json.loads(one(project, "feedback")["metadata"]) == {"a": 1, "screen": "home"}


def test_another_projects_interaction_is_not_found(project, make_project):
    take(make_project(), records.INTERACTIONS, CALL)
    take(project, records.FEEDBACK, UP)
    assert rows(project, "verdict") == []
    assert bind(project) == 0


def test_corrections_of_many_long_outputs_are_compared_in_slices(project, monkeypatch):
    from ingest import edits

    monkeypatch.setattr(edits, "MOST_BYTES", 60)
    monkeypatch.setattr(edits, "MOST_BYTES_LATER", 60)
    take(project, records.INTERACTIONS, [{**CALL, "id": str(n)} for n in range(5)])
    corrections = [
        {"kind": "correction", "final_text": "one two", "interaction_id": str(n), "id": f"k{n}"} for n in range(5)
    ]
    take(project, records.FEEDBACK, corrections)
    assert len(rows(project, "verdict")) == 2
    while bind(project):
        pass
    assert [row["edit_ratio"] for row in rows(project, "verdict", "edit_ratio")] == [0.5] * 5


def test_a_correction_of_an_interaction_without_output_has_no_ratio(project):
    take(project, records.INTERACTIONS, {"id": "call", "feature": "a"})
    take(project, records.FEEDBACK, {"kind": "correction", "final_text": "x", **ABOUT})
    assert one(project, "verdict")["edit_ratio"] is None
    assert rows(project, "orphan") == []


def test_a_correction_of_chat_messages_is_compared_with_what_they_say(project):
    take(project, records.INTERACTIONS, {**CALL, "output": [{"role": "assistant", "content": "one two three four"}]})
    take(project, records.FEEDBACK, {"kind": "correction", "final_text": "one two three 4", **ABOUT})
    assert one(project, "verdict")["edit_ratio"] == 0.25
