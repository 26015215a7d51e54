"""POST over real HTTP: what is stored, what is answered, and what the answers look like."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection

from ingest import timeline
from ingest.dimensions import Cache, Component, CostSource, ErrorClass, Flag
from tests.ingest.record import one, rows

FULL = {
    "id": "call-1",
    "feature": "write-draft",
    "prompt": "  Write\r\na draft \n",
    "output": "Dear é😀",
    "model": "gpt-4o",
    "served_model": "gpt-4o-2024-08-06",
    "provider": "openai",
    "latency_ms": 1234.5,
    "time_to_first_token_ms": 200,
    "input_tokens": 1000,
    "output_tokens": 100,
    "cached_input_tokens": 400,
    "cache": "semantic",
    "user_id": "maya",
    "session_id": "s-1",
    "tier": "pro",
    "retrieval": {"documents": [{"id": "d1", "score": 0.5, "title": "kept"}, {"score": 1.0}], "latency_ms": 12},
    "metadata": {"plan": {"a": [1, None]}},
    "colour": "green",
}


def problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    return body


def test_a_full_interaction_is_stored_exactly(post, project):
    answer = post("interactions", FULL)
    assert answer.status_code == 200
    assert answer.json() == {
        "created": 1,
        "duplicates": 0,
        "conflicts": 0,
        "invalid": 0,
        "results": [{"index": 0, "status": "created", "id": "call-1"}],
    }
    stored, texts = one(project, "interaction"), one(project, "payload")
    assert (texts["prompt"], texts["output"]) == (FULL["prompt"], FULL["output"])
    assert json.loads(texts["retrieval"]) == FULL["retrieval"]
    assert json.loads(texts["metadata"]) == {"plan": {"a": [1, None]}, "colour": "green"}
    assert stored["latency_ms"] == 1234.5
    assert (stored["prompt_chars"], stored["output_chars"]) == (len(FULL["prompt"]), len(FULL["output"]))
    assert (stored["retrieval_score"], stored["retrieval_documents"], stored["retrieval_latency_ms"]) == (0.75, 2, 12)
    assert stored["cache"] == Cache.SEMANTIC
    assert (stored["cost_nano"], stored["cost_source"]) == (
        600 * 2500 + 400 * 1250 + 100 * 10_000,
        CostSource.CATALOGUE,
    )
    names = {row["value"]: row["number"] for row in rows(project, "dimension_value", "value, number")}
    assert stored["model_id"] == names["gpt-4o-2024-08-06"]
    assert stored["requested_model_id"] == names["gpt-4o"]
    assert stored["region_id"] == 0
    assert [row["name"] for row in rows(project, "feature", "name")] == ["write-draft"]


def test_only_a_feature_is_required_and_the_id_given_back_is_a_uuid_7(post, project):
    before = timeline.now()
    (result,) = post("interactions", {"feature": "a"}).json()["results"]
    assert result["retry_safe"] is False
    assert result["id"][14] == "7"
    stored = one(project, "interaction")
    assert stored["id"] == result["id"]
    assert before <= stored["occurred_at"] == stored["received_at"] <= timeline.now()
    assert stored["cost_source"] == CostSource.NONE
    assert stored["cost_nano"] is None


def test_a_bad_item_never_costs_its_neighbours(post, project):
    good, bad = {"feature": "a"}, {"feature": "a", "latency_ms": "soon"}
    answer = post("interactions", [good, bad, {**good, "id": "x"}, None, {}])
    assert answer.status_code == 207
    body = answer.json()
    assert (body["created"], body["invalid"]) == (2, 3)
    assert body["results"][1] == {
        "index": 1,
        "status": "invalid",
        "error": {"path": "$.latency_ms", "expected": "a number ≥ 0", "got": "string"},
    }
    assert len(rows(project, "interaction")) == 2


def test_nothing_usable_is_400_and_names_each_item(post, project):
    errors = problem(post("interactions", [{"feature": ""}, 5]), 400)["errors"]
    assert errors == [
        {"index": 0, "path": "$.feature", "expected": "a string of 1 to 100 characters", "got": "''"},
        {"index": 1, "path": "$", "expected": "an object", "got": "integer"},
    ]
    assert rows(project, "interaction") == []


@pytest.mark.parametrize("body", [b"", b"  \n", b"null", b"5", b'"x"', b"[]", b"{} {}", b'{"feature":"a"', b"{},{}"])
def test_a_body_of_nothing_usable_is_400(post, body):
    problem(post("interactions", content=body), 400)


def test_every_endpoint_counts_dollars_times_and_features(post, project):
    assert post("changes", {"kind": "deploy", "title": "v2", "feature": "a", "id": "c"}).status_code == 200
    change = one(project, "change_event")
    assert (change["title"], change["source"], change["id_sent"]) == ("v2", "api", "c")
    assert change["feature_number"] == one(project, "feature")["number"]
    assert post("costs", {"component": "moderation", "amount_usd": "0.25", "tier": "pro"}).status_code == 200
    cost = one(project, "cost")
    assert (cost["amount_nano"], cost["component"]) == (250_000_000, Component.MODERATION)
    assert cost["tier_id"] == one(project, "dimension_value", "number", "value = 'pro'")["number"]


@pytest.mark.parametrize(
    ("sent", "source", "nano"),
    [
        ({"cost_usd": "0.000000001", "input_tokens": 5}, CostSource.CLIENT, 1),
        ({"cost_usd": 0.1}, CostSource.CLIENT, 100_000_000),
        ({"model": "gpt-4o", "output_tokens": 10}, CostSource.CATALOGUE, 100_000),
        ({"model": "llama-of-ours", "input_tokens": 10}, CostSource.UNPRICED, None),
        ({"input_tokens": 10}, CostSource.UNPRICED, None),
        ({"model": "gpt-4o"}, CostSource.NONE, None),
        ({"cost_usd": 0, "model": "gpt-4o", "output_tokens": 10}, CostSource.CATALOGUE, 100_000),
        (
            {"cost_usd": "0.00", "model": "gpt-4o", "input_tokens": 0, "output_tokens": 10},
            CostSource.CATALOGUE,
            100_000,
        ),
        ({"cost_usd": 0.0, "model": "llama-of-ours", "input_tokens": 10}, CostSource.UNPRICED, None),
        ({"cost_usd": "0.0000000001", "model": "llama-of-ours", "input_tokens": 10}, CostSource.UNPRICED, None),
        ({"cost_usd": 0, "model": "gpt-4o"}, CostSource.CLIENT, 0),
        ({"cost_usd": 0, "model": "gpt-4o", "input_tokens": 0, "output_tokens": 0}, CostSource.CLIENT, 0),
        ({"cost_usd": 0, "model": "gpt-4o", "output_tokens": 10, "cache": "none"}, CostSource.CATALOGUE, 100_000),
        ({"cost_usd": 0, "model": "gpt-4o", "output_tokens": 10, "cache": "exact"}, CostSource.CLIENT, 0),
    ],
)
def test_cost_is_known_with_its_source_or_unknown_but_never_zero(post, project, sent, source, nano):
    post("interactions", {"feature": "a", **sent})
    stored = one(project, "interaction")
    assert (stored["cost_source"], stored["cost_nano"]) == (source, nano)


def test_a_dated_override_goes_before_the_catalogue(post, project):
    from ingest.models import PriceOverride
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        PriceOverride.objects.create(
            model="gpt-4o",
            valid_from=timeline.now().date(),
            input_usd_per_million=Decimal(7),
            output_usd_per_million=Decimal(7),
        )
    yesterday = (timeline.now() - timedelta(days=1)).isoformat()
    call = {"feature": "a", "model": "gpt-4o", "input_tokens": 10}
    post("interactions", [{**call, "id": "new"}, {**call, "id": "old", "occurred_at": yesterday}])
    found = {row["id"]: (row["cost_nano"], row["cost_source"]) for row in rows(project, "interaction")}
    assert found == {"new": (70_000, CostSource.OVERRIDE), "old": (25_000, CostSource.CATALOGUE)}


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        ({}, 0, ErrorClass.NONE),
        ({"status": "error"}, 1, ErrorClass.OTHER),
        ({"error_class": "timeout"}, 1, ErrorClass.TIMEOUT),
        ({"status": "error", "error_class": "rate_limit"}, 1, ErrorClass.RATE_LIMIT),
    ],
)
def test_status_and_error_class_agree(post, project, sent, status, error):
    post("interactions", {"feature": "a", **sent})
    stored = one(project, "interaction")
    assert (stored["status"], stored["error_class"]) == (status, error)


def test_a_clock_ahead_counts_at_receipt(post, project):
    now = timeline.now()
    soon, ahead = now + timedelta(minutes=4), "9999-12-31T23:59:59-14:00"
    items = [{"feature": "a", "id": str(n), "occurred_at": at} for n, at in enumerate([soon.isoformat(), ahead])]
    answer = post("interactions", items).json()
    assert [result["status"] for result in answer["results"]] == ["created", "created"]
    found = {row["id"]: row for row in rows(project, "interaction")}
    assert found["0"]["occurred_at"] == soon
    assert found["0"]["claimed_at"] is None
    assert found["1"]["occurred_at"] == found["1"]["received_at"]
    assert found["1"]["claimed_at"].year == 9999
    assert found["1"]["flags"] == Flag.CLOCK_IMPLAUSIBLE


def test_chat_messages_are_kept_as_json_and_long_texts_cut_with_a_note(post, project):
    messages = [{"role": "user", "content": "hé"}]
    post("interactions", {"feature": "a", "prompt": messages, "output": "é" * 600_000})
    stored, texts = one(project, "interaction"), one(project, "payload")
    assert stored["flags"] == Flag.PROMPT_IS_MESSAGES | Flag.OUTPUT_CUT
    assert json.loads(texts["prompt"]) == messages
    assert texts["output"] == "é" * (1024 * 1024 // 2)
    assert stored["output_chars"] == 600_000
    assert json.loads(texts["cut"])["output"]["bytes"] == 1_200_000


@pytest.mark.parametrize("empty", ["", [], [{}]])
def test_an_empty_text_is_not_an_absent_one(post, project, empty):
    post("interactions", [{"feature": "a", "prompt": empty}])
    assert one(project, "payload")["prompt"] == (empty if empty == "" else json.dumps(empty))
    assert one(project, "payload")["output"] is None


def test_nul_and_half_surrogates_are_replaced_visibly(post, project):
    body = rb'[{"feature":"a\u0000","prompt":"x\u0000y\ud800z","user_id":"u\udfff","metadata":{"k\u0000":"\ud800"}}, {"feature":"b"}]'
    assert post("interactions", content=body).json()["created"] == 2
    broken = one(project, "interaction", "*", "flags <> 0")
    texts = one(project, "payload", "*", "id = %s", broken["id"])
    assert texts["prompt"] == "x\ufffdy\ufffdz"
    assert json.loads(texts["metadata"]) == {"k\ufffd": "\ufffd"}
    assert broken["flags"] == Flag.TEXT_REPAIRED
    assert broken["user_id"].startswith("u\ufffd~")


def test_half_surrogates_in_the_keys_of_a_retrieval_are_replaced_too(post, project):
    kept = rb'{"feature":"a","retrieval":{"\ud800":{},"documents":[{"\u0000\udfff":1,"score":0.5}]}}'
    wrong = rb'{"feature":"b","retrieval":{"documents":[{"\ud800":1,"score":"high"}]}}'
    told = post("interactions", content=b"[%b,%b]" % (kept, wrong)).json()
    assert (told["created"], told["invalid"]) == (1, 1)
    assert told["results"][1]["error"]["path"] == "$.retrieval.documents[0].score"
    stored = json.loads(one(project, "payload", "retrieval")["retrieval"])
    assert stored == {"\ufffd": {}, "documents": [{"\ufffd\ufffd": 1, "score": 0.5}]}


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"cached_input_tokens": 11, "input_tokens": 10}, "$.input_tokens"),
        ({"cached_input_tokens": 2_000_000_000, "output_tokens": 1, "model": "gpt-4o-mini"}, "$.input_tokens"),
        ({"cache_write_tokens": 1}, "$.input_tokens"),
        ({"status": "ok", "error_class": "timeout"}, "$.error_class"),
        ({"cost_usd": -1}, "$.cost_usd"),
        ({"cost_usd": "NaN"}, "$.cost_usd"),
        ({"cost_usd": "1e999999"}, "$.cost_usd"),
        ({"feature": " \t"}, "$.feature"),
        ({"retrieval": {"documents": [{"score": "high"}]}}, "$.retrieval.documents[0].score"),
        ({"metadata": {"a": "x" * 70_000}}, "$.metadata"),
        ({"unknown": "x" * 70_000}, "$.metadata"),
        ({"prompt": ["not a message"]}, "$.prompt[0]"),
        ({"id": ""}, "$.id"),
        ({"id": "x" * 201}, "$.id"),
        ({"input_tokens": 2**31}, "$.input_tokens"),
        ({"occurred_at": "2026-02-30T00:00:00Z"}, "$.occurred_at"),
        ({"occurred_at": "2026-01-01T00:00:00"}, "$.occurred_at"),
        ({"occurred_at": 1_700_000_000}, "$.occurred_at"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(post, sent, path):
    (error,) = problem(post("interactions", {"feature": "a", **sent}), 400)["errors"]
    assert error["path"] == path
    assert error["expected"]
    assert error["got"]


def test_cached_tokens_without_input_tokens_say_what_is_missing(post, project):
    (error,) = problem(post("interactions", {"feature": "a", "cached_input_tokens": 5}), 400)["errors"]
    assert error["expected"] == "input_tokens, which includes the cached ones"
    assert post("interactions", {"feature": "a", "cached_input_tokens": 0}).status_code == 200


@pytest.mark.parametrize(("table", "column"), [("interaction", "cost_nano"), ("cost", "amount_nano")])
def test_the_record_holds_no_negative_money(post, project, table, column):
    post("interactions", {"feature": "a"})
    post("costs", {"component": "retrieval", "amount_usd": "1"})
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = -1 WHERE project_id = %s", [project.id])
