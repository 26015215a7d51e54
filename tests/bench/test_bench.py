"""The benchmark judges what it measured, counts nothing twice and takes no other answer for a stored event."""

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import psycopg
import pytest

from tests.bench import driver, filling, latency, machine
from tests.bench.bodies import FEATURES, bodies
from tests.bench.copying import Copied
from tests.bench.endurance import Weighed
from tests.bench.filling import Filled
from tests.bench.freshness import Fresh, delays
from tests.bench.growth import Grown, Run
from tests.bench.importing import Imported
from tests.bench.latency import Notified
from tests.bench.machine import Weight
from tests.bench.pages import PageTime
from tests.bench.posting import Posted
from tests.bench.report import (
    bars,
    fresh_bars,
    grown_bars,
    masked_bars,
    outside_bars,
    single_bars,
    waited_bars,
    weighed_bars,
)
from tests.bench.singles import Compared, Singles
from tests.bench.starting import Waited


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


def test_starts_and_the_demo_are_judged_each_by_its_own_bar():
    waits = [Waited("first start", 15.0, 15.0), Waited("later start", 5.1, 5.0), Waited("the demo", 59.0, 60.0)]
    assert [bar.is_kept for bar in waited_bars(waits)] == [True, False, True]


def test_a_body_comes_again_with_other_ids_and_is_json_of_about_three_kilobytes_an_event():
    (body,) = bodies(10, distinct=10)
    ids = [one["id"] for number in (1, 2) for one in json.loads(bytes(body.in_round(number)))]
    assert len(set(ids)) == 20
    assert 2_500 < len(body.content) / 10 < 4_500


def test_random_ids_are_new_in_every_round_and_in_no_order():
    (body,) = bodies(10, distinct=10, has_random_ids=True)
    rounds = [[one["id"] for one in json.loads(bytes(body.in_round(number)))] for number in (1, 2)]
    assert len({id for ids in rounds for id in ids if len(id) == 36}) == 20
    assert rounds[0] != sorted(rounds[0])


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

    kept = single_bars(Compared(run(401), run(1_000), run(200), large_ms=30, alone_ms=20))
    assert [bar.is_kept for bar in kept] == [True, True, True]
    missed = single_bars(Compared(run(399), run(1_000), run(200, p99_ms=51), large_ms=51, alone_ms=20))
    assert [bar.is_kept for bar in missed] == [False, False, False]
    assert single_bars(None) == []


def test_masked_posts_are_judged_by_the_same_stick():
    (missed,) = masked_bars([posted(2_900)], [copied(20_000, 2, 100), copied(90_000, 4, 10_000)])
    assert (missed.is_kept, round(missed.seen, 3)) == (False, 0.145)


def test_a_full_database_is_judged_by_the_median_of_its_pairs_with_either_kind_of_ids():
    def runs(stored: int, ordinary: list[float], random: list[float]) -> list[Run]:
        both = [(rate, False) for rate in ordinary] + [(rate, True) for rate in random]
        return [Run(stored, has_random_ids, posted(rate), 1) for rate, has_random_ids in both]

    few = runs(100_000, [1_000, 5_000, 100], [1_000, 2_000, 1_000])
    many = runs(10_000_000, [905, 50, 100], [890, 2_000, 10])
    kept, missed = grown_bars(Grown([*zip(few, many, strict=True)], Filled(9_540_000, 1.0, 1.0, {})))
    assert (kept.seen, kept.is_kept) == (0.905, True)
    assert (missed.seen, missed.is_kept) == (0.89, False)
    assert grown_bars(None) == []


def test_the_memory_of_the_web_has_to_be_small_and_flat_from_a_quarter_of_the_events_on():
    def stages(*most: float) -> list[Weighed]:
        ends = (100, 250, 500, 1_000)
        return [Weighed(end, Weight(1, 1), Weight(size, 200)) for end, size in zip(ends, most, strict=True)]

    assert [bar.is_kept for bar in weighed_bars(stages(50, 100, 120, 104))] == [True, True]
    assert [bar.is_kept for bar in weighed_bars(stages(50, 100, 100, 106))] == [True, False]
    assert [bar.is_kept for bar in weighed_bars(stages(150, 150, 150, 150))] == [False, True]


def test_filled_rows_are_spread_over_the_weeks_up_to_the_instant_most_of_them_late():
    until = datetime(2026, 11, 18, 12, tzinfo=UTC)
    spread = filling.shares(1_000_000, until, first=500)
    assert [one.first for one in spread] == [500, *(one.last + 1 for one in spread[:-1])]
    assert spread[-1].last == 1_000_499
    counts = [one.last - one.first + 1 for one in spread]
    assert counts == sorted(counts)
    assert sum(counts[-4:]) > 500_000
    ends = [one.start + timedelta(microseconds=one.step_us * count) for one, count in zip(spread, counts, strict=True)]
    assert abs(ends[-1] - until) < timedelta(seconds=1)
    assert [one.start for one in spread[1:]] == [end.replace(microsecond=0) for end in ends[:-1]]
    assert until - spread[0].start < timedelta(days=180)


def test_filled_interactions_have_their_texts_search_rows_and_keys(installation, web, key, project, monkeypatch):
    monkeypatch.setattr(filling, "WEEKS", 2)
    since, (body,) = datetime.now(UTC), bodies(20, distinct=20)
    body.in_round(1)
    with httpx2.Client(base_url=web, headers={"x-api-key": key}, timeout=20) as client:
        assert client.post("/api/v1/interactions", content=bytes(body.content)).json()["created"] == 20
        server = installation.server
        filled = filling.fill(server.urls.owner, server.superuser_url, project.id, 400, since - timedelta(seconds=2))
        with psycopg.connect(server.urls.jobs) as connection:
            ids = connection.execute(
                "SELECT i.id FROM interaction i JOIN payload p USING (project_id, occurred_at, id)"
                " JOIN search s USING (project_id, occurred_at, id) JOIN record_key k USING (project_id, occurred_at)"
                " WHERE project_id = %s AND prompt_chars = length(prompt) AND output_chars = length(output)"
                " AND words @@ phraseto_tsquery('simple', prompt) AND encode(k.key, 'hex') = replace(i.id, '-', '')",
                [project.id],
            ).fetchall()
        newest = client.get("/api/v1/interactions", params={"limit": 30}).json()
    assert (filled.rows, len(set(ids))) == (400, 400)
    assert min(filled.sizes.values()) > 0
    named = {one["feature"] for one in newest["items"]}
    assert len(newest["items"]) == 30
    assert named <= set(FEATURES)


def test_the_delay_of_a_commit_ends_when_the_metric_has_counted_it():
    committed = [(10.0, 100), (11.0, 200), (12.0, 300), (13.0, 400)]
    counted = [(9.0, 0), (12.5, 250), (15.0, 300), (15.5, 400)]
    assert delays(committed, counted) == [1.5, 2.5, 2.5, 3.0]
    found = [fresh_bars(Fresh([seconds] * 100, 2_000.0))[0].is_kept for seconds in (8.0, 8.1)]
    assert found == [True, False]
    assert Fresh([1.0] * 95 + [9.0] * 5, 2_000.0).within(0.95) == 9.0


def test_the_driver_keeps_a_pace_and_tells_when_answers_came():
    with answering(http("200 OK", b'{"created":2,"duplicates":0}')) as port:
        told = driver.drive(port, "key", bodies(2, distinct=2), 6, 1, per_second=20.0)
    assert len(told["answered_at"]) == 3
    assert told["seconds"] >= 0.2
