"""No input breaks ingestion: never a 5xx, no neighbour harmed, valid text back byte for byte."""

import json
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import records
from ingest.refusals import Malformed
from tests.ingest import hostile
from tests.ingest.record import one, rows, statuses, take

WAYS = {
    "interactions": records.INTERACTIONS, "feedback": records.FEEDBACK, "costs": records.COSTS, "changes": records.CHANGES,
    "users": records.USERS, "figures": records.FIGURES, "batch": records.BATCH,
}  # fmt: skip
COMMON = {"suppress_health_check": [HealthCheck.function_scoped_fixture]}


def good(endpoint):
    return hostile.GOOD[endpoint] % b""


@pytest.mark.parametrize("endpoint", WAYS)
def test_a_hostile_item_is_stored_or_refused_alone(project, endpoint):
    for item in hostile.items(endpoint):
        started = time.process_time()
        try:
            answer = take(project, WAYS[endpoint], b"[" + item + b"]")
            assert statuses(answer)[0] in {"created", "duplicate", "conflict", "invalid"}
        except Malformed:
            pass
        assert time.process_time() - started < 1, item[:100]


@pytest.mark.parametrize("endpoint", WAYS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_hostile_item_never_costs_its_neighbours(project, endpoint, place):
    for item in hostile.items(endpoint):
        items = [good(endpoint), good(endpoint)]
        items.insert(place, item)
        answer = take(project, WAYS[endpoint], b"[" + b",".join(items) + b"]")
        neighbours = [status for number, status in enumerate(statuses(answer)) if number != place]
        assert neighbours == ["created", "created"], item[:100]


@pytest.mark.parametrize("endpoint", WAYS)
def test_alone_and_in_a_batch_an_item_is_answered_alike(make_project, endpoint):
    alone, together = make_project(), make_project()
    for item in hostile.items(endpoint):
        try:
            (status,) = statuses(take(alone, WAYS[endpoint], item))
        except Malformed:
            status = "invalid"
        assert statuses(take(together, WAYS[endpoint], b"[%b,%b]" % (item, good(endpoint))))[0] == status, item[:100]


@pytest.mark.parametrize("body", hostile.BODIES, ids=lambda body: repr(body[:24]))
def test_hostile_bodies_are_answered_with_400_or_413(post, body):
    for endpoint in WAYS:
        answer = post(endpoint, content=body)
        assert answer.status_code in {200, 207, 400, 413}
        if body not in (b'{"a":1,"a":2,"feature":"a","feature":"b"}',):
            assert answer.status_code in {400, 413}
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", hostile.CROWDS, ids=lambda body: repr(body[:24]))
def test_what_would_take_much_memory_is_refused_in_little_time(project, body):
    for way in (records.INTERACTIONS, records.BATCH):
        started = time.process_time()
        with suppress(Malformed):
            assert set(statuses(take(project, way, body))) == {"invalid"}
        assert time.process_time() - started < 0.5  # a quarter of a second on an idle core; the figures are in the docs


@pytest.mark.parametrize("body", hostile.LINES)
def test_hostile_lines_cost_themselves_alone(post, body):
    for endpoint in WAYS:
        assert post(endpoint, content=body, headers={"Content-Type": "application/x-ndjson"}).status_code in {
            207,
            200,
            400,
        }
    said = statuses(post("interactions", content=body))
    assert said.count("created") == body.count(b'"}')
    assert len(said) == sum(bool(line.strip()) for line in body.split(b"\n"))


def test_hostile_items_over_http_are_never_a_5xx(post):
    for endpoint in WAYS:
        for item in list(hostile.items(endpoint))[::5]:
            assert post(endpoint, content=b"[" + item + b"," + good(endpoint) + b"]").status_code in {
                200,
                207,
                400,
                413,
            }


@settings(max_examples=150, **COMMON)
@given(st.binary(max_size=200), st.sampled_from(list(WAYS)))
def test_any_bytes_are_answered(project, body, endpoint):
    with suppress(Malformed):  # which is answered with 400 or 413
        take(project, WAYS[endpoint], body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=True) | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, **COMMON)
@given(st.sampled_from(list(WAYS)), st.data())
def test_any_json_in_any_field_is_stored_or_refused(project, endpoint, data):
    fields = st.dictionaries(st.sampled_from(hostile.FIELDS[endpoint]), JSON, max_size=4)
    item = json.loads(good(endpoint)) | data.draw(fields)
    answer = take(project, WAYS[endpoint], b"[" + json.dumps(item).encode() + b"," + good(endpoint) + b"]")
    assert statuses(answer)[1] == "created"


@settings(max_examples=60, **COMMON)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=400), st.booleans())
def test_valid_text_comes_back_byte_for_byte(make_project, text, is_ascii):
    project = make_project()
    body = json.dumps({"feature": "a", "prompt": text, "output": text}, ensure_ascii=is_ascii).encode()
    take(project, records.INTERACTIONS, body)
    stored = one(project, "payload")
    assert stored["prompt"] == stored["output"] == text
    assert one(project, "interaction")["flags"] == 0


@settings(max_examples=40, **COMMON)
@given(st.text("ab\0\ud800\udfff\u2028", min_size=1, max_size=12))
def test_any_text_is_stored_and_only_what_cannot_be_held_is_replaced(make_project, text):
    project = make_project()
    take(project, records.INTERACTIONS, json.dumps({"feature": "a", "prompt": text}).encode())
    sent = json.loads(json.dumps(text))  # two halves beside each other are one whole character in JSON
    expected = "".join("\ufffd" if sign == "\0" or "\ud800" <= sign <= "\udfff" else sign for sign in sent)
    assert one(project, "payload")["prompt"] == expected
    assert len(rows(project, "interaction", "*", "flags = 1")) == int(expected != sent)
