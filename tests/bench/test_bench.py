"""The benchmark judges what it measured, counts nothing twice and takes no other answer for a stored event."""

import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bench import driver, machine
from tests.bench.bodies import bodies
from tests.bench.copying import Copied
from tests.bench.pages import PageTime
from tests.bench.report import Posted, bars


def posted(rate: float) -> Posted:
    return Posted(4, 100, events=int(rate * 10), seconds=10.0, driver_cpu_s=0.1, p50_ms=1.0, p99_ms=2.0)


def copied(rate: float, connections: int, every: int) -> Copied:
    return Copied(connections, every, events=int(rate * 10), seconds=10.0, psql_cpu_s=0.1)


def test_the_ratio_is_taken_against_the_best_copy_that_commits_every_hundred_rows():
    sticks = [copied(10_000, 1, 100), copied(20_000, 2, 100), copied(15_000, 4, 100), copied(90_000, 4, 10_000)]
    (kept,) = bars(posted(8_001), sticks, {}, [])
    (missed,) = bars(posted(7_900), sticks, {}, [])
    assert (kept.is_kept, missed.is_kept) == (True, False)
    assert kept.seen == pytest.approx(0.4, abs=0.001)


def test_memory_is_judged_as_a_sum_and_every_page_by_its_median():
    page = PageTime("/demo/", first_ms=900, median_ms=301, slowest_ms=400, kilobytes=9)
    found = bars(None, [], {"at rest": {"web": 300.0, "PostgreSQL": 201.0}}, [page])
    assert [bar.is_kept for bar in found] == [False, False]
    found = bars(None, [], {"at rest": {"web": 300.0, "PostgreSQL": 200.0}}, [PageTime("/demo/", 900, 300, 400, 9)])
    assert [bar.is_kept for bar in found] == [True, True]


def test_a_body_comes_again_with_other_ids_and_is_json_of_about_three_kilobytes_an_event():
    (body,) = bodies(10, distinct=10)
    ids = [one["id"] for number in (1, 2) for one in json.loads(bytes(body.in_round(number)))]
    assert len(set(ids)) == 20
    assert 2_500 < len(body.content) / 10 < 4_500


def test_a_single_event_is_posted_as_an_object():
    assert isinstance(json.loads(bytes(bodies(1, distinct=1)[0].in_round(7))), dict)


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server of one connection that reads a whole request and says the same to each."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while read_request(connection):
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def read_request(connection: socket.socket) -> bool:
    found = b""
    while b"\r\n\r\n" not in found:
        piece = connection.recv(65_536)
        if not piece:
            return False
        found += piece
    head, _, rest = found.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))  # type: ignore[union-attr]  # the driver sends it
    while len(rest) < length:
        rest += connection.recv(65_536)
    return True


def http(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def test_the_driver_takes_only_created_for_an_answer():
    prepared = bodies(2, distinct=2)
    with answering(http("200 OK", b'{"created":2,"duplicates":0}')) as port:
        assert driver.drive(port, "key", prepared, 6, 1)["events"] == 6
    for wrong in (http("200 OK", b'{"created":1,"duplicates":1}'), http("503 Service Unavailable", b'{"created":2,')):
        with answering(wrong) as port, pytest.raises(driver.Refused):
            driver.drive(port, "key", prepared, 2, 1)


def test_a_process_has_a_weight_and_has_used_time():
    assert sum(machine.memory([os.getpid()]).values()) > 10
    assert sum(machine.processor_seconds([os.getpid()]).values()) > 0
    assert machine.memory([2**22 + 1]) == {}
