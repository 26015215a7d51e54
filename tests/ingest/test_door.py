"""The door of the API: keys in three clothes, scopes, methods, sizes, encodings and bodies in chunks."""

import base64
import http.client
from urllib.parse import urlsplit

import httpx2
import pytest

from ingest import timeline
from ingest.contract import LARGEST_BODY
from ingest.dimensions import MARKS
from ingest.projects import keys
from ingest.projects.provision import issue_key, revoke_key
from tests.ingest.record import rows

ITEM = b'{"feature":"a"}'
ENDPOINTS = ["interactions", "feedback", "costs", "changes", "users", "figures", "batch"]


def send(web, path="interactions", content=ITEM, **headers):
    sent = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx2.post(f"{web}/api/v1/{path}", content=content, headers=sent, timeout=20)


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_every_form_of_a_key_opens(web, project):
    key = issue_key(project.id, ["ingest"], now=timeline.now())
    _, _, public, secret, _ = key.split("_")
    clothes = [
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key}"},
        {"x_api_key": key},
        {"authorization": basic(public, secret)},
        {"authorization": basic(key, "")},
        {"authorization": basic("anything", key)},
    ]
    assert [send(web, **one).status_code for one in clothes] == [200] * len(clothes)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Bearer obs_live_aaaaaaaa_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb_cccccc"},
        {"authorization": "Bearer"},
        {"authorization": "Digest x"},
        {"authorization": "Basic %%%"},
        {"authorization": basic("aaaaaaaa", "bbbb")},
        {"x_api_key": ""},
    ],
)
def test_without_a_living_key_it_is_401_with_a_challenge(web, headers):
    answer = send(web, **headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "Send a key of the project."),
        ({"authorization": "{key}"}, "holds no key"),
        ({"authorization": "Bearer"}, "holds no key"),
        ({"authorization": "Basic %%%"}, "holds no key"),
        ({"x-api-key": ""}, "holds no key"),
        ({"authorization": "Bearer {key}x"}, "mistyped or cut"),
        ({"x-api-key": "obs_live_PUBLIC"}, "mistyped or cut"),
        ({"authorization": f"Bearer {keys.make().text}"}, "unknown or was revoked"),
        ({"authorization": basic("aaaaaaaa", "b" * 32)}, "unknown or was revoked"),
    ],
)
def test_a_401_says_what_is_wrong_with_the_key(web, key, headers, said):
    sent = {name: value.replace("{key}", key) for name, value in headers.items()}
    answer = send(web, **sent)
    told = answer.json()["detail"]
    assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert said in told
    forms = ("`Authorization: Bearer KEY`", "`x-api-key: KEY`", "`Authorization: Basic`")
    assert all(form in told for form in forms) is (said in {"Send a key of the project.", "holds no key"})


def test_what_is_sent_as_a_form_is_told_the_header_to_send(web, key):
    answer = send(web, authorization=f"Bearer {key}", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert "application/x-www-form-urlencoded" in answer.json()["detail"]
    assert "send `Content-Type: application/json`" in answer.json()["detail"]


def test_a_revoked_key_is_unknown_once_the_short_memory_has_passed(project):
    from ingest.projects import access

    key = issue_key(project.id, ["ingest"], now=timeline.now())
    assert access.holder_of(key).project_id == project.id
    assert revoke_key(project.id, key.split("_")[2], now=timeline.now())
    access._cache.clear()
    assert access.holder_of(key) is None
    assert access.KEY_CACHE_SECONDS < 5


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_key_without_the_scope_is_403_and_stores_nothing(web, project, make_key, path):
    answer = send(web, path, authorization=f"Bearer {make_key(project, 'read')}")
    assert answer.status_code == 403
    assert "'ingest'" in answer.json()["detail"]
    assert rows(project, "record_key") == []


def test_a_key_with_only_the_scope_feedback_may_post_feedback_and_nothing_else(web, project, make_key):
    bearer = f"Bearer {make_key(project, 'feedback')}"
    answer = b'{"kind":"nps","score":9}'
    assert send(web, "feedback", answer, authorization=bearer).status_code == 200
    assert len(rows(project, "feedback")) == 1
    others = [send(web, path, authorization=bearer) for path in ENDPOINTS if path != "feedback"]
    reads = ("interactions", "interactions/x", "incidents")
    others += [httpx2.get(f"{web}/api/v1/{path}", headers={"authorization": bearer}) for path in reads]
    assert [answer.status_code for answer in others] == [403] * len(others)
    assert len(rows(project, "record_key")) == 1


def test_reading_needs_the_scope_read(web, project, make_key):
    headers = {"authorization": f"Bearer {make_key(project, 'ingest')}"}
    assert httpx2.get(f"{web}/api/v1/interactions", headers=headers).status_code == 403


@pytest.mark.parametrize("path", ENDPOINTS[1:])
def test_other_methods_are_405(web, key, path):
    answer = httpx2.delete(f"{web}/api/v1/{path}", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {"content_encoding": "br"},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
    ],
)
def test_a_form_that_is_not_read_is_415(web, key, headers):
    assert send(web, authorization=f"Bearer {key}", **headers).status_code == 415


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"]
)
def test_json_by_any_of_its_names_is_read(web, key, content_type):
    assert send(web, authorization=f"Bearer {key}", content_type=content_type).status_code == 200


