"""Clients as a careful app would write them: own ids, and the same ids again until the answer is 2xx."""

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.faults.events import digest_of, event
from tests.faults.ledger import Ledger

ANSWER_SECONDS = 15
PAUSE_SECONDS = 0.05


class Client(threading.Thread):
    """Posts batch after batch; notes what it sends before, and what it was promised after."""

    def __init__(self, name: str, port: int, key: str, ledger: Ledger, batch: int, pause_s: float) -> None:
        super().__init__(name=name, daemon=True)
        self._address = ("127.0.0.1", port)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._ledger = ledger
        self._batch = batch
        self._pause_s = pause_s
        self._chance = random.Random(name)
        self._connection: http.client.HTTPConnection | None = None
        self.stopping = threading.Event()

    def run(self) -> None:
        """Go on until told to stop; the last batch may stay without an answer."""
        for number in itertools.count():
            if self.stopping.is_set():
                break
            body, ids = self._next(number)
            while not self._deliver(body, ids) and not self.stopping.is_set():
                time.sleep(PAUSE_SECONDS)
            if self._chance.random() < 0.05 and not self.stopping.is_set():
                self._deliver(body, ids)  # sending again is always safe
            time.sleep(self._pause_s)
        self._hang_up()

    def _next(self, number: int) -> tuple[bytes, list[str]]:
        """Make a batch; every second one has no time of its own, as most clients send them."""
        now = datetime.now(UTC) if number % 2 else None
        events = [event(f"{self.name}-{number}-{place}", now=now) for place in range(self._batch)]
        self._ledger.sent({one["id"]: digest_of(one) for one in events})
        return json.dumps(events).encode(), [one["id"] for one in events]

    def _deliver(self, body: bytes, ids: list[str]) -> bool:
        """Send once. True when there is nothing more to try: promised, or refused for good."""
        answer = self._post(body)
        if answer is None:
            return False
        status, text = answer
        if status in {429, 503}:
            return False
        try:
            results = json.loads(text)["results"] if status in {200, 207} else []
            statuses = {result["id"]: result["status"] for result in results}
        except (ValueError, KeyError, TypeError):
            statuses = {}
        self._ledger.promised({i: s for i, s in statuses.items() if s in {"created", "duplicate"}})
        if {statuses.get(event_id) for event_id in ids} <= {"created", "duplicate"}:
            return True
        self._ledger.refused(f"{status} {text[:200]!r}")
        return status < 500

    def _post(self, body: bytes) -> tuple[int, bytes] | None:
        """Give status and body, or None when the connection broke, or when this client lost patience."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(*self._address, timeout=ANSWER_SECONDS)
            self._connection.request("POST", "/api/v1/interactions", body, self._headers)
            if self._chance.random() < 0.03:  # the answer may be on its way, but nobody listens any more
                self._hang_up()
                return None
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return None

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def posting(
    port: int, key: str, ledger: Ledger, *, clients: int = 4, batch: int = 25, prefix: str = "c", pause_s: float = 0.02
) -> Iterator[None]:
    """Let clients post while the block runs, pausing between batches, and wait for them to end."""
    crowd = [Client(f"{prefix}{number}", port, key, ledger, batch, pause_s) for number in range(clients)]
    for client in crowd:
        client.start()
    try:
        yield
    finally:
        for client in crowd:
            client.stopping.set()
        for client in crowd:
            client.join(ANSWER_SECONDS + 5)
