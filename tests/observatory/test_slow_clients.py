"""Clients that begin a request and say no more: they take some threads, and never those of everybody else."""

import io
import socket
import sys
import time

import httpx2
import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from ingest.api import entrance
from ingest.database import Unavailable
from ingest.quotas.places import Room
from observatory import turns
from observatory.turns import FewForms, PagesInTurn
from tests.harness.installation import free_port, wait_until_answering


@pytest.fixture(scope="module")
def port(installation):
    """The port of a web process as the product starts it."""
    port = free_port()
    process = installation.child(sys.executable, "-m", "observatory.embedded.web", PORT=str(port))
    wait_until_answering(f"http://127.0.0.1:{port}/healthz", process)
    yield port
    process.terminate()
    process.wait(20)


@pytest.fixture
def begin(port):
    """Send the head of a request and the first byte of its body, so many times; gives how many were refused at once."""
    clients = []

    def send(times, path, *headers, length=1000, listening_s=3.0):
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {length}", *headers]
        head = "\r\n".join(lines) + "\r\n\r\n["
        ours = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(times)]
        clients.extend(ours)
        for one in ours:
            one.sendall(head.encode())
        deadline, refused = time.monotonic() + listening_s, 0
        for one in ours:
            one.settimeout(max(0.02, min(0.5, deadline - time.monotonic())))
            try:
                refused += one.recv(100).startswith(b"HTTP/1.1 429")
            except TimeoutError:
                continue
        return refused

    def hang_up():
        for one in clients:
            one.close()

    send.hang_up = hang_up
    yield send
    hang_up()


def test_slow_forms_leave_pages_and_the_api_alone(port, begin):
    address = f"http://127.0.0.1:{port}"
    token = httpx2.get(f"{address}/sign-in/").cookies["csrftoken"]
    form = "Content-Type: application/x-www-form-urlencoded"
    refused = begin(40, "/sign-in/", f"Cookie: csrftoken={token}", f"X-CSRFToken: {token}", form)
    assert refused == 40 - turns.FORMS_OF_EACH
    assert httpx2.get(f"{address}/healthz", timeout=3).status_code == 200
    assert httpx2.get(f"{address}/sign-in/", timeout=3).status_code == 200
    assert httpx2.post(f"{address}/api/v1/interactions", json={}, timeout=3).status_code == 401


def test_slow_bodies_of_one_project_leave_the_others_alone_until_they_hang_up(port, begin, make_project, make_key):
    def post(key):
        address = f"http://127.0.0.1:{port}/api/v1/interactions"
        return httpx2.post(address, json={"feature": "a"}, headers={"x-api-key": key}, timeout=5)

    slow, other = make_key(make_project()), make_key(make_project())
    refused = begin(150, "/api/v1/interactions", f"Authorization: Bearer {slow}", "Content-Type: application/json")
    assert refused == 150 - Room.of(10).each_inside
    began = time.monotonic()
    answers = [post(other) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert time.monotonic() - began < 3
    assert post(slow).status_code == 429
    begin.hang_up()
    while post(slow).status_code == 429 and time.monotonic() - began < 10:
        time.sleep(0.1)
    assert post(slow).status_code == 200


@pytest.fixture
def takes(port):
    """Post one interaction with a key; gives the status."""

    def post(key):
        address = f"http://127.0.0.1:{port}/api/v1/interactions"
        return httpx2.post(address, json={"feature": "a"}, headers={"x-api-key": key}, timeout=5).status_code

    return post


@pytest.mark.parametrize("length", [1000, 3 << 20, 5 << 20])
def test_a_key_that_everybody_can_read_keeps_nobody_s_interactions_out(begin, takes, make_project, make_key, length):
    project = make_project()
    ingest, public = make_key(project), make_key(project, "feedback")
    refused = begin(40, "/api/v1/feedback", f"Authorization: Bearer {public}", length=length)
    assert refused == (40 - Room.of(10).each_browsers_inside if length == 1000 else 0)
    assert [takes(ingest) for _ in range(3)] == [200] * 3


def test_slow_bodies_keep_no_connection_to_the_database(begin, takes, make_project, make_key):
    project = make_project()
    for _ in range(12):  # a key is asked for once in a while, so one key would take one connection
        begin(1, "/api/v1/interactions", f"Authorization: Bearer {make_key(project)}", listening_s=0)
    assert takes(make_key(project)) == 200


def test_an_address_and_everybody_together_may_send_so_many_forms_at_once():
    factory, answers = RequestFactory(), {}

    class Door(FewForms):
        def pass_by(self, request, view):
            self.get_response = view
            return self(request)

    def deeper(left, address):
        """Send a form while as many others as before are under way."""

        def view(request):
            if left:
                deeper(left - 1, address)
            return HttpResponse()

        answers[left] = door.pass_by(factory.post("/", REMOTE_ADDR=address(left)), view)

    def good():
        return sum(answer.status_code == 200 for answer in answers.values())

    door = Door(lambda request: HttpResponse())
    deeper(20, lambda left: "192.0.2.1")
    assert good() == turns.FORMS_OF_EACH
    answers.clear()
    deeper(40, lambda left: f"192.0.2.{left}")
    assert good() == turns.FORMS_AT_ONCE
    assert {answer["Retry-After"] for answer in answers.values() if answer.status_code == 429} == {"1"}
    assert not door._under_way
    assert door.pass_by(factory.get("/"), lambda request: HttpResponse(status=204)).status_code == 204


def test_a_form_that_breaks_off_is_400():
    class Broken(io.RawIOBase):
        def read(self, *size):
            raise OSError("gone")

    request = RequestFactory().post("/", data=b"x" * 10, content_type="text/plain")
    request._stream = Broken()
    assert FewForms(lambda request: HttpResponse())(request).status_code == 400


def test_a_page_waits_for_a_place_and_a_health_check_never_does(monkeypatch):
    monkeypatch.setattr(entrance, "PLACE_WITHIN_S", 0.05)
    places, pages = entrance.places(), PagesInTurn(lambda request: HttpResponse())
    for _ in range(places.room.each_working):
        places._ask(turns.ALL_PAGES)
    with pytest.raises(Unavailable):
        pages(RequestFactory().get("/demo/"))
    assert pages(RequestFactory().get("/readyz")).status_code == 200
    for _ in range(places.room.each_working):
        places.hand_on(turns.ALL_PAGES)
    assert pages(RequestFactory().get("/demo/")).status_code == 200
    assert not places._working
