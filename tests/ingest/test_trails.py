"""Feedback that names a span, a trace or a session finds its call; whatever comes in whatever order, the end is the same."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ingest import binding, records, timeline
from ingest.dimensions import Facts, FeedbackKind
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, MINUTE, floor
from tests.ingest.record import one, rows, statuses, take

NOW = timeline.now()
SOON, LATER = timedelta(seconds=4), timedelta(days=2)


def at(minutes):
    return (NOW - timedelta(minutes=minutes)).isoformat()


def call(id, minutes, **more):
    return {"id": id, "feature": "write", "occurred_at": at(minutes), "output": "one two three four", **more}


def thumb(minutes, id="f", value="up", **reference):
    return {"kind": "thumb", "id": id, "value": value, "occurred_at": at(minutes), **reference}


def bind(project, now=NOW + SOON):
    with project_scope(project.id):
        return binding.bind(now).bound


def marked(project):
    """The minutes whose feedback has to be counted again, and how many marks each has."""
    return Counter(row["bucket"] for row in rows(project, "dirty_bucket", "bucket", "facts = %s", int(Facts.FEEDBACK)))


def target(project, id="f"):
    return one(project, "feedback", "interaction_id", "id = %s", id)["interaction_id"]


@pytest.mark.parametrize("reference", ["trace_id", "span_id", "session_id"])
def test_a_reference_means_the_latest_call_that_was_not_after_what_is_said(post, project, reference):
    calls = [
        call("early", 50, **{reference: "t"}),
        call("late", 30, **{reference: "t"}),
        call("after", 10, **{reference: "t"}),
    ]
    assert statuses(post("interactions", [*calls, call("other", 31, **{reference: "x"})])) == ["created"] * 4
    assert statuses(post("feedback", thumb(20, **{reference: "t"}))) == ["created"]
    assert bind(project) == 1
    verdict = one(project, "verdict")
    assert (verdict["interaction_id"], verdict["value"]) == ("late", 1.0)
    assert target(project) == "late"
    (mark,) = rows(project, "dirty_bucket", "bucket", "facts = %s", int(Facts.FEEDBACK))
    assert mark["bucket"] == floor(NOW - timedelta(minutes=30), MINUTE)


def test_where_all_calls_come_after_it_the_earliest_is_meant(project):
    take(project, records.FEEDBACK, thumb(60, session_id="s"))
    take(project, records.INTERACTIONS, [call("b", 20, session_id="s"), call("a", 30, session_id="s")])
    assert bind(project) == 1
    assert target(project) == "a"


def test_of_two_calls_at_one_instant_the_greater_id_is_meant(project):
    take(project, records.INTERACTIONS, [call("a", 30, trace_id="t"), call("b", 30, trace_id="t")])
    take(project, records.FEEDBACK, [thumb(20, "f", trace_id="t"), thumb(40, "g", trace_id="t")])
    bind(project)
    assert (target(project, "f"), target(project, "g")) == ("b", "b")


def test_the_narrowest_name_that_any_call_has_decides(project):
    take(project, records.INTERACTIONS, [call("in-trace", 40, trace_id="t"), call("in-session", 30, session_id="s")])
    take(project, records.FEEDBACK, thumb(20, span_id="p", trace_id="t", session_id="s"))
    bind(project)
    assert target(project) == "in-trace"
    take(project, records.INTERACTIONS, call("span", 50, span_id="p"))
    assert bind(project, NOW + LATER) == 1
    assert target(project) == "span"


def test_a_better_fitting_call_that_comes_later_takes_the_feedback_over_and_leaves_the_word_before(project):
    take(project, records.INTERACTIONS, call("first", 40, trace_id="t", user_id="maya"))
    take(project, records.FEEDBACK, [thumb(35, "by id", "down", interaction_id="first"), thumb(20, trace_id="t")])
    bind(project)
    assert one(project, "verdict")["feedback_id"] == "f"
    take(project, records.INTERACTIONS, call("second", 30, trace_id="t", user_id="liv"))
    before = marked(project)
    assert bind(project, NOW + LATER) == 1
    verdicts = {row["interaction_id"]: row for row in rows(project, "verdict")}
    assert {id: row["feedback_id"] for id, row in verdicts.items()} == {"first": "by id", "second": "f"}
    assert (verdicts["first"]["value"], verdicts["second"]["cluster"]) == (0.0, "liv")
    assert set(marked(project) - before) == {floor(NOW - timedelta(minutes=minutes), MINUTE) for minutes in (40, 30)}


def test_a_correction_is_compared_with_the_output_of_the_call_it_moves_to(project):
    said = {"kind": "correction", "final_text": "one two three 4", "id": "f", "occurred_at": at(20), "trace_id": "t"}
    take(project, records.INTERACTIONS, call("first", 40, trace_id="t", output="no word of it"))
    take(project, records.FEEDBACK, said)
    bind(project)
    assert one(project, "verdict")["edit_ratio"] == 1.0
    take(project, records.INTERACTIONS, call("second", 30, trace_id="t"))
    bind(project, NOW + LATER)
    assert one(project, "verdict", "edit_ratio, interaction_id") == {"edit_ratio": 0.25, "interaction_id": "second"}


def test_after_a_day_it_is_settled(project):
    take(project, records.FEEDBACK, thumb(20, trace_id="t"))
    take(project, records.INTERACTIONS, call("first", 40, trace_id="t"))
    assert bind(project) == 1
    assert bind(project, NOW + LATER) == 0
    assert rows(project, "orphan") == []
    take(project, records.INTERACTIONS, call("second", 30, trace_id="t"))
    assert bind(project, NOW + LATER) == 0
    assert target(project) == "first"


def test_what_stands_alone_takes_the_feature_of_its_trace_and_asks_for_no_session(project):
    take(project, records.INTERACTIONS, call("a", 40, trace_id="t", session_id="s"))
    escalation = {"kind": "escalation", "id": "f", "trace_id": "t"}
    take(project, records.FEEDBACK, [escalation, {"kind": "nps", "score": 9, "id": "g", "session_id": "s"}])
    assert len(rows(project, "orphan")) == 1
    bind(project)
    feature = one(project, "feature")["number"]
    assert one(project, "feedback", "feature_id, interaction_id", "id = 'f'") == {
        "feature_id": feature,
        "interaction_id": "a",
    }
    assert one(project, "feedback", "feature_id, interaction_id", "id = 'g'") == {
        "feature_id": 0,
        "interaction_id": None,
    }
    assert rows(project, "verdict") == []


def test_another_projects_trace_leads_nowhere(project, make_project):
    take(make_project(), records.INTERACTIONS, call("a", 40, trace_id="t"))
    take(project, records.FEEDBACK, thumb(20, trace_id="t"))
    assert bind(project) == 0
    assert target(project) is None


def test_partitions_have_the_indexes_that_a_trail_is_followed_by(project):
    take(project, records.INTERACTIONS, call("old", 40 * 24 * 60, trace_id="t"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'interaction'::regclass")
        partitions = cursor.fetchone()[0]
        for name in ("trace", "span", "session"):
            cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", [f"interaction_{name}"])
            assert cursor.fetchone()[0] == partitions > 1


CALLS = [
    call("a", 40 * 24 * 60, trace_id="t1", session_id="s1", user_id="maya"),
    call("b", 300, trace_id="t1", session_id="s1", user_id="maya"),
    call("c", 200, trace_id="t2", span_id="p", session_id="s1", user_id="liv"),
    call("d", 200, session_id="s2"),
]
ABOUT = [
    {"interaction_id": "a"}, {"interaction_id": "b"}, {"trace_id": "t1"}, {"span_id": "p"}, {"session_id": "s1"},
    {"span_id": "p", "trace_id": "t1"}, {"span_id": "none", "session_id": "s2"}, {"interaction_id": "never"}, {"trace_id": "never"},
]  # fmt: skip
SAID = [
    {"kind": "thumb", "value": "up"},
    {"kind": "thumb", "value": "down"},
    {"kind": "correction", "final_text": "one two"},
    {"kind": "flag", "category": "wrong"},
]
WORDS = st.lists(
    st.builds(
        lambda what, about, minutes: {**what, **about, "occurred_at": at(minutes)},
        st.sampled_from(SAID),
        st.sampled_from(ABOUT),
        st.sampled_from([60_000, 300, 250, 100, 1]),
    ),
    min_size=1,
    max_size=6,
)
COST = {"id": "k", "component": "model_tokens", "amount_usd": "0.5", "interaction_id": "c", "occurred_at": at(3)}


def meant(word):
    """The rule, said once more in the plainest way."""
    if "interaction_id" in word:
        return word["interaction_id"] if any(one["id"] == word["interaction_id"] for one in CALLS) else None
    for name in ("span_id", "trace_id", "session_id"):
        having = [one for one in CALLS if name in word and one.get(name) == word[name]]
        before = [one for one in having if one["occurred_at"] <= word["occurred_at"]]
        if before:
            return max(before, key=lambda one: (one["occurred_at"], one["id"]))["id"]
        if having:
            return min(having, key=lambda one: one["occurred_at"])["id"]
    return None


def last_words(words):
    verdicts = {}
    for word in sorted(words, key=lambda word: (word["occurred_at"], word["id"])):
        if call := meant(word):
            kind = int(FeedbackKind[word["kind"].upper()])
            verdicts[call, kind, word.get("category", "")] = word["id"]
    return verdicts


@settings(max_examples=15, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS, data=st.data())
def test_every_order_of_arrival_with_resends_and_contradictions_ends_in_the_last_words(make_project, words, data):
    words = [{**word, "id": f"f{number}"} for number, word in enumerate(words)]
    sendings = [(records.INTERACTIONS, one) for one in CALLS] + [(records.FEEDBACK, one) for one in words]
    sendings += [(records.COSTS, COST), *data.draw(st.lists(st.sampled_from(sendings), max_size=3))]
    project = make_project()
    for way, item in data.draw(st.permutations(sendings)):
        take(project, way, item, NOW)
        if data.draw(st.booleans()):
            bind(project, NOW + SOON)
    for days in range(4):
        bind(project, NOW + SOON + days * DAY)
    verdicts = rows(project, "verdict")
    assert {(row["interaction_id"], row["kind"], row["name"]): row["feedback_id"] for row in verdicts} == last_words(
        words
    )
    assert all(row["edit_ratio"] == (0.5 if row["kind"] == FeedbackKind.CORRECTION else None) for row in verdicts)
    history = rows(project, "feedback", "id, interaction_id, interaction_at")
    assert {row["id"]: row["interaction_id"] if row["interaction_at"] else None for row in history} == {
        word["id"]: meant(word) for word in words
    }
    assert one(project, "cost")["occurred_at"].isoformat() == at(200)
    assert len(rows(project, "orphan")) == sum(meant(word) is None for word in words)
