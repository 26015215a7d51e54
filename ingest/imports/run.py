"""An import from end to end: lines are read here, stored by several processes, and accounted for in their order."""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor

from django.db import connections

from ingest.contract import MOST_ITEMS
from ingest.imports import storing
from ingest.imports.lines import Numbered
from ingest.imports.progress import Progress, Tally
from ingest.imports.storing import Job, Outcome

PORTION_BYTES = 3_000_000
SAVE_EVERY_S = 0.5
AHEAD = 2  # portions that wait for each process


def bring_in(
    job: Job, lines: Iterable[Numbered], progress: Progress, *, processes: int, told: Callable[[], None]
) -> Tally:
    """Store all lines and keep the account; `told` is called after each portion. Raises what reading or storing raises."""
    saved_at, tally = time.monotonic(), progress.tally
    for outcome in _stored(job, portions(lines), processes):
        own = outcome.tally
        tally.line = own.line
        tally.created, tally.duplicates = tally.created + own.created, tally.duplicates + own.duplicates
        tally.late, tally.refused = tally.late + own.late, tally.refused + own.refused
        progress.reject(outcome.refused)
        if time.monotonic() - saved_at > SAVE_EVERY_S:
            progress.save()
            saved_at = time.monotonic()
        told()
    return tally


def portions(lines: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    """Cut lines into portions of at most 1,000 items and about 3 MB."""
    portion: list[Numbered] = []
    size = 0
    for line in lines:
        length = len(line[1]) if isinstance(line[1], bytes) else 0
        if portion and (len(portion) >= MOST_ITEMS or size + length > PORTION_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(line)
        size += length
    if portion:
        yield portion


def _stored(job: Job, cut: Iterator[list[Numbered]], processes: int) -> Iterator[Outcome]:
    """The outcomes in the order of the portions, however quickly each is done."""
    if processes < 2:
        yield from (storing.store(job, portion) for portion in cut)
        return
    connections.close_all()  # a connection must not be in two processes
    context = multiprocessing.get_context("fork")
    waiting: deque[Future[Outcome]] = deque()
    with ProcessPoolExecutor(processes, context, _end_with, (os.getpid(),)) as pool:
        try:
            for portion in cut:
                waiting.append(pool.submit(storing.store, job, portion))
                if len(waiting) > processes * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _end_with(parent: int) -> None:
    """Let this process end soon after its parent, however that ends, and not by a Ctrl-C that is meant for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
