"""Costs: at their interaction, at their own time, or spread evenly over a period of local days."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest import records, timeline
from ingest.costs import period_parts
from ingest.dimensions import Facts
from ingest.timeline import local_day
from tests.ingest.record import one, rows, statuses, take

CALL = {"id": "call", "feature": "write", "model": "m", "session_id": "s-9"}


def test_a_linked_cost_counts_at_its_interactions_time_dimensions_and_user(project):
    at = timeline.now() - timedelta(days=3)
    take(project, records.INTERACTIONS, {**CALL, "occurred_at": at.isoformat()})
    sent = {"component": "model_tokens", "amount_usd": "0.000000123", "interaction_id": "call", "feature": "other one"}
    take(project, records.COSTS, sent)
    interaction, cost = one(project, "interaction"), one(project, "cost")
    assert (cost["occurred_at"], cost["amount_nano"], cost["cluster"]) == (at, 123, "s-9")
    assert (cost["feature_id"], cost["model_id"]) == (interaction["feature_id"], interaction["model_id"])
    marked = {row["bucket"] for row in rows(project, "dirty_bucket", "bucket", "facts = %s", int(Facts.INTERACTIONS))}
    assert marked == {timeline.floor(at, timeline.MINUTE)}


def test_a_cost_alone_is_the_projects_overhead_at_its_time(project):
    take(project, records.COSTS, {"component": "infrastructure", "amount_usd": 3})
    cost = one(project, "cost")
    assert (cost["feature_id"], cost["cluster"], cost["amount_nano"]) == (0, None, 3 * 10**9)


def test_a_month_is_spread_over_its_local_days_and_adds_up_exactly(make_project):
    project = make_project(time_zone="Europe/Helsinki")
    now = timeline.now()
    first = (now.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1)
    start, end = (timeline.day_start(day, project.time_zone) for day in (first, last))
    sent = {
        "component": "infrastructure",
        "amount_usd": "100",
        "period_from": start.isoformat(),
        "period_to": end.isoformat(),
    }
    take(project, records.COSTS, {**sent, "id": "bill"})
    parts = rows(project, "cost", "occurred_at, amount_nano, id")
    assert [local_day(part["occurred_at"], project.time_zone) for part in parts] == list(
        timeline.days(first, last - timedelta(days=1))
    )
    assert sum(part["amount_nano"] for part in parts) == 100 * 10**9
    assert {part["id"] for part in parts} == {"bill"}
    assert len(rows(project, "record_key")) == 1
    assert len(rows(project, "dirty_bucket", "DISTINCT bucket")) == len(parts)


def test_a_bill_sent_at_the_beginning_of_its_month_finds_partitions_for_its_end(project):
    now = timeline.now()
    sent = {
        "component": "other",
        "amount_usd": 1,
        "period_from": now.isoformat(),
        "period_to": (now + timedelta(days=29)).isoformat(),
    }
    assert take(project, records.COSTS, sent).created == 1
    assert len(rows(project, "cost")) in {29, 30}


def test_days_of_23_and_25_hours_weigh_what_they_last():
    spring = period_parts(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC), "Europe/Berlin")
    assert [length for _, length in spring] == [23 * 3_600_000_000]
    autumn = period_parts(
        datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC), "Europe/Berlin"
    )
    assert [length for _, length in autumn] == [25 * 3_600_000_000]
    whole = period_parts(datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC), "UTC")
    assert [length // 3_600_000_000 for _, length in whole] == [12, 24]


NOW = timeline.now()


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"amount_usd": "-0.01"}, "$.amount_usd"),
        ({"amount_usd": "Infinity"}, "$.amount_usd"),
        ({"amount_usd": "much"}, "$.amount_usd"),
        ({"component": "magic"}, "$.component"),
        ({"period_from": NOW.isoformat()}, "$.period_to"),
        ({"period_from": NOW.isoformat(), "period_to": NOW.isoformat()}, "$.period_to"),
        ({"period_from": NOW.isoformat(), "period_to": (NOW + timedelta(days=40)).isoformat()}, "$.period_to"),
        ({"period_from": (NOW - timedelta(days=3_661)).isoformat(), "period_to": NOW.isoformat()}, "$.period_from"),
        ({"period_from": "0001-01-01T00:00:00Z", "period_to": NOW.isoformat()}, "$.period_from"),
        (
            {"period_from": (NOW - timedelta(days=1)).isoformat(), "period_to": NOW.isoformat(), "interaction_id": "x"},
            "$.interaction_id",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(post, sent, path):
    answer = post("costs", {"component": "other", "amount_usd": 1, **sent})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == path


def bill(days, **fields):
    ends = timeline.now()
    times = {"period_from": (ends - timedelta(days=days)).isoformat(), "period_to": ends.isoformat()}
    return {"component": "other", "amount_usd": 1, **times, **fields}


def test_the_texts_of_a_bill_are_kept_once_however_many_days_it_has(project):
    take(project, records.COSTS, bill(300, description="servers", metadata={"note": "x" * 60_000}))
    first, *others = rows(project, "cost", "occurred_at, description, metadata")
    assert first["description"] == "servers"
    assert len(first["metadata"]) > 60_000
    assert len(others) >= 299
    assert {(row["description"], row["metadata"]) for row in others} == {(None, None)}


def test_a_period_that_is_too_long_costs_no_neighbour(post, project):
    answer = post(
        "batch", [{"type": "cost", **bill(3_700)}, {"type": "interaction", **CALL}, {"type": "cost", **bill(2)}]
    )
    assert answer.status_code == 207
    assert statuses(answer) == ["invalid", "created", "created"]
    error = answer.json()["results"][0]["error"]
    assert (error["path"], error["expected"]) == ("$.period_from", "a time at most ten years before period_to")


def test_a_body_whose_periods_have_too_many_days_together_is_413_and_stores_and_costs_nothing(post, project):
    type(project).objects.filter(pk=project.pk).update(events_per_second=1)  # 60 at once
    many = [bill(364, id=f"bill-{number}") for number in range(140)]
    answer = post("costs", many)
    assert answer.status_code == 413
    assert "at most 50,000" in answer.json()["detail"]
    assert rows(project, "cost") == []
    assert post("costs", [{**one, "amount_usd": "-1"} for one in many[:3]]).status_code == 400


def test_what_lies_before_the_horizon_or_is_refused_by_itself_weighs_nothing(project):
    times = {"period_from": "0001-01-01T00:00:00Z"}
    far = [bill(1, id=f"far-{number}", period_to="9999-01-01T00:00:00Z", **times) for number in range(20)]
    old = [bill(1, id=f"old-{number}", period_to="2000-01-01T00:00:00Z", **times) for number in range(20)]
    late = [bill(3_600, id=f"late-{number}") for number in range(14)]
    assert statuses(take(project, records.COSTS, [*far, *old, *late])) == ["invalid"] * 40 + ["created"] * 14
    assert len(rows(project, "cost")) < 14 * 403
