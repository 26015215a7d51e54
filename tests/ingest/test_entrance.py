"""The way in: quotas with their headers, refusals before the body is read, room for everybody, no garbage left behind."""

import gc
import http.client
import io
import json
import os
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import urlsplit

import httpx2
import pytest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from rest_framework.request import Request

from ingest.api import entrance
from ingest.projects.access import KeyHolder
from ingest.quotas.places import Crowded, Places, Room
from tests.ingest.record import rows

ITEM = {"feature": "a", "prompt": "x" * 100}


@pytest.fixture
def send(web, make_key):
    with httpx2.Client(base_url=f"{web}/api/v1/", timeout=20) as client:
        keys = {}

        def post(project, items, path="interactions", **options):
            key = keys.setdefault(project.id, make_key(project))
            headers = {"Authorization": f"Bearer {key}", **options.pop("headers", {})}
            body = {} if "content" in options else {"json": items}
            return client.post(path, headers=headers, **body, **options)

        yield post


def test_without_a_quota_there_is_nothing_to_tell(send, project):
    assert not [name for name in send(project, ITEM).headers if name.startswith("ratelimit")]


def test_with_a_quota_every_answer_says_where_one_stands(send, make_project):
    project = make_project(events_per_second=50, bytes_per_second=10_000)
    answer = send(project, [ITEM] * 3)
    assert answer.status_code == 200
    assert (
        answer.headers["ratelimit-policy"]
        == '"bytes";q=100000;qu="content-bytes";w=10, "events";q=500;qu="events";w=10'
    )
    assert '"events";r=497;t=1' in answer.headers["ratelimit"]


def test_over_the_quota_of_events_it_is_429_and_nothing_is_stored(send, make_project):
    project, other = make_project(events_per_second=5), make_project(events_per_second=5)
    assert send(project, [ITEM] * 100).status_code == 200  # the last request may overdraw
    refused = send(project, [ITEM])
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    told = refused.json()
    assert told["type"].endswith("#quota-exceeded")
    assert told["violated-policies"] == ["events"]
    assert 9 <= int(refused.headers["retry-after"]) <= 10
    assert '"events";r=0;t=' in refused.headers["ratelimit"]
    assert len(rows(project, "interaction")) == 100
    assert send(other, [ITEM]).status_code == 200


def test_whoever_announces_a_body_and_sends_none_is_refused_when_the_events_are_used_up(web, make_project, make_key):
    project = make_project(events_per_second=5)
    headers = {"Authorization": f"Bearer {make_key(project)}", "Content-Type": "application/json"}
    assert httpx2.post(f"{web}/api/v1/interactions", json=[ITEM] * 100, headers=headers).status_code == 200
    assert announced(web, headers, 1_000)[0] == 429


@pytest.mark.parametrize("length", [5 * 1024 * 1024 + 1, 10**15])
def test_a_body_that_is_too_large_costs_no_quota(web, make_project, make_key, length):
    project = make_project(bytes_per_second=1_000_000)
    headers = {"Authorization": f"Bearer {make_key(project)}", "Content-Type": "application/json"}
    status, told = announced(web, {**headers, "Expect": "100-continue"}, length)
    assert (status, told["RateLimit"]) == (413, '"bytes";r=10000000;t=0')
    assert httpx2.post(f"{web}/api/v1/interactions", json=ITEM, headers=headers).status_code == 200


@pytest.mark.parametrize("size", [8, 32])
def test_a_client_that_looks_for_an_answer_only_after_its_body_is_told_that_it_is_too_large(web, key, project, size):
    connection = http.client.HTTPConnection(urlsplit(web).netloc, timeout=10)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/interactions", bytes(size << 20), headers)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["title"]) == (413, "Content too large")
    connection.request("POST", "/api/v1/interactions", json.dumps(ITEM), headers)  # the connection is as good as new
    assert connection.getresponse().status == 200
    connection.close()