def test_the_client_need_not_accept_json(web, key):
    assert send(web, authorization=f"Bearer {key}", accept="text/html").status_code == 200


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_5_mib_is_413(web, key, is_chunked):
    body = b'{"feature":"a","prompt":"' + b"x" * LARGEST_BODY + b'"}'
    content = (body[at : at + 65_536] for at in range(0, len(body), 65_536)) if is_chunked else body
    assert send(web, content=content, authorization=f"Bearer {key}").status_code == 413


def test_more_than_a_thousand_items_are_413_and_a_thousand_are_taken(web, key, project):
    items = [ITEM] * 1000
    assert send(web, content=b"[" + b",".join([*items, ITEM]) + b"]", authorization=f"Bearer {key}").status_code == 413
    assert rows(project, "record_key") == []
    answer = send(web, content=b"[" + b",".join(items) + b"]", authorization=f"Bearer {key}")
    assert answer.json()["created"] == 1000


def test_a_body_in_chunks_is_read_whole(web, key, project):
    prompt = "é" * 300_000
    content = (piece for piece in [b'{"feature":"a",', b'"prompt":"', prompt.encode(), b'"}'])
    assert send(web, content=content, authorization=f"Bearer {key}").json()["created"] == 1
    assert rows(project, "payload", "prompt") == [{"prompt": prompt}]


def test_a_body_shorter_than_announced_stores_nothing(web, key, project):
    connection = http.client.HTTPConnection(urlsplit(web).netloc, timeout=5)
    connection.putrequest("POST", "/api/v1/interactions")
    for name, value in {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", "100")
    connection.endheaders()
    connection.send(ITEM)
    connection.close()
    assert send(web, authorization=f"Bearer {key}").status_code == 200
    assert len(rows(project, "interaction")) == 1


def test_an_answer_in_another_form_than_json_is_406_in_the_same_shape(web, key):
    headers = {"authorization": f"Bearer {key}", "accept": "application/xml"}
    answer = httpx2.get(f"{web}/api/v1/metrics", headers=headers)
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["", "no-such-thing", "interactions/"])
def test_an_unknown_address_is_404_in_the_same_shape_and_names_the_manual(web, key, path):
    answer = httpx2.get(f"{web}/api/v1/{path}", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 404
    assert "/api/docs/" in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_bad_query_is_explained_in_words_whoever_answers(web, key):
    headers = {"authorization": f"Bearer {key}"}
    limit, cursor = "a whole number from 1 to 200", "`next` of the page before, unchanged"
    words = 'words, "phrases", -without and or; at most 500 characters'
    bad = {
        "interactions?limit=x": [limit],
        "interactions?cursor=x": [cursor],
        "interactions?mark=x": [*MARKS, "any"],
        "interactions?q=-": [words],
        "incidents?limit=x": [limit],
        "incidents?state=x": ["open", "resolved"],
        "incidents?cursor=x": [cursor],
        "findings?cursor=MTIzYQ": [cursor],
    }
    for path, allowed in bad.items():
        answer, name = httpx2.get(f"{web}/api/v1/{path}", headers=headers), path.partition("?")[2].partition("=")[0]
        told = answer.json()
        assert (answer.status_code, told["title"]) == (400, "Bad query"), path
        assert told["detail"].startswith(name)
        assert (told["parameter"], told["allowed"]) == (name, allowed)


@pytest.mark.parametrize("path", ["interactions", "incidents"])
def test_a_parameter_that_a_list_does_not_know_is_refused_with_those_it_knows(web, key, path):
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx2.get(f"{web}/api/v1/{path}?limit=5&fature=a", headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad query")
    assert "'fature'" in answer.json()["detail"]
    assert "limit, cursor" in answer.json()["detail"]
    assert answer.json()["parameter"] == "fature"
    assert answer.json()["allowed"][-2:] == ["limit", "cursor"]
