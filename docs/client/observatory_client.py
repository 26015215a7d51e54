# Copyright the Observatory contributors. Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0
"""A client for Observatory in one file: copy it into your app. Python 3.9 or newer, standard library only.

    observatory = Observatory("http://localhost:8000", "obs_live_...", environment="production")
    with observatory.track("write-draft", model="gpt-4o-mini", prompt=prompt, user_id=user) as call:
        answer = ask_the_model(prompt)
        call.update(output=answer.text, input_tokens=answer.input_tokens, output_tokens=answer.output_tokens)
    observatory.feedback("thumb", call.id, value="up")

What it promises:

- Your app never waits for it and never sees an exception of it. Records go into a queue in memory; a background thread
  sends them in batches. What goes wrong is logged (logger `observatory`), each trouble once until it is over.
- While the process lives nothing is lost to a server that is away: a batch is sent again until it is answered, with ids
  that were made here, so nothing is stored twice.
- Memory is bounded: beyond `max_items` or `max_bytes` the oldest records are dropped; `counts()` tells how many.
- At the end of the process what is left is sent, for at most `exit_seconds`. A kill, os._exit() or a SIGTERM that nobody
  handles skips that: call `flush()` in a handler of yours.
- After a fork (gunicorn, multiprocessing) parent and child each send their own records, none twice.
"""

from __future__ import annotations

import atexit
import functools
import gzip
import inspect
import json
import logging
import os
import random
import threading
import time
import uuid
from collections import deque
from datetime import datetime, timezone
from typing import Any, Callable
from urllib.error import HTTPError
from urllib.request import Request, urlopen

log = logging.getLogger("observatory")
BATCH_ITEMS, BATCH_BYTES, LARGEST_BODY, ANSWER_S = 200, 1_000_000, 5 * 2**20, 10.0
LONGEST_WAIT_S, LONGEST_RETRY_AFTER_S, FLUSH_WAIT_S = 30.0, 300.0, 0.25  # between two tries


