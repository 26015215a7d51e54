"""The poster against a real HTTP server that behaves as the product may."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dashboards.demo import poster
from dashboards.demo.poster import Poster, PostError, batches

Reply = Callable[[list[Any]], tuple[int, dict[str, Any]]]


class Product:
    """A server that keeps what it was sent and answers as `reply` says."""

    def __init__(self) -> None:
        self.bodies: list[list[Any]] = []
        self.connections: set[Any] = set()
        self.reply: Reply = stored
        self.drops = 0
        product = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if product.drops:
                    product.drops -= 1
                    self.close_connection = True
                    return
                product.connections.add(self.client_address)
                product.bodies.append(body)
                status, content = product.reply(body)
                answer = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                if status == 503:
                    self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def stored(body: list[Any]) -> tuple[int, dict[str, Any]]:
    return 200, {"created": len(body), "duplicates": 0, "conflicts": 0, "invalid": 0, "results": []}


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    monkeypatch.setattr(poster, "_LONGEST_PAUSE_S", 0.01)
    running = Product()
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def records(count: int) -> list[dict[str, object]]:
    return [{"id": f"r-{number}", "text": "ä" * 10} for number in range(count)]


def test_batches_hold_at_most_five_hundred_items_and_three_million_bytes() -> None:
    by_count = [json.loads(body) for body in batches(records(1_201))]
    assert [len(batch) for batch in by_count] == [500, 500, 201]
    assert [each for batch in by_count for each in batch] == records(1_201)
    heavy = [{"text": "x" * 1_000_000} for _ in range(7)]
    assert [len(json.loads(body)) for body in batches(heavy)] == [2, 2, 2, 1]
    assert len(list(batches([{"text": "x" * 4_000_000}]))) == 1
    assert list(batches([])) == []


def test_everything_arrives_once_over_few_connections(product: Product) -> None:
    tallies = list(Poster(product.url, "key").post("/api/v1/feedback", records(3_700)))
    assert sum(tally.created for tally in tallies) == 3_700
    assert sorted(each["id"] for body in product.bodies for each in body) == sorted(f"r-{i}" for i in range(3_700))
    assert len(product.connections) <= poster.THREADS


def test_a_busy_product_and_a_lost_connection_are_tried_again(product: Product) -> None:
    answers = [(503, {"title": "busy"}), (429, {"title": "too many"})]
    product.drops = 1
    product.reply = lambda body: answers.pop() if answers else stored(body)
    assert [tally.created for tally in Poster(product.url, "key").post("/api/v1/costs", records(3))] == [3]


def test_a_product_that_stays_busy_ends_in_one_clear_line(product: Product) -> None:
    product.reply = lambda body: (503, {"title": "busy"})
    with pytest.raises(PostError, match="answered 503; gave up after 6 tries"):
        list(Poster(product.url, "key").post("/api/v1/costs", records(3)))


def test_a_refused_record_is_named(product: Product) -> None:
    error = {"path": "$.latency_ms", "expected": "a number ≥ 0", "got": "string"}
    product.reply = lambda body: (
        207,
        {
            "created": 2,
            "duplicates": 0,
            "conflicts": 0,
            "invalid": 1,
            "results": [{"status": "invalid", "error": error}],
        },
    )
    with pytest.raises(PostError, match=r"refused 1 records.*latency_ms"):
        list(Poster(product.url, "key").post("/api/v1/interactions", records(3)))


def test_a_refused_key_says_so(product: Product) -> None:
    product.reply = lambda body: (401, {"title": "Unknown key", "detail": "revoked"})
    with pytest.raises(PostError, match="answered 401 Unknown key revoked"):
        list(Poster(product.url, "key").post("/api/v1/interactions", records(3)))


def test_a_product_that_does_not_run_is_seen_before_posting() -> None:
    assert not Poster("http://127.0.0.1:9", "key").answers()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(PostError, match="not an http"):
        Poster("ftp://example.org", "key")