def test_so_is_one_that_sends_it_in_chunks_or_as_something_else(web, key):
    for length, kind, status in ((8 << 20, "application/json", 413), (3 << 20, "text/html", 415)):
        connection = http.client.HTTPConnection(urlsplit(web).netloc, timeout=10)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": kind, "Transfer-Encoding": "chunked"}
        pieces = (bytes(1 << 16) for _ in range(length >> 16))
        connection.request("POST", "/api/v1/interactions", pieces, headers, encode_chunked=True)
        assert connection.getresponse().status == status
        connection.close()


def test_a_body_in_chunks_weighs_what_has_come_of_it_by_now(monkeypatch):
    room = Room(working=3, each_working=2, each_inside=4, body_bytes=5 << 20, each_body_bytes=4 << 20)
    places = Places(room)
    monkeypatch.setattr(entrance, "places", lambda: places)
    with at_the_entrance(None, bytes(3 << 20)) as (_, body):
        assert len(body.read(1 << 20) + body.read(1 << 20) + body.read(1 << 20)) == 3 << 20
        with pytest.raises(Crowded), at_the_entrance(2 << 20, b""):
            pass
        with at_the_entrance(1 << 20, b""):
            pass
    with at_the_entrance(4 << 20, b""):
        pass
    with at_the_entrance(None, bytes(6 << 20)) as (_, body):
        for _ in range(4):
            body.read(1 << 20)
        with pytest.raises(Crowded):
            body.read(1 << 20)


@contextmanager
def at_the_entrance(length, content):
    """Inside with a body of this length, or with one in chunks."""
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(content), "wsgi.input_terminated": True}
    environ |= {} if length is None else {"CONTENT_LENGTH": str(length)}
    view = SimpleNamespace(headers={})
    request = Request(WSGIRequest(environ), parser_context={"view": view})
    holder = KeyHolder(1, 1, "public", frozenset({"ingest"}), "UTC")
    with entrance.entered(request, holder) as found:
        yield found, request.META["wsgi.input"]


def test_what_is_far_too_large_is_hung_up_on(web, key):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    assert announced(web, headers, (32 << 20) + 1)[0] == 413


