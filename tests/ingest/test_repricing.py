"""History is priced again with today's prices: only what we priced, in batches, as often as one likes."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection

from ingest import prices, records, repricing, timeline
from ingest.dimensions import CostSource, Facts
from ingest.models import PriceOverride
from ingest.projects.scope import project_scope
from ingest.repricing import Chosen, reprice
from ingest.timeline import Window
from tests.ingest.record import one, rows, take

NOW = timeline.now()
TOKENS = {"feature": "write", "input_tokens": 1000, "output_tokens": 0}


def set_price(project, model, usd, since=NOW - timedelta(days=60)):
    with project_scope(project.id):
        PriceOverride.objects.create(
            model=model, valid_from=since.date(), input_usd_per_million=usd, output_usd_per_million=usd
        )
    prices._books.clear()


def call(id, days, model, **more):
    return {"id": id, "occurred_at": (NOW - timedelta(days=days)).isoformat(), "model": model, **TOKENS, **more}


def command(project, *words):
    said = StringIO()
    call_command("reprice", project.slug, *words, stdout=said)
    return said.getvalue()


def everything(project, model=None):
    return Chosen(project.id, Window(NOW - timedelta(days=60), NOW + timedelta(days=1)), model)


@pytest.fixture
def calls(project):
    take(
        project,
        records.INTERACTIONS,
        [
            call("ours", 10, "in-house", user_id="maya"),
            call("older", 20, "in-house"),
            call("theirs", 10, "in-house", cost_usd="0.25"),
            call("listed", 10, "gpt-4o"),
            {"id": "free", "feature": "write", "occurred_at": (NOW - timedelta(days=10)).isoformat()},
        ],
    )
    with connection.cursor() as cursor:
        for table in ("dirty_bucket", "dirty_user", "unread"):
            cursor.execute(f"DELETE FROM {table} WHERE project_id = %s", [project.id])
    return project


def costs(project):
    return {row["id"]: (row["cost_nano"], row["cost_source"]) for row in rows(project, "interaction")}


def test_a_price_that_came_later_prices_what_had_none_and_the_rest_stays(calls):
    before = costs(calls)
    assert before["ours"] == (None, CostSource.UNPRICED)
    set_price(calls, "in-house", 3)
    said = command(calls, "--from", (NOW - timedelta(days=15)).date().isoformat())
    after = costs(calls)
    assert after == {**before, "ours": (3_000_000, CostSource.OVERRIDE)}
    assert before["theirs"] == (250_000_000, CostSource.CLIENT)
    assert "in-house" in said
    assert "1 → 0" in said
    assert "gpt-4o" not in said, "only models that change are shown"
    at = one(calls, "interaction", "occurred_at", "id = 'ours'")["occurred_at"]
    minute, quarter = timeline.floor(at, timeline.MINUTE), timeline.floor(at, timeline.QUARTER)
    assert rows(calls, "dirty_bucket", "bucket, facts") == [{"bucket": minute, "facts": Facts.INTERACTIONS}]
    assert rows(calls, "dirty_user", "quarter, cluster") == [{"quarter": quarter, "cluster": "maya"}]
    assert [row["id"] for row in rows(calls, "unread", "id")] == [["ours"]]


def test_what_was_stored_as_free_is_priced_too_where_nobody_answers_for_nothing(calls):
    """Rows from before 0 beside tokens was taken for no amount."""
    take(
        calls,
        records.INTERACTIONS,
        [
            call("nothing", 10, "in-house", cost_usd=0),
            call("cached", 10, "in-house", cost_usd=0, cache="exact"),
            {**call("no-tokens", 10, "in-house", cost_usd=0), "input_tokens": None},
        ],
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE interaction SET cost_nano = 0, cost_source = %s WHERE project_id = %s AND id = 'nothing'",
            [CostSource.CLIENT, calls.id],
        )
    free = {"nothing": (0, CostSource.CLIENT), "cached": (0, CostSource.CLIENT), "no-tokens": (0, CostSource.CLIENT)}
    before = costs(calls)
    assert before == before | free
    command(calls, "--from", "2020-01-01")
    assert costs(calls) == before | {"nothing": (None, CostSource.UNPRICED)}
    set_price(calls, "in-house", 3)
    command(calls, "--from", "2020-01-01")
    after = costs(calls)
    assert after == before | dict.fromkeys(("ours", "older", "nothing"), (3000000, CostSource.OVERRIDE))


def test_a_dry_run_shows_the_same_and_writes_nothing(calls):
    set_price(calls, "in-house", 3)
    before = costs(calls)
    said = command(calls, "--from", "2020-01-01", "--dry-run")
    assert "would change" in said
    assert "0.006000" in said
    assert costs(calls) == before
    assert rows(calls, "dirty_bucket") == []


def test_a_second_run_changes_nothing_and_a_price_that_went_leaves_calls_unpriced(calls):
    set_price(calls, "in-house", 3)
    assert sum(one.has_changed for done in reprice(everything(calls), NOW) for one in done) == 2
    assert sum(one.has_changed for done in reprice(everything(calls), NOW) for one in done) == 0
    with project_scope(calls.id):
        PriceOverride.objects.all().delete()
    prices._books.clear()
    list(reprice(everything(calls), NOW))
    assert costs(calls)["ours"] == (None, CostSource.UNPRICED)


def test_one_model_alone(calls):
    for model in ("in-house", "gpt-4o"):
        set_price(calls, model, 3)
    command(calls, "--from", "2020-01-01", "--model", "gpt-4o")
    found = costs(calls)
    assert found["listed"] == (3_000_000, CostSource.OVERRIDE)
    assert found["ours"] == (None, CostSource.UNPRICED)
    assert " 0 " in command(calls, "--from", "2020-01-01", "--model", "never heard of")


def test_a_run_in_small_batches_that_is_stopped_goes_on_where_it_was(project):
    take(project, records.INTERACTIONS, [call(f"c{number}", 5, "in-house") for number in range(7)])
    set_price(project, "in-house", 3)
    run = reprice(everything(project), NOW, batch=3)
    assert len(next(run)) == 3
    run.close()
    assert sum(cost is not None for cost, _ in costs(project).values()) == 3
    assert [len(done) for done in reprice(everything(project), NOW, batch=3)] == [3, 3, 1]
    assert all(cost == 3_000_000 for cost, _ in costs(project).values())


def test_a_call_that_changes_while_it_is_priced_is_left_to_whoever_changed_it(calls, monkeypatch):
    set_price(calls, "in-house", 3)
    write = repricing._write

    def overtaken(changed, now):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE interaction SET cost_nano = 7, cost_source = 1 WHERE project_id = %s AND id = 'ours'",
                [calls.id],
            )
        write(changed, now)

    monkeypatch.setattr(repricing, "_write", overtaken)
    list(reprice(everything(calls), NOW))
    assert costs(calls)["ours"] == (7, CostSource.CLIENT)
    assert costs(calls)["older"] == (3_000_000, CostSource.OVERRIDE)


def test_another_projects_calls_stay(calls, make_project):
    other = make_project()
    take(other, records.INTERACTIONS, call("ours", 10, "in-house"))
    set_price(calls, "in-house", 3)
    command(calls, "--from", "2020-01-01")
    assert costs(other) == {"ours": (None, CostSource.UNPRICED)}


def test_calls_before_the_raw_horizon_are_said_to_be_gone(calls):
    calls.raw_horizon = NOW - timedelta(days=15)
    calls.save()
    set_price(calls, "in-house", 3)
    assert "no longer there" in command(calls, "--from", "2020-01-01")
    assert costs(calls)["older"] == (None, CostSource.UNPRICED)


@pytest.mark.parametrize(
    "words", [("--from", "soon"), ("--from", "2026-01-31", "--to", "2026-01-31"), ("--to", "2026-01-31")]
)
def test_a_time_that_is_none_is_refused(project, words):
    with pytest.raises(CommandError):
        command(project, *words)


def test_a_price_is_set_and_removed_by_command(calls):
    said = StringIO()
    for price in ("2", "3"):
        call_command("set_price", calls.slug, "in-house", "--input", price, "--output", "0", stdout=said)
    prices._books.clear()
    command(calls, "--from", "2020-01-01")
    assert costs(calls)["ours"] == (3_000_000, CostSource.OVERRIDE)
    call_command("set_price", calls.slug, "in-house", "--remove", stdout=said)
    assert "1 price removed" in said.getvalue()
    assert rows(calls, "price_override") == []


@pytest.mark.parametrize(
    "words",
    [
        ("--input", "1"),
        ("--input", "-1", "--output", "1"),
        ("--input", "NaN", "--output", "1"),
        ("--input", "much", "--output", "1"),
        ("--input", "1", "--output", "1", "--from", "soon"),
    ],
)
def test_a_price_that_is_none_is_refused(project, words):
    with pytest.raises(CommandError):
        call_command("set_price", project.slug, "m", *words)


@pytest.mark.parametrize("column", ["input", "output", "cached_input"])
def test_no_price_can_be_negative(project, column):
    usd = {"input": 1, "output": 1, "cached_input": 1, column: -1}
    fields = {f"{name}_usd_per_million": value for name, value in usd.items()}
    with pytest.raises(IntegrityError), project_scope(project.id):
        PriceOverride.objects.create(model="m", valid_from=NOW.date(), **fields)
