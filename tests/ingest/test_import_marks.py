"""How far history reaches that was imported: of each feature that it is about, and of the project as a whole."""

import io
import json
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.core.management import call_command
from django.db import connection

from ingest import timeline
from ingest.imports import items, marks
from ingest.projects.models import Feature
from ingest.projects.scope import project_scope
from tests.ingest.record import one

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "item", "reach"),
    [
        ("interaction", {"occurred_at": "2099-01-01T00:00:00Z"}, NOON),
        ("interaction", {"occurred_at": "2026-11-20T00:00:00Z"}, NOON - 36 * HOUR),
        ("interaction", {"occurred_at": "yesterday"}, None),
        ("feedback", {"kind": "nps", "occurred_at": "2026-11-20T00:00:00+01:00"}, NOON - 37 * HOUR),
        ("cost", {"period_from": "2026-10-01T00:00:00Z", "period_to": "2026-11-20T00:00:00Z"}, NOON - 36 * HOUR),
        ("cost", {"period_from": "2026-11-01T00:00:00Z", "period_to": "2026-12-01T00:00:00Z"}, NOON),
        ("user", {"occurred_at": "2026-11-20T00:00:00Z"}, NOON - 36 * HOUR),
        ("change", {"occurred_at": "2026-11-20T00:00:00Z"}, None),
        ("figure", {"month": "2026-10"}, datetime(2026, 10, 31, 23, tzinfo=UTC)),
        ("figure", {"month": "2025-12"}, datetime(2025, 12, 31, 23, tzinfo=UTC)),
        ("figure", {"month": "2026-11"}, NOON),
        ("figure", {"month": "2026-12"}, None),
        ("figure", {"month": "2026-13"}, None),
        ("figure", {"month": "9999-12"}, None),
        ("figure", {"month": [2026]}, None),
    ],
)
def test_history_reaches_as_far_as_something_in_it_counts_and_not_beyond_now(kind, item, reach):
    line = items.looked_into(1, json.dumps({"id": "a", **item}).encode(), "a.jsonl", kind)
    assert items.reaches_to(line, NOON, "Europe/Berlin") == reach


@pytest.fixture
def bring_in(project, tmp_path):
    """Import one line in this very process."""

    def run(line, *words):
        path = tmp_path / "history.jsonl"
        path.write_text(json.dumps(line))
        words = ["--processes", "1", *words]
        call_command("import", project.slug, str(path), *words, stdout=io.StringIO(), stderr=io.StringIO())

    return run


@pytest.fixture
def reaches(project):
    """How long ago history ended, in hours: of each feature, and of the project as a whole."""

    def read():
        with project_scope(project.id):
            names = dict(Feature.objects.values_list("number", "name"))
            return {names.get(number, "project"): hours_ago(at) for number, at in marks.read().items()}

    return read


def ago(hours):
    return (timeline.now() - hours * HOUR).isoformat()


def hours_ago(at):
    return round((timeline.now() - at) / HOUR)


LINES = {
    "an own feature": ("interaction", {"feature": "chat"}, {"chat": 2, "project": 2}),
    "a thumb by id": ("feedback", {"kind": "thumb", "value": "up", "interaction_id": "call"}, {"calls": 9, "project": 9}),
    "a thumb by span": ("feedback", {"kind": "thumb", "value": "up", "span_id": "span"}, {"calls": 9, "project": 9}),
    "a thumb by session": ("feedback", {"kind": "thumb", "value": "up", "session_id": "talk"}, {"calls": 9, "project": 9}),
    "a thumb for nothing": ("feedback", {"kind": "thumb", "value": "up", "interaction_id": "not there"}, {"project": 2}),
    "an escalation by id": ("feedback", {"kind": "escalation", "interaction_id": "call"}, {"calls": 2, "project": 2}),
    "an escalation": ("feedback", {"kind": "escalation", "session_id": "talk"}, {"project": 2}),
    "a ticket": ("feedback", {"kind": "ticket", "category": "x"}, {"project": 2}),
    "a promoter": ("feedback", {"kind": "nps", "score": 9}, {"project": 2}),
    "a cost by id": ("cost", {"component": "other", "amount_usd": 1, "interaction_id": "call"}, {"calls": 9, "project": 9}),
    "overhead": ("cost", {"component": "other", "amount_usd": 1, "span_id": "span"}, {"project": 2}),
    "a cost of a feature": ("cost", {"component": "other", "amount_usd": 1, "feature": "calls"}, {"calls": 2, "project": 2}),
    "a user": ("user", {"user_id": "u", "event": "seen"}, {"project": 2}),
    "a change": ("change", {"kind": "deploy", "title": "x", "feature": "calls"}, {}),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_every_line_marks_the_windows_in_which_it_counts(bring_in, post, reaches, line):
    kind, item, found = LINES[line]
    call = {"feature": "calls", "span_id": "span", "session_id": "talk", "id": "call"}
    post("interactions", {**call, "occurred_at": ago(9)})
    bring_in({**item, "occurred_at": ago(2)}, "--kind", kind)
    assert reaches() == found


def test_a_mark_only_moves_forward_and_none_is_left_with_alert(bring_in, reaches):
    bring_in({"feature": "chat", "occurred_at": ago(1)}, "--alert")
    assert reaches() == {}
    bring_in({"feature": "chat", "occurred_at": ago(3)})
    bring_in({"feature": "chat", "occurred_at": ago(30)})
    assert reaches() == {"chat": 3, "project": 3}


def test_the_mark_on_a_project_is_taken_over_from_the_keys_of_its_record(make_project, reaches, project):
    migration = import_module("ingest.migrations.0013_marks_and_flags")
    untouched, at = make_project(), timeline.now() - 7 * HOUR
    with connection.cursor() as cursor:
        for key in (migration.KEY, "00" * 16):
            cursor.execute(
                "INSERT INTO record_key (project_id, occurred_at, key, content) VALUES (%s, %s, decode(%s, 'hex'), '')",
                [project.id, at, key],
            )
        cursor.execute(migration.TAKE_OVER)
    assert reaches() == {"project": 7}
    assert one(project, "record_key", "key") == {"key": bytes(16)}
    untouched.refresh_from_db()
    assert untouched.imported_to is None