class Observatory:
    """Sends records to one project. Make one for the whole process; any thread may call it."""

    def __init__(
        self,
        url: str = "",
        key: str = "",
        *,
        max_items: int = 10_000,
        max_bytes: int = 64_000_000,
        batch_seconds: float = 1.0,
        exit_seconds: float = 5.0,
        **defaults: Any,
    ) -> None:
        """`url` and `key` default to OBSERVATORY_URL and OBSERVATORY_KEY; `defaults` go into every interaction."""
        self._url = (url or os.environ.get("OBSERVATORY_URL", "http://localhost:8000")).rstrip("/") + "/api/v1/batch"
        self._key = key or os.environ.get("OBSERVATORY_KEY", "")
        self._max_items, self._max_bytes, self._batch_seconds = max_items, max_bytes, batch_seconds
        self._defaults = defaults
        self._begin_anew()
        if not self._key:
            self._say("key", "no key (OBSERVATORY_KEY): nothing is sent")
        atexit.register(self.flush, exit_seconds)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        """Start with an empty queue, also in a forked child: what the parent had queued, the parent sends."""
        self._changed = threading.Condition()  # guards everything below
        self._queue: deque[tuple[float, bytes]] = deque()  # (when it came, the record as JSON)
        self._on_its_way: list[bytes] = []
        self._bytes = self._waiters = 0  # bytes of both; threads inside flush()
        self._thread: threading.Thread | None = None
        self._sent = self._dropped = self._refused = 0
        self._said: set[str] = set()

    def interaction(self, feature: str, **fields: Any) -> str:
        """Record one request to a model; `fields` are those of the API's interaction. Gives its id, for feedback."""
        return self._put("interaction", {"feature": feature, **self._defaults, **fields})

    def feedback(self, kind: str, interaction_id: str | None = None, **fields: Any) -> str:
        """Record what a user made of an output: `feedback("thumb", call.id, value="up")`."""
        return self._put("feedback", {"kind": kind, "interaction_id": interaction_id, **fields})

    def cost(self, component: str, amount_usd: Any, **fields: Any) -> str:
        """Record an amount beside, or instead of, what tokens cost; a Decimal or a string keeps every digit."""
        return self._put("cost", {"component": component, "amount_usd": _plain(amount_usd), **fields})

    def change(self, kind: str, title: str, **fields: Any) -> str:
        """Record a deploy, a prompt version, a provider's notice: what may explain what charts show."""
        return self._put("change", {"kind": kind, "title": title, **fields})

    def track(self, feature: str, **fields: Any) -> Call:
        """Measure a call: `with observatory.track("chat") as call:`, or `@observatory.track("chat")` on a function."""
        return Call(self, feature, fields)

    def flush(self, timeout: float = 10.0) -> bool:
        """Send what is queued now, waiting at most `timeout` seconds; whether nothing is left."""
        with self._changed:
            self._waiters += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting(), timeout)
            self._waiters -= 1
            return not self._waiting()

    def counts(self) -> dict[str, int]:
        """How many records wait, were stored, were dropped here for lack of room, and were refused."""
        return {"waiting": self._waiting(), "sent": self._sent, "dropped": self._dropped, "refused": self._refused}

    def _put(self, kind: str, fields: dict[str, Any]) -> str:
        """Queue one record; gives its id. Whatever the record holds, nothing is raised."""
        id = _plain(fields.get("id") or uuid.uuid4())
        try:
            record = {"type": kind, **fields, "id": id}
            if fields.get("occurred_at") is None and fields.get("period_from") is None:
                record["occurred_at"] = _now()  # the time of the event, not of the batch
            kept = {name: _plain(it) if name.endswith("_id") else it for name, it in record.items() if it is not None}
            if self._key:
                self._append(json.dumps(kept, default=_plain, allow_nan=False).encode())
        except Exception as error:
            self._refused += 1
            self._say("encode", f"a record cannot be sent: {error!r}")
        return id

    def _append(self, record: bytes) -> None:
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="observatory", daemon=True)
                thread.start()
                self._thread = thread
            self._queue.append((time.monotonic(), record))
            self._bytes += len(record)
            while self._queue and (self._waiting() > self._max_items or self._bytes > self._max_bytes):
                self._bytes -= len(self._queue.popleft()[1])
                self._dropped += 1
                self._say("full", "the queue is full: old records are dropped from now on; counts() tells how many")
            self._changed.notify_all()

    def _waiting(self) -> int:
        return len(self._queue) + len(self._on_its_way)

    def _run(self) -> None:
        while True:
            self._deliver(self._take_batch())

    def _take_batch(self) -> list[bytes]:
        """Wait until a batch is due and take it out of the queue."""
        with self._changed:
            while not (self._queue and self._is_due()):
                due_at = self._queue[0][0] + self._batch_seconds if self._queue else None
                self._changed.wait(None if due_at is None else max(0.0, due_at - time.monotonic()))
            while self._queue and len(self._on_its_way) < BATCH_ITEMS and sum(map(len, self._on_its_way)) < BATCH_BYTES:
                self._on_its_way.append(self._queue.popleft()[1])
            return list(self._on_its_way)

    def _is_due(self) -> bool:
        is_old = time.monotonic() - self._queue[0][0] >= self._batch_seconds
        return is_old or self._waiters > 0 or len(self._queue) >= BATCH_ITEMS or self._bytes >= BATCH_BYTES

    def _deliver(self, batch: list[bytes], tries: int = 0) -> None:
        """Send a batch until the server has answered for every record of it."""
        while True:
            status, told, retry_after = self._post(batch)
            if status in (200, 207):
                if told:
                    self._say("refused", f"{len(told)} records were refused, for example {told[0]}")
                self._said -= {"away", "full"}
                return self._finish(batch, sent=len(batch) - len(told), refused=len(told))
            if status == 413 and len(batch) > 1:
                self._deliver(batch[: len(batch) // 2])
                return self._deliver(batch[len(batch) // 2 :])
            if status in (400, 413, 415, 422):
                self._say("refused", f"{len(batch)} records were refused with {status}: {told}")
                return self._finish(batch, refused=len(batch))
            # Away, overloaded, restarting, or the key is not known (yet): the records stay.
            self._say("away", f"{self._url} answers {status or 'nothing'} ({told}); trying on")
            self._pause(retry_after or min(LONGEST_WAIT_S, 0.5 * 2 ** min(tries, 10)) * random.uniform(0.7, 1.3))
            tries += 1

    def _post(self, batch: list[bytes]) -> tuple[int, Any, float]:
        """One try: the status (0: no answer), what was refused or said, and the seconds that the server asks to wait."""
        head = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Authorization": "Bearer " + self._key}
        try:
            body = gzip.compress(b"[" + b",".join(batch) + b"]", compresslevel=3)
            if len(body) > LARGEST_BODY:  # the server would hang up in the middle of it, and its answer be lost
                return 413, f"{len(body):,} bytes, gzipped, of at most {LARGEST_BODY:,}", 0.0
            try:
                with urlopen(Request(self._url, body, head), timeout=ANSWER_S) as answer:
                    results = json.loads(answer.read())["results"]
                    return answer.status, [one for one in results if one["status"] in ("invalid", "conflict")], 0.0
            except HTTPError as error:
                wait = error.headers.get("Retry-After", "")
                return error.code, error.read(500), min(float(wait), LONGEST_RETRY_AFTER_S) if wait.isdigit() else 0.0
        except Exception as error:  # no connection, a broken one, a time-out, or the answer of something else
            return 0, repr(error), 0.0

    def _pause(self, seconds: float) -> None:
        """Wait for the next try; shortly while somebody waits in flush()."""
        began = time.monotonic()
        with self._changed:
            while (left := began + (min(seconds, FLUSH_WAIT_S) if self._waiters else seconds) - time.monotonic()) > 0:
                self._changed.wait(left)

    def _finish(self, batch: list[bytes], sent: int = 0, refused: int = 0) -> None:
        with self._changed:
            self._bytes -= sum(map(len, batch))
            self._sent, self._refused = self._sent + sent, self._refused + refused
            del self._on_its_way[: len(batch)]
            self._changed.notify_all()

    def _say(self, trouble: str, message: str) -> None:
        """Log a trouble once, until it is over."""
        if trouble not in self._said:
            self._said.add(trouble)
            log.warning("%s", message)


class Call:
    """One call being measured: its latency from enter to exit, and the error that it ends in."""

    def __init__(self, client: Observatory, feature: str, fields: dict[str, Any]) -> None:
        self._client, self._feature, self._given = client, feature, fields
        self.id = _plain(fields.get("id") or uuid.uuid4())
        self._fields = {**fields, "id": self.id}
        self._at, self._began = _now(), time.perf_counter()

    def update(self, **fields: Any) -> None:
        """Add what is known by now: output, tokens, served_model, user_id ..."""
        self._fields.update(fields)

    def first_token(self) -> None:
        """To be called when the first piece of a stream is there."""
        self._fields.setdefault("time_to_first_token_ms", self._elapsed_ms())

    def _elapsed_ms(self) -> float:
        return round(1000 * (time.perf_counter() - self._began), 3)

    def __enter__(self) -> Call:
        self._at, self._began = _now(), time.perf_counter()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        measured: dict[str, Any] = {"occurred_at": self._at, "latency_ms": self._elapsed_ms()}
        if error is not None:
            measured.update(_failure(error))
        self._client.interaction(**{"feature": self._feature, **measured, **self._fields})

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Measure every call of a function or coroutine function; a text that it returns is the output."""

        @functools.wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            with Call(self._client, self._feature, self._given) as call:
                return call._returned(function(*args, **kwargs))

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with Call(self._client, self._feature, self._given) as call:
                return call._returned(await function(*args, **kwargs))

        return awaited if inspect.iscoroutinefunction(function) else plain

    def _returned(self, value: Any) -> Any:
        self._fields.setdefault("output", value if isinstance(value, str) else None)
        return value


def _failure(error: BaseException) -> dict[str, Any]:
    """What is known of an error: the server tells its class by the name, the HTTP status if it has one, and the words."""
    told = {"status": "error", "error_class": type(error).__name__[:200], "error_message": _plain(error)[:2000]}
    try:
        status = getattr(error, "status_code", None)
    except Exception:
        status = None
    return {**told, "status_code": status} if isinstance(status, int) else told


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()


def _plain(value: Any) -> str:
    """What JSON does not know, as text."""
    try:
        return str(value.isoformat() if hasattr(value, "isoformat") else value)
    except Exception:
        return f"<{type(value).__name__}>"
