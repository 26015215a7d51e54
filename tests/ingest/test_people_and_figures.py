"""What became of users, and what only the business knows."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from ingest import figures, records, timeline
from ingest.dimensions import OTHER, FigureName, UserEvent
from ingest.projects.scope import project_scope
from tests.ingest.record import one, rows, statuses, take

USER = {"user_id": "maya", "event": "activated"}
FIGURE = {"month": "2026-01", "name": "revenue_usd", "value": "1234.5"}


def standing(project, first=date(2000, 1, 1), last=date(2099, 12, 1)):
    with project_scope(project.id):
        return {(one.month, FigureName(one.name).name, one.tier): one.value for one in figures.standing(first, last)}


def test_what_became_of_a_user_is_stored_with_what_was_said_of_them(post, project):
    at = datetime.now(UTC) - timedelta(days=3)
    sent = {
        **USER,
        "id": "u1",
        "occurred_at": at.isoformat(),
        "feature": "write",
        "segment": "agency",
        "tier": "pro",
        "is_control": True,
        "plan": 1,
    }
    assert statuses(post("users", sent)) == ["created"]
    stored = one(project, "user_event")
    names = {row["value"]: row["number"] for row in rows(project, "dimension_value", "value, number")}
    assert (stored["user_id"], stored["event"], stored["occurred_at"]) == ("maya", UserEvent.ACTIVATED, at)
    assert [stored[name] for name in ("feature_id", "segment_id", "tier_id")] == [
        names[name] for name in ("write", "agency", "pro")
    ]
    assert (stored["is_control"], json.loads(stored["metadata"])) == (True, {"plan": 1})
    assert statuses(post("users", sent)) == ["duplicate"]
    assert statuses(post("users", {**sent, "tier": "free"})) == ["conflict"]


def test_what_was_not_said_of_a_user_is_unknown_and_not_false(project):
    take(project, records.USERS, [USER, {**USER, "is_control": False, "event": "seen"}])
    assert [row["is_control"] for row in rows(project, "user_event", "is_control", "true")] in (
        [None, False],
        [False, None],
    )
    assert {row["tier_id"] for row in rows(project, "user_event")} == {0}
    assert rows(project, "dirty_bucket") == []


def test_a_tier_beyond_the_dictionary_keeps_its_text(project):
    take(project, records.USERS, [{**USER, "tier": f"t{number}"} for number in range(501)])
    beyond = rows(project, "user_event", "tier_id, metadata", "tier_id = %s", int(OTHER))
    assert [json.loads(row["metadata"])["tier"].startswith("t") for row in beyond] == [True]


@pytest.mark.parametrize(
    ("sent", "path", "expected"),
    [
        ({"user_id": ""}, "$.user_id", "a string of 1 to 200 characters"),
        ({"user_id": None}, "$.user_id", "a string of 1 to 200 characters"),
        ({"event": "left"}, "$.event", "one of activated, opted_out, opted_in, seen"),
        ({"event": None}, "$.event", "one of activated, opted_out, opted_in, seen"),
        ({"is_control": "yes"}, "$.is_control", "true or false"),
        ({"is_control": 1}, "$.is_control", "true or false"),
        ({"feature": " "}, "$.feature", "a name"),
        ({"occurred_at": "yesterday"}, "$.occurred_at", "an RFC 3339 time with a zone, like 2026-01-31T12:00:00Z"),
    ],
)
def test_a_user_event_that_cannot_be_is_refused_in_words(post, project, sent, path, expected):
    (error,) = post("users", {**USER, **sent}).json()["errors"]
    assert (error["path"], error["expected"]) == (path, expected)
    assert rows(project, "user_event") == []


def test_a_figure_is_stored_exactly(post, project):
    assert statuses(post("figures", [{**FIGURE, "tier": "pro", "id": "f", "source": "books"}])) == ["created"]
    stored = one(project, "figure")
    assert (stored["month"], stored["name"], stored["tier"]) == (date(2026, 1, 1), FigureName.REVENUE_USD, "pro")
    assert (stored["value"], json.loads(stored["metadata"])) == (Decimal("1234.5"), {"source": "books"})
    assert rows(project, "dimension_value") == []


@pytest.mark.parametrize("value", [0, 12, 0.1, "0.000001", "1000000000000", 1e12])
def test_a_value_may_be_a_number_or_a_text(project, value):
    take(project, records.FIGURES, {**FIGURE, "value": value})
    assert one(project, "figure")["value"] == Decimal(str(value))


def test_the_last_figure_sent_stands_and_what_was_said_before_is_kept(project):
    now = timeline.now()
    for minutes, value in ((0, "1"), (2, "3"), (1, "2")):
        take(project, records.FIGURES, {**FIGURE, "value": value}, now + timedelta(minutes=minutes))
    assert standing(project) == {(date(2026, 1, 1), "REVENUE_USD", ""): Decimal(3)}
    take(
        project,
        records.FIGURES,
        [{**FIGURE, "value": n, "id": str(9 - n)} for n in range(10)],
        now + timedelta(hours=1),
    )
    assert standing(project) == {(date(2026, 1, 1), "REVENUE_USD", ""): Decimal(9)}
    assert len(rows(project, "figure")) == 13


def test_months_names_and_tiers_stand_apart(project):
    others = [{"month": "2026-02"}, {"name": "active_users"}, {"tier": "pro"}, {"tier": ""}]
    take(project, records.FIGURES, [{**FIGURE, **other, "value": n} for n, other in enumerate(others)])
    assert len(standing(project)) == 4
    assert list(standing(project, date(2026, 2, 1), date(2026, 2, 28)).values()) == [0]


def test_a_retry_of_an_older_figure_changes_nothing(project):
    take(project, records.FIGURES, {**FIGURE, "id": "a", "value": 1})
    take(project, records.FIGURES, {**FIGURE, "id": "b", "value": 2})
    assert statuses(take(project, records.FIGURES, {**FIGURE, "id": "a", "value": 1})) == ["duplicate"]
    assert list(standing(project).values()) == [2]


MONTHS = [
    "2026-13",
    "2026-00",
    "2026-1",
    "26-01",
    "2026-01-01",
    "202601",
    "2026-01\n",
    " 2026-01",
    "1999-12",
    "2100-01",
    "20٢٦-01",
    "",
    202601,
    None,
]


@pytest.mark.parametrize("month", MONTHS)
def test_a_month_that_cannot_be_is_refused_in_words(post, project, month):
    (error,) = post("figures", {**FIGURE, "month": month}).json()["errors"]
    assert (error["path"], error["expected"]) == ("$.month", "a month from 2000-01 to 2099-12, like 2026-01")
    assert rows(project, "record_key") == []


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"value": -1}, "$.value"),
        ({"value": "NaN"}, "$.value"),
        ({"value": "Infinity"}, "$.value"),
        ({"value": "1e131071"}, "$.value"),
        ({"value": "1e12x"}, "$.value"),
        ({"value": 1e13}, "$.value"),
        ({"value": None}, "$.value"),
        ({"value": True}, "$.value"),
        ({"name": "profit"}, "$.name"),
        ({"tier": "x" * 101}, "$.tier"),
    ],
)
def test_a_figure_that_cannot_be_is_refused_with_its_path(post, project, sent, path):
    (error,) = post("figures", {**FIGURE, **sent}).json()["errors"]
    assert error["path"] == path
    assert rows(project, "figure") == []


def test_a_figure_has_no_time_of_its_own(project):
    take(project, records.FIGURES, {**FIGURE, "occurred_at": "1999-01-01T00:00:00Z"})
    assert json.loads(one(project, "figure")["metadata"]) == {"occurred_at": "1999-01-01T00:00:00Z"}


def test_a_value_of_many_digits_costs_no_more_than_it_should(project):
    take(project, records.FIGURES, {**FIGURE, "value": "0." + "0" * 100_000 + "1"})
    assert one(project, "figure")["value"] == 0
