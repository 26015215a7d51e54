"""Which interactions stand out: limits of the feature's last weeks, empty, cut, refusing and repeated outputs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ingest import records, timeline
from ingest.digest import limits, marks, reader, unread
from ingest.digest.marks import Limits, Measured
from ingest.dimensions import EVERY_MARK, Flag
from ingest.models import Payload
from ingest.projects.scope import project_scope
from ingest.timeline import HOUR, MINUTE, Window
from tests import factories
from tests.ingest.record import one, rows, take

LIMITS = Limits(cost_nano=10, latency_ms=10.0, input_tokens=10, output_tokens=10, prompt_chars=10, output_chars=10)
USUAL = Measured(cost_nano=10, latency_ms=10.0, input_tokens=10, output_tokens=10, prompt_chars=10, output_chars=10)


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("cost_nano", Flag.UNUSUAL_COST),
        ("latency_ms", Flag.UNUSUAL_LATENCY),
        ("input_tokens", Flag.UNUSUAL_TOKENS),
        ("output_tokens", Flag.UNUSUAL_TOKENS),
        ("prompt_chars", Flag.UNUSUAL_LENGTH),
        ("output_chars", Flag.UNUSUAL_LENGTH),
    ],
)
def test_what_lies_beyond_a_limit_is_marked_by_its_kind(name, mark):
    assert marks.unusual(USUAL, LIMITS) == 0
    assert marks.unusual(replace(USUAL, **{name: 11}), LIMITS) == mark
    assert marks.unusual(replace(USUAL, **{name: None}), LIMITS) == 0
    assert marks.unusual(replace(USUAL, **{name: 11}), Limits()) == 0


def send(project, *items):
    answer = take(project, records.INTERACTIONS, [{"feature": "chat", **item} for item in items])
    assert answer.invalid == answer.conflicts == 0
    reader.read(timeline.now(), only=[project.id], everything=True)


def marked(project):
    """The marks of each interaction that has any, by id."""
    found = {row["id"]: row["flags"] & EVERY_MARK for row in rows(project, "interaction")}
    return {id: Flag(flags) for id, flags in found.items() if flags}


def test_outputs_that_are_empty_cut_off_or_refusing_are_marked(project):
    send(
        project,
        {"id": "usual", "output": "fine"},
        {"id": "empty", "output": " \n"},
        {"id": "not-sent"},
        {"id": "failed", "output": "", "status": "error"},
        {"id": "refusal", "output": [{"role": "assistant", "content": "I'm sorry, but I can't do that."}]},
        {"id": "tool", "output": [{"role": "assistant", "content": None, "tool_calls": [{"id": "x"}]}]},
        {"id": "cut", "output": "and then", "finish_reason": "length"},
        {"id": "cut-too", "output": "and then", "metadata": {"response": {"stop_reason": "max_tokens"}}},
        {"id": "stopped", "output": "done", "finish_reason": "stop"},
    )
    assert marked(project) == {
        "empty": Flag.OUTPUT_EMPTY,
        "refusal": Flag.REFUSAL,
        "cut": Flag.OUTPUT_CUT_OFF,
        "cut-too": Flag.OUTPUT_CUT_OFF,
    }


def test_why_a_model_stopped_is_also_seen_where_texts_are_only_hashed(make_project):
    project = make_project(text_policy="hashed")
    send(
        project,
        {"id": "cut", "output": "and then", "finish_reason": "length"},
        {"id": "cut-too", "output": "and then", "metadata": {"response": {"stop_reasons": ["max_tokens"]}}},
        {"id": "stopped", "output": "done", "finish_reason": "stop"},
    )
    assert marked(project) == {"cut": Flag.OUTPUT_CUT_OFF, "cut-too": Flag.OUTPUT_CUT_OFF}


def test_the_fifth_equal_output_of_a_feature_within_a_day_is_a_repeat(project):
    now = timeline.now()
    long, short = "The very same answer as ever, whatever was asked.", "positive"

    def call(id, hours, output=long, **more):
        return {"id": id, "occurred_at": (now - timedelta(hours=hours)).isoformat(), "output": output, **more}

    send(project, *(call(f"a{number}", 40 - number) for number in range(4)), call("late", 1))
    assert marked(project) == {}
    send(
        project,
        *(call(f"b{number}", 10 - number) for number in range(5)),
        *(call(f"c{number}", 5, short) for number in range(7)),
        *(call(f"d{number}", 5, feature="other") for number in range(4)),
        call("cache", 0, cache="exact"),
    )
    assert marked(project) == {"b4": Flag.REPEAT}


def fill(project, count, feature="chat", **columns):
    """Rows of the last hours that nobody has to read."""
    now = timeline.now()
    factories.interactions(
        project,
        [
            {
                "at": now - timedelta(minutes=number),
                "feature": feature,
                "latency_ms": float(number % 1_000),
                **columns,
            }
            for number in range(count)
        ],
        mark=False,
    )


def limits_of(project):
    with project_scope(project.id):
        return limits.of_features()


def refresh(project, now):
    with project_scope(project.id):
        return limits.refresh(now)


def test_limits_are_the_999th_of_a_thousand_and_need_that_many(project):
    now = timeline.now()
    fill(project, 2_000, cost_nano=5)
    fill(project, 999, "rare")
    assert refresh(project, now)
    by_sample = sorted(limits_of(project).values(), key=lambda found: found.latency_ms or 0)
    assert by_sample == [Limits(), Limits(latency_ms=998.0, cost_nano=5)]


def test_an_interaction_beyond_its_features_limit_is_marked(project):
    fill(project, 2_000)
    send(
        project,
        {"id": "usual", "latency_ms": 998},
        {"id": "slow", "latency_ms": 5_000},
        {"id": "x", "feature": "new", "latency_ms": 1e6},
    )
    assert marked(project) == {"slow": Flag.UNUSUAL_LATENCY}


def test_of_a_busy_hour_only_so_many_rows_are_measured(project, monkeypatch):
    fill(project, 100)
    monkeypatch.setattr(limits, "MEASURE", limits.MEASURE.replace(f"LIMIT {limits.ROWS_AN_HOUR}", "LIMIT 7"))
    refresh(project, timeline.now())
    assert one(project, "usual_limit", "sample", "feature_id = 0")["sample"] <= 3 * 7


def test_limits_are_measured_daily_and_of_few_rows_hourly(project, monkeypatch):
    now = timeline.now()
    assert refresh(project, now)
    assert not refresh(project, now + timedelta(minutes=59))
    assert refresh(project, now + timedelta(minutes=61))
    monkeypatch.setattr(limits, "CHEAP_SAMPLE", -1)
    assert not refresh(project, now + timedelta(hours=24))
    assert refresh(project, now + timedelta(hours=26))


def test_a_feature_that_is_silent_for_four_weeks_loses_its_limits(project):
    now = timeline.now()
    fill(project, 10)
    refresh(project, now)
    assert len(limits_of(project)) == 1
    refresh(project, now + timedelta(days=29))
    assert limits_of(project) == {}


def test_what_was_found_in_a_text_stays_when_the_text_has_gone(project):
    """Something of the interaction is filled later, or its price changes: it is read again, without a text."""
    said = "I'm sorry, but I can't help with that, whatever you may tell me."
    send(
        project,
        {"id": "refusal", "model": "gpt-4o", "prompt": "Say it! " * 9, "output": said},
        *({"id": f"r{number}", "output": "The very same answer as ever, whatever was asked."} for number in range(5)),
        {"id": "empty", "output": " "},
        {"id": "cut", "output": "and then", "finish_reason": "length"},
    )
    before, found = rows(project, "interaction"), marked(project)
    assert len(found) == 4
    with project_scope(project.id):
        Payload.objects.all().delete()
        unread.enqueue(timeline.now(), [(row["occurred_at"], row["id"]) for row in before])
    reader.read(timeline.now(), only=[project.id], everything=True)
    assert marked(project) == found
    assert rows(project, "interaction") == before
    assert rows(project, "unread") == []


def test_a_mark_that_reading_finds_is_in_the_rate_of_outliers(project):
    from observatory.metrics import roller, series

    answer = take(
        project, records.INTERACTIONS, [{"feature": "chat", "output": "fine" if n else " "} for n in range(40)]
    )
    assert answer.invalid == 0
    window = Window(timeline.now() - HOUR, timeline.now() + MINUTE)

    def rates():
        now = timeline.now()
        roller.roll(now, only=[project.id], everything=True)
        with project_scope(project.id):
            numbers = series.Reader(now)
            return [
                numbers.reading(name, window).value
                for name in ("outlier_rate", "outlier_empty_rate", "outlier_cost_rate")
            ]

    assert rates() == [0.0, 0.0, 0.0]
    reader.read(timeline.now(), only=[project.id], everything=True)
    assert rates() == [1 / 40, 1 / 40, 0.0]