def announced(web, headers, length):
    """The status and the headers that answer a body of which not one byte was sent."""
    connection = http.client.HTTPConnection(urlsplit(web).netloc, timeout=5)
    connection.putrequest("POST", "/api/v1/interactions")
    for name, value in {**headers, "Content-Length": str(length)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers


def test_a_body_of_which_no_item_fits_counts_too(send, make_project):
    project = make_project(events_per_second=1)
    assert send(project, [{"feature": 1}] * 20).status_code == 400
    assert send(project, [ITEM]).status_code == 429


def test_over_the_quota_of_bytes_it_is_refused_before_the_body_is_sent(web, make_project, make_key):
    project = make_project(bytes_per_second=100)
    headers = {"Authorization": f"Bearer {make_key(project)}", "Content-Type": "application/json"}
    body = json.dumps({"feature": "a", "prompt": "x" * 3_000})
    assert httpx2.post(f"{web}/api/v1/interactions", content=body, headers=headers).status_code == 200
    connection = http.client.HTTPConnection(urlsplit(web).netloc, timeout=5)
    connection.putrequest("POST", "/api/v1/interactions")
    for name, value in {**headers, "Content-Length": "4000000"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()  # not one byte of the body has left
    assert answer.status == 429
    assert json.loads(answer.read())["violated-policies"] == ["bytes"]
    connection.close()


def test_a_body_in_chunks_is_paid_for_after_it_was_read(send, make_project):
    project = make_project(bytes_per_second=100)
    content = (piece for piece in [b'{"feature":"a","prompt":"', b"x" * 5_000, b'"}'])
    assert send(project, None, content=content, headers={"Content-Type": "application/json"}).status_code == 200
    assert send(project, ITEM).status_code == 429


def test_bytes_are_those_that_travel(send, make_project):
    import gzip

    project = make_project(bytes_per_second=100)
    body = gzip.compress(json.dumps({"feature": "a", "prompt": "x" * 50_000}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert len(body) < 1000
    assert send(project, None, content=body, headers=headers).status_code == 200
    assert send(project, ITEM).status_code == 200


@pytest.fixture
def in_process(project, make_key):
    """The same handlers in this process; gives the status and the body of an answer."""
    handler, key = WSGIHandler(), make_key(project)

    def post(items):
        body = json.dumps(items).encode()
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/api/v1/interactions", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"Bearer {key}", "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
        }  # fmt: skip
        told = []
        answer = handler(environ, lambda status, headers, exc_info=None: told.append((status, dict(headers))))
        content = b"".join(answer)
        answer.close()
        return int(told[0][0].split()[0]), told[0][1], content

    return post


def test_with_too_much_inside_a_project_is_told_to_come_back(in_process, project):
    places = entrance.places()
    project.events_per_second = 50
    project.save()
    for _ in range(places.room.each_inside):
        places.enter(project.id, 0)
    status, headers, content = in_process(ITEM)
    assert (status, headers["Retry-After"]) == (429, "1")
    assert headers["RateLimit"] == '"events";r=500;t=0'  # and it cost nothing
    assert "under way" in json.loads(content)["detail"]
    for _ in range(places.room.each_inside):
        places.leave(project.id, 0)
    assert in_process(ITEM)[0] == 200
    assert in_process([])[0] == 400
    assert not places._inside
    assert not places._bytes  # what is forgotten here would be missing for ever
    assert places._all_bytes == 0
    assert not places._working


def test_when_no_place_comes_free_it_is_503(in_process, project, monkeypatch):
    monkeypatch.setattr(entrance, "PLACE_WITHIN_S", 0.05)
    places = entrance.places()
    for _ in range(places.room.each_working):
        places._ask(project.id)
    status, headers, _ = in_process(ITEM)
    assert (status, headers["Retry-After"]) == (503, "2")
    for _ in range(places.room.each_working):
        places.hand_on(project.id)
    assert in_process(ITEM)[0] == 200


def test_a_request_leaves_nothing_for_the_collector(in_process):
    """What hangs in a circle keeps its body's buffers until somebody collects, which the web does rarely."""
    in_process([ITEM])
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for number in range(10):
            assert in_process([{**ITEM, "id": f"{os.getpid()}-{number}"}])[0] == 200
        gc.collect()
        left = [type(one).__name__ for one in gc.garbage if isinstance(one, WSGIRequest | io.BytesIO)]
        assert left == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


REFUSED = {"unknown key": 401, "no key": 401, "scope": 403, "quota": 429, "address": 404}


@pytest.mark.parametrize("what", REFUSED)
def test_a_client_that_looks_for_an_answer_only_after_its_body_is_told_what_is_wrong(web, make_key, make_project, what):
    project = make_project(**{"bytes_per_second": 1} if what == "quota" else {})
    key = "obs_live_aaaaaaaa_" + "b" * 32 + "_cccccc"
    if what != "unknown key":
        key = make_key(project, "read" if what == "scope" else "ingest")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if what == "no key":
        del headers["Authorization"]
    path = "/api/v1/nothing" if what == "address" else "/api/v1/interactions"
    told = [posted_whole(web, path, headers, 4_500_000) for _ in range(3)]
    assert told[-2:] == [REFUSED[what]] * 2


def posted_whole(web, path, headers, size):
    connection = http.client.HTTPConnection(urlsplit(web).netloc, timeout=10)
    connection.request("POST", path, bytes(size), headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_crowd_of_refused_strangers_is_answered_and_holds_few_threads(web, key):
    strangers = []
    for _ in range(140):
        stranger = http.client.HTTPConnection(urlsplit(web).netloc, timeout=10)
        stranger.putrequest("POST", "/api/v1/interactions")
        stranger.putheader("Content-Length", "1000000")
        stranger.endheaders()
        strangers.append(stranger)
    good = httpx2.post(f"{web}/api/v1/interactions", json=ITEM, headers={"x-api-key": key}, timeout=5)
    assert good.status_code == 200
    assert {stranger.getresponse().status for stranger in strangers} == {401}
    for stranger in strangers:
        stranger.close()
