"""Requests that do not come in: their connections end, and those of everybody who goes on do not."""

import socket
import threading
import time

import httpx2
import pytest

from observatory import stalled
from observatory.stalled import PATIENCE_S, SLOWEST_BYTES_PER_S, Seen, Watch
from tests.harness.installation import free_port


def seen(silent_s, received, *, answered=0, is_answering=False):
    return Seen(silent_s, answered, received, is_answering)


@pytest.mark.parametrize(
    ("now", "is_overdue"),
    [
        (seen(PATIENCE_S - 1, 0), False),
        (seen(PATIENCE_S + 1, 0), True),
        (seen(PATIENCE_S + 1, 0, is_answering=True), False),
        (seen(PATIENCE_S + 10, 11 * SLOWEST_BYTES_PER_S), False),
        (seen(PATIENCE_S + 10, 9 * SLOWEST_BYTES_PER_S), True),
    ],
)
def test_a_request_has_some_time_and_more_for_what_it_brings(now, is_overdue):
    watch = Watch()
    watch.overdue({"a": seen(0, 0), "b": seen(0, 0)})
    assert watch.overdue({"a": now, "b": seen(5, 0)}) == (["a"] if is_overdue else [])


def test_what_came_before_the_last_answer_does_not_count():
    watch = Watch()
    watch.overdue({"kept": seen(0, 0)})
    watch.overdue({"kept": seen(0, 10**9, answered=300)})
    assert watch.overdue({"kept": seen(PATIENCE_S + 1, 10**9 + 1, answered=300)}) == ["kept"]


def test_what_has_ended_is_forgotten():
    watch = Watch()
    watch.overdue({"a": seen(0, 0)})
    watch.overdue({})
    assert not watch._before


def test_only_what_was_opened_to_this_process_and_waits_for_its_client_is_ended(monkeypatch):
    monkeypatch.setattr(stalled, "PATIENCE_S", 0.2)
    watch = Watch()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        mute, busy = (socket.create_connection(("127.0.0.1", port)) for _ in range(2))
        to_mute, to_busy = listener.accept()[0], listener.accept()[0]
        mute.sendall(b"POST")
        to_mute.settimeout(5)
        assert to_mute.recv(4) == b"POST"
        stalled.hang_up(watch)
        time.sleep(0.3)
        to_busy.sendall(b"an answer")
        assert stalled.hang_up(watch) >= 1
        assert to_mute.recv(4) == b""
        to_busy.sendall(b", and more")
        assert mute.recv(9) == b""
        for one in (mute, busy, to_mute, to_busy):
            one.close()


@pytest.fixture(scope="module")
def impatient(installation):
    """The address of a web process that waits two seconds, and has 8 threads."""
    port = free_port()
    process = installation.web_process("tests.observatory.impatient:application", port)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def test_bodies_that_do_not_come_keep_no_thread(impatient, key):
    port = int(impatient.rpartition(":")[2])
    head = (
        f"POST /api/v1/interactions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n"
    )
    mute = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    for one in mute:
        one.sendall(head.encode())
    stop = threading.Event()
    trickling = threading.Thread(target=trickle, args=(mute[:4], stop))
    trickling.start()
    body = {"feature": "a"}
    time.sleep(1.2)  # who comes when no thread is left waits for one, too, and must not be taken for mute meanwhile
    try:
        answer = httpx2.post(f"{impatient}/api/v1/interactions", json=body, headers={"x-api-key": key}, timeout=15)
        assert answer.status_code == 200
    finally:
        stop.set()
        trickling.join()
        for one in mute:
            one.close()


def trickle(clients, stop):
    """Send a byte now and then until told, or until nobody takes it."""
    while not stop.wait(0.1):
        for one in clients:
            try:
                one.sendall(b" ")
            except OSError:
                return
