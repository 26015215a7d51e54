"""What the web process weighs in the course of a million posted events."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench import machine
from tests.bench.machine import Weight
from tests.bench.posting import BATCH, Product, post

STAGES = (0.1, 0.25, 0.5, 0.75, 1.0)
EVERY_S = 0.5


@dataclass(frozen=True)
class Weighed:
    """The web after so many events: what its heaviest process weighs at once, and the most it did on the way there."""

    events: int
    then: Weight
    most: Weight


def measure(product: Product, events: int, say: Callable[[str], None]) -> list[Weighed]:
    """Post so many events and weigh at every stage, without the rest in which a process gives memory back."""
    pid = machine.heaviest(product.stack.processes(), "web")
    found: list[Weighed] = []
    ends = [round(events * part / BATCH) * BATCH for part in STAGES]
    for begin, end in zip([0, *ends], ends, strict=False):
        with _watched(pid) as weights:
            posted = post(product, end - begin, BATCH, f"endured-{end}")
            weights.append(machine.weight(pid))
        most = Weight(max(one.pss_mb for one in weights), max(one.rss_mb for one in weights))
        found.append(Weighed(end, weights[-1], most))
        say(f"  {end:10,} events, {posted.rate:,.0f}/s: {most.pss_mb:.1f} MB")
    return found


@contextmanager
def _watched(pid: int) -> Iterator[list[Weight]]:
    """Weigh a process again and again while the block runs; the weights come into the list."""
    weights: list[Weight] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(EVERY_S):
            weights.append(machine.weight(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield weights
    finally:
        is_over.set()
        watcher.join()
