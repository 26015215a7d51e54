"""Every answer carries the id of its request: the client's own where it is safe, else one of ours."""

import io
import json
import logging
import re

import httpx2
import pytest
import structlog
from django.http import HttpResponse
from django.test import RequestFactory

from observatory.request_ids import RequestIds, chosen

OURS = re.compile(r"[0-9a-f]{32}")
SAFE = ["a", "req-1", "0af7651916cd43dd8448eb211c80319c", "A.b_c~d:e/f+g=h@i", "x" * 200]
UNSAFE = ["", " ", "a b", "x" * 201, "a\nb", "<b>", 'a"b', "é", "a,b", "a;b", "%0a", "{}", "٣"]


@pytest.mark.parametrize("sent", SAFE)
def test_a_safe_id_is_kept(sent):
    assert chosen(sent) == sent


@pytest.mark.parametrize("sent", UNSAFE)
def test_another_one_is_replaced(sent):
    assert OURS.fullmatch(chosen(sent))


def test_two_requests_without_an_id_get_different_ones():
    assert chosen("") != chosen("")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/metrics", 200),
        ("POST", "/api/v1/interactions", 400),
        ("DELETE", "/api/v1/costs", 405),
        ("GET", "/api/v1/no-such-thing", 404),
        ("GET", "/api/v1/interactions?x=1", 400),
        ("GET", "/healthz", 200),
        ("GET", "/sign-in/", 200),
        ("GET", "/no/such/page/", 404),
    ],
)
def test_it_is_on_every_answer(web, key, method, path, status):
    headers = {"Authorization": f"Bearer {key}", "X-Request-ID": "my-request.1"}
    answer = httpx2.request(method, f"{web}{path}", headers=headers)
    assert (answer.status_code, answer.headers["x-request-id"]) == (status, "my-request.1")
    answer = httpx2.request(method, f"{web}{path}", headers=headers | {"X-Request-ID": "not safe"})
    assert OURS.fullmatch(answer.headers["x-request-id"])


def test_it_is_on_refusals_without_a_key(web):
    answer = httpx2.post(f"{web}/api/v1/interactions", headers={"X-Request-ID": "r"}, json={})
    assert (answer.status_code, answer.headers["x-request-id"]) == (401, "r")


def test_what_is_logged_meanwhile_carries_it_and_what_comes_after_does_not(monkeypatch):
    seen = io.StringIO()
    handler = logging.StreamHandler(seen)
    handler.setFormatter(logging.getLogger().handlers[0].formatter)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])

    def view(request):
        structlog.get_logger("test").warning("inside")
        logging.getLogger("test").warning("by the standard library")
        return HttpResponse()

    RequestIds(view)(RequestFactory().get("/", headers={"X-Request-ID": "req-7"}))
    logging.getLogger("test").warning("after")
    lines = [json.loads(line) for line in seen.getvalue().splitlines()]
    assert [line.get("request_id") for line in lines] == ["req-7", "req-7", None]
