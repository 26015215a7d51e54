"""Posts many records through the product's HTTP API, as any app would: batches, kept connections, retries."""

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from urllib.parse import urlsplit

BATCH_ITEMS = 500
BATCH_BYTES = 3_000_000
THREADS = 4
_TIMEOUT_S = 30
_TRIES = 6
_LONGEST_PAUSE_S = 5.0
_BUSY = {429, 503}
_STORED = {200, 207}
_UP = {200, 503}


class PostError(Exception):
    """The product did not take what was posted. The message is one line for a person."""


@dataclass
class Tally:
    """How the posted records were answered."""

    created: int = 0
    duplicates: int = 0
    conflicts: int = 0

    def add(self, other: "Tally") -> None:
        """Count another batch in."""
        self.created += other.created
        self.duplicates += other.duplicates
        self.conflicts += other.conflicts

    @property
    def total(self) -> int:
        """All records answered."""
        return self.created + self.duplicates + self.conflicts


def batches(records: Sequence[Mapping[str, object]]) -> Iterator[bytes]:
    """Cut records into JSON arrays of at most BATCH_ITEMS items and, unless one alone is larger, BATCH_BYTES bytes."""
    items: list[str] = []
    size = 0
    for record in records:
        item = json.dumps(record, separators=(",", ":"))
        if items and (len(items) == BATCH_ITEMS or size + len(item) > BATCH_BYTES):
            yield _array(items)
            items, size = [], 0
        items.append(item)
        size += len(item) + 1
    if items:
        yield _array(items)


def _array(items: Sequence[str]) -> bytes:
    return f"[{','.join(items)}]".encode()


class Poster:
    """Posts to one product with one key, over one connection a thread. Safe to repeat: every record has its own id."""

    def __init__(self, base_url: str, key: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise PostError(f"{base_url!r} is not an http(s) address")
        self._base_url = base_url
        self._connection_type = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._kept = threading.local()

    def answers(self) -> bool:
        """Say whether the product is up; one that lags behind in its duties still takes posts."""
        try:
            status, _, _ = self._exchange("GET", "/readyz", None)
        except (OSError, http.client.HTTPException):
            return False
        return status in _UP

    def post(self, path: str, records: Sequence[Mapping[str, object]]) -> Iterator[Tally]:
        """Post records in parallel batches; yields each batch's tally as it is answered. Raises PostError."""
        with ThreadPoolExecutor(THREADS) as threads:
            pending: list[Future[Tally]] = [threads.submit(self._post, path, body) for body in batches(records)]
            try:
                for done in as_completed(pending):
                    yield done.result()
            finally:
                for future in pending:
                    future.cancel()

    def _post(self, path: str, body: bytes) -> Tally:
        problem = ""
        for attempt in range(_TRIES):
            pause_s = min(_LONGEST_PAUSE_S, 0.2 * 2**attempt)
            try:
                status, retry_after, answer = self._exchange("POST", path, body)
            except (OSError, http.client.HTTPException) as error:
                problem = f"{self._base_url} does not answer ({type(error).__name__})"
            else:
                if status not in _BUSY:
                    return _tally(path, status, answer)
                problem = f"{self._base_url} answered {status}"
                pause_s = min(_LONGEST_PAUSE_S, retry_after or pause_s)
            time.sleep(pause_s)
        raise PostError(f"{problem}; gave up after {_TRIES} tries. Running it again repeats nothing.")

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, float, bytes]:
        """Send one request over this thread's connection; after a failure the next request opens a new one."""
        connection: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if connection is None:
            connection = self._connection_type(self._host, self._port, timeout=_TIMEOUT_S)
            self._kept.connection = connection
        try:
            connection.request(method, self._prefix + path, body, self._headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self._kept.connection = None
            raise
        retry_after = response.getheader("Retry-After", "")
        return response.status, float(retry_after) if retry_after.isdigit() else 0.0, answer


def _tally(path: str, status: int, answer: bytes) -> Tally:
    try:
        content = json.loads(answer)
    except ValueError:
        content = {}
    if status not in _STORED:
        reason = f"{content.get('title', '')} {content.get('detail', '')}".strip()
        raise PostError(f"POST {path} answered {status} {reason}".strip())
    if content["invalid"]:
        refused = next(result for result in content["results"] if result["status"] == "invalid")
        raise PostError(f"POST {path} refused {content['invalid']} records, the first one for {refused['error']}")
    return Tally(content["created"], content["duplicates"], content["conflicts"])
