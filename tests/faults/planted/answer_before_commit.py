"""R1: the answer goes out first, the commit follows from a queue in memory. A kill -9 empties the queue."""

import json
import queue
import threading
import time
from collections.abc import Iterable

from tests.faults.planted.wsgi import Application, Environ, Start, answer, body_of, is_record, with_body

LONGEST_QUEUE = 4  # requests: even a little is too much
LAG_S = 0.05  # a queue that is always empty would never lose anything


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Answer `created` for every item at once and store it when its turn comes."""
    waiting: queue.Queue[Environ] = queue.Queue(LONGEST_QUEUE)

    def store() -> None:
        while True:
            time.sleep(LAG_S)
            answer(application, waiting.get())

    threading.Thread(target=store, daemon=True).start()

    def eager(environ: Environ, start: Start) -> Iterable[bytes]:
        if not is_record(environ):
            return application(environ, start)
        body = body_of(environ)
        waiting.put(with_body(environ, body))
        items = json.loads(body)
        results = [{"index": n, "id": item["id"], "status": "created"} for n, item in enumerate(items)]
        said = json.dumps(
            {"created": len(items), "duplicates": 0, "conflicts": 0, "invalid": 0, "results": results}
        ).encode()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(said)))])
        return [said]

    return eager
