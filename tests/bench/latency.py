"""From the close of a window to the first byte at a webhook receiver, live, over many rules with windows of a minute.

Each feature has a rule of its own, "more than five calls in a minute", and breaks it in one minute only. A window closes
at its end plus the grace in which clients may still send (`alerts.cadence.GRACE`).
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

from alerts.cadence import GRACE
from tests.faults.stack import Stack

MINUTES, EACH_MINUTE, CALLS = 4, 6, 12
BEFORE_ITS_END_S = 15.0  # when in its minute a feature calls: its events are committed well before the window's end
PATIENCE_S = 60.0
SET_UP = """
from alerts import receivers, rules
from alerts.limits import Terms
from alerts.models import AlertRule
from alerts.severity import Side
from ingest import timeline
from ingest.projects.models import Feature, Project
from ingest.projects.scope import project_scope
project, now = Project.objects.get(slug="my-product"), timeline.now()
with project_scope(project.id):
    AlertRule.objects.update(is_paused=True)
    receivers.add_webhook({url!r}, now)
    for name in Feature.objects.filter(name__startswith="latency-").values_list("name", flat=True):
        rules.create(name=name, metric="calls", terms=Terms(Side.ABOVE, 5.0, None, 0), feature=name, now=now,
            windows=rules.Windows(1, 1))
"""


@dataclass(frozen=True)
class Notified:
    """One incident: when its window closed and when its message began to arrive, in seconds since 1970."""

    feature: str
    closed_at: float
    arrived_at: float

    @property
    def seconds(self) -> float:
        """From the one to the other."""
        return self.arrived_at - self.closed_at


class Sink:
    """A receiver that notes when each request's first byte came."""

    def __init__(self) -> None:
        self.received: list[tuple[float, dict[str, Any]]] = []


@contextmanager
def listening(sink: Sink) -> Iterator[str]:
    """Run the receiver; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.rfile.peek(1)  # type: ignore[attr-defined]  # it is buffered
            self.began = time.time()
            super().handle_one_request()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.received.append((self.began, json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        server.server_close()


def measure(stack: Stack, key: str) -> list[Notified]:
    """Break every rule in its minute and wait for its message. Raises RuntimeError when one does not come."""
    features = [f"latency-{minute}-{number}" for minute in range(MINUTES) for number in range(EACH_MINUTE)]
    sink = Sink()
    with listening(sink) as url:
        _call(stack, key, features, 1)
        stack.command("shell", "-c", SET_UP.format(url=url))
        begin = _next_minute(datetime.now(UTC) + timedelta(seconds=20))  # every rule has its state by then
        for minute in range(MINUTES):
            _sleep_until(begin + timedelta(minutes=minute + 1) - timedelta(seconds=BEFORE_ITS_END_S))
            _call(stack, key, features[minute * EACH_MINUTE : (minute + 1) * EACH_MINUTE], CALLS)
        _sleep_until(begin + timedelta(minutes=MINUTES) + GRACE)
        deadline = time.monotonic() + PATIENCE_S
        while len(_opened(sink)) < len(features) and time.monotonic() < deadline:
            time.sleep(0.5)
    found = _opened(sink)
    if {one.feature for one in found} != set(features):
        raise RuntimeError(f"only {len(found)} of {len(features)} messages came")
    return found


def _opened(sink: Sink) -> list[Notified]:
    """The incidents that were told; that they end is told too, and is not what is measured."""
    return [_notified(at, told["data"]) for at, told in list(sink.received) if told["type"] == "incident.opened"]


def _notified(arrived_at: float, told: dict[str, Any]) -> Notified:
    end = datetime.fromisoformat(told["incident"]["since"])
    return Notified(told["reading"]["feature"], (end + GRACE).timestamp(), arrived_at)


def _call(stack: Stack, key: str, features: list[str], count: int) -> None:
    items = [{"feature": feature, "latency_ms": 5} for feature in features for _ in range(count)]
    address = f"http://127.0.0.1:{stack.port}/api/v1/interactions"
    httpx2.post(address, json=items, headers={"x-api-key": key}, timeout=20).raise_for_status()


def _next_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _sleep_until(at: datetime) -> None:
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
