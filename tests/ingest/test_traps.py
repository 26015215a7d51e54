"""What real clients do that has caught others: bodies in chunks, counts that exclude, large batches, values in odd clothes."""

import json

import httpx2
import pytest
from django.db import connection

from ingest.dimensions import CostSource
from ingest.refusals import Unusable
from tests.ingest.filling import fates, fill
from tests.ingest.record import one, rows, statuses


@pytest.fixture
def in_chunks(web, key):
    """Send a body in chunks of a few bytes, as JavaScript exporters do."""

    def send(method, path, body, key=key):
        sent = json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        pieces = (sent[at : at + 7] for at in range(0, len(sent), 7))
        return httpx2.request(method, f"{web}/api/v1/{path}", content=pieces, headers=headers, timeout=20)

    return send


def test_bodies_in_chunks_are_read_at_every_address(in_chunks, project, make_key):
    thumb = {"kind": "thumb", "value": "up", "interaction_id": "i-1"}
    assert in_chunks("POST", "interactions", {"id": "i-1", "feature": "a"}).json()["created"] == 1
    assert in_chunks("PATCH", "interactions/i-1", {"output": "late"}).json()["filled"] == 1
    assert in_chunks("POST", "batch", [{"type": "feedback", "id": "f-1", **thumb}]).json()["created"] == 1
    assert in_chunks("POST", "feedback", {**thumb, "id": "f-2"}, make_key(project, "feedback")).json()["accepted"] == 1
    assert one(project, "payload")["output"] == "late"
    assert [row["id"] for row in rows(project, "feedback", "id")] == ["f-1", "f-2"]


def test_a_batch_of_more_than_django_would_take_is_stored(post, project):
    items = [{"type": "interaction", "id": f"i-{n}", "feature": "a", "prompt": "p" * 3_500} for n in range(1_000)]
    assert len(json.dumps(items)) > 3_500_000
    assert post("batch", items).json()["created"] == 1_000
    assert len(rows(project, "interaction", "id")) == 1_000


@pytest.mark.parametrize(
    ("sent", "nano"),
    [
        ({"input_tokens": 12, "cached_input_tokens": 4, "output_tokens": 1}, 8 * 2_500 + 4 * 1_250 + 10_000),
        ({"input_tokens": 12, "cached_input_tokens": 4, "output_tokens": 1, "total_tokens": 13}, 35_000),
        ({"input_tokens": 12, "output_tokens": 5, "reasoning_tokens": 5}, 80_000),
    ],
)
def test_a_token_that_is_inside_another_count_is_paid_once(post, project, sent, nano):
    assert post("interactions", {"feature": "a", "model": "gpt-4o", **sent}).json()["created"] == 1
    row = one(project, "interaction")
    assert (row["cost_nano"], row["cost_source"]) == (nano, CostSource.CATALOGUE)


@pytest.mark.parametrize(
    ("sent", "path", "got"),
    [
        ({"input_tokens": 3, "cached_input_tokens": 4}, "input_tokens", "3, with 4 cached"),
        ({"input_tokens": 3, "cached_input_tokens": 2, "cache_write_tokens": 2}, "input_tokens", "3, with 4 cached"),
        ({"cached_input_tokens": 4}, "input_tokens", "nothing"),
        (
            {"input_tokens": 8, "cached_input_tokens": 4, "output_tokens": 2, "total_tokens": 14},
            "input_tokens",
            "8 beside 4 cached, 14 in all",
        ),
        (
            {"input_tokens": 8, "cache_write_tokens": 4, "output_tokens": 0, "metadata": {"total_tokens": 12}},
            "input_tokens",
            "8 beside 4 cached, 12 in all",
        ),
        ({"output_tokens": 5, "reasoning_tokens": 9}, "output_tokens", "5, with 9 of reasoning"),
    ],
)
def test_counts_that_show_to_exclude_others_are_refused_and_never_clamped(post, project, sent, path, got):
    answer = post("interactions", [{"feature": "a", **sent}, {"feature": "a"}])
    assert statuses(answer) == ["invalid", "created"]
    error = answer.json()["results"][0]["error"]
    assert (error["path"], error["got"]) == (f"$.{path}", got)
    assert path in error["expected"]


def test_counts_that_come_by_and_by_are_held_against_each_other(post, project):
    post("interactions", {"id": "call", "feature": "a", "input_tokens": 8, "output_tokens": 5, "total_tokens": 17})
    for late in ({"reasoning_tokens": 9}, {"cached_input_tokens": 4}):
        with pytest.raises(Unusable, match="_tokens"):
            fill(project, late)
    assert fates(fill(project, {"reasoning_tokens": 5})) == {"reasoning_tokens": "filled"}
    assert one(project, "interaction")["cached_input_tokens"] is None
    with connection.cursor() as cursor:  # as versions before this one took it
        cursor.execute("UPDATE interaction SET reasoning_tokens = 9 WHERE project_id = %s", [project.id])
    assert fates(fill(project, {"user_id": "maya"})) == {"user_id": "filled"}


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ({"latency_ms": "Infinity"}, "$.latency_ms"),
        ({"latency_ms": "12"}, "$.latency_ms"),
        ({"input_tokens": "12"}, "$.input_tokens"),
        ({"cost_usd": "Infinity"}, "$.cost_usd"),
        ({"cost_usd": "NaN"}, "$.cost_usd"),
        ({"metadata": '{"a": 1}'}, "$.metadata"),
        ({"model": ["gpt-4o"]}, "$.model"),
        ({"prompt": ["one", "two"]}, "$.prompt[0]"),
        ({"retrieval": {"documents": [{"id": "d", "score": "Infinity"}]}}, "$.retrieval.documents[0].score"),
    ],
)
def test_a_value_in_odd_clothes_is_refused_by_its_place_and_costs_no_neighbour(post, project, sent, path):
    answer = post("interactions", [{"feature": "a", **sent}, {"feature": "a"}])
    assert statuses(answer) == ["invalid", "created"]
    assert answer.json()["results"][0]["error"]["path"] == path


def test_texts_that_hold_json_stay_texts_and_unknown_fields_stay_as_they_are(post, project):
    twice = json.dumps(json.dumps([{"role": "user", "content": "hi"}]))
    post("interactions", {"feature": "a", "prompt": twice, "tags": '["a"]', "labels": ["b"]})
    payload = one(project, "payload")
    assert payload["prompt"] == twice
    assert json.loads(payload["metadata"]) == {"tags": '["a"]', "labels": ["b"]}


def test_numbers_alone_are_an_interaction(post, web, key, project):
    """Telemetry carries no texts unless somebody asks for them."""
    numbers = {"latency_ms": 5.5, "input_tokens": 3, "output_tokens": 4, "model": "gpt-4o"}
    assert post("interactions", {"id": "i-1", "feature": "a", **numbers}).json()["created"] == 1
    told = httpx2.get(f"{web}/api/v1/interactions/i-1", headers={"Authorization": f"Bearer {key}"}).json()
    assert {name: told[name] for name in numbers} == numbers
    assert (told["prompt"], told["output"], told["cost_source"]) == (None, None, "catalogue")
