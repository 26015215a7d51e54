"""The client as an app would have it: copied from docs/client, against the running product or a server that does what it is told."""

import importlib.util
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import pytest

from ingest.contract import LARGEST_BODY
from tests.harness.installation import ROOT

FILE = ROOT / "docs/client/observatory_client.py"


@pytest.fixture(scope="session")
def client_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("observatory_client", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def make_client(client_module: ModuleType) -> Callable[..., Any]:
    """Make a client; tests flush by themselves, so nothing is left for the end of the session."""

    def make(url: str, key: str = "obs_test_key", **options: Any) -> Any:
        return client_module.Observatory(url, key, **{"batch_seconds": 0.05, "exit_seconds": 0.0, **options})

    return make


@dataclass
class Server:
    """Answers what it is told, then 503; keeps what it got. Before a longer body it answers 413 and hangs up, as the product does."""

    url: str = ""
    largest: int = LARGEST_BODY
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    received: list[tuple[float, dict[str, str], bytes]] = field(default_factory=list)
    hung_up: int = 0


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


@contextmanager
def serving() -> Iterator[Server]:
    """A web server on a free port."""
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            if length > told.largest:
                told.hung_up += 1
                self.close_connection = True
                self.send_error(413)
                return
            body = self.rfile.read(length)
            told.received.append((time.monotonic(), dict(self.headers), body))
            status, headers, answer = told.answers.pop(0) if told.answers else (503, {}, b"")
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    told.url = f"http://127.0.0.1:{listener.server_port}"
    try:
        yield told
    finally:
        listener.shutdown()
        listener.server_close()
