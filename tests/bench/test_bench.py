"""The benchmark judges what it measured, counts nothing twice and takes no other answer for a stored event."""

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bench import driver, latency, machine
from tests.bench.bodies import bodies
from tests.bench.copying import Copied
from tests.bench.importing import Imported
from tests.bench.latency import Notified
from tests.bench.pages import PageTime
from tests.bench.report import Posted, bars, masked_bars, outside_bars, single_bars
from tests.bench.singles import Compared, Singles


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


def test_the_delay_of_messages_is_judged_by_its_95th_percentile_and_imports_by_their_rate():
    notified = [Notified(f"f-{number}", 100.0, 100.0 + number / 2) for number in range(1, 25)]
    imported = [Imported(50_000, 2.0, 9.9), Imported(50_000, 2.0, 10.1)]
    delay, fast, slow = outside_bars(notified, imported)
    assert (delay.seen, delay.is_kept) == (11.5, True)
    assert (fast.is_kept, slow.is_kept) == (True, False)
    late = [*notified[:-2], Notified("f", 100.0, 116.0), Notified("g", 100.0, 117.0)]
    assert not outside_bars(late, [])[0].is_kept


def test_a_receiver_notes_when_the_first_byte_came_and_not_when_the_last_did():
    sink = latency.Sink()
    with (
        latency.listening(sink) as url,
        socket.create_connection(("127.0.0.1", int(url.split(":")[2].split("/")[0]))) as own,
    ):
        before = time.time()
        own.sendall(b"POST /hook HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
        time.sleep(0.3)
        own.sendall(b"{}")
        assert own.recv(100).startswith(b"HTTP/1.0 204")
    ((at, told),) = sink.received
    assert told == {}
    assert 0 <= at - before < 0.25


def test_single_posts_are_judged_beside_the_server_that_stores_nothing():
    def run(rate: float, p99_ms: float = 20.0) -> Singles:
        return Singles(int(rate * 10), 10.0, 5.0, p99_ms, 0)

    kept = single_bars(Compared(run(401), run(1_000), run(200), large_ms=30))
    assert [bar.is_kept for bar in kept] == [True, True, True]
    missed = single_bars(Compared(run(399), run(1_000), run(200, p99_ms=51), large_ms=51))
    assert [bar.is_kept for bar in missed] == [False, False, False]
    assert single_bars(None) == []


def test_masked_posts_are_judged_by_the_same_stick():
    (missed,) = masked_bars([posted(2_900)], [copied(20_000, 2, 100), copied(90_000, 4, 10_000)])
    assert (missed.is_kept, round(missed.seen, 3)) == (False, 0.145)
