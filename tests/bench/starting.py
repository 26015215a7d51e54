"""How long somebody waits for the product: for its first start, for the next after everything was killed, for the demo."""

import time
from dataclasses import dataclass

from tests.bench.posting import Product, start
from tests.faults.stack import Stack

FIRST_S_AT_MOST, LATER_S_AT_MOST, DEMO_S_AT_MOST = 15.0, 5.0, 60.0


@dataclass(frozen=True)
class Waited:
    """What was waited for, how long, and how long that may take."""

    what: str
    seconds: float
    at_most: float


def first(stack: Stack) -> tuple[Product, Waited]:
    """Run `manage.py up` on a fresh data directory, until it says where it is."""
    began = time.monotonic()
    product = start(stack)
    return product, Waited("first start, database and migrations among it", time.monotonic() - began, FIRST_S_AT_MOST)


def again(stack: Stack) -> Waited:
    """The same after a SIGKILL of everything."""
    stack.kill_all_supervisor_first()
    began = time.monotonic()
    stack.up()
    return Waited("start after everything was killed", time.monotonic() - began, LATER_S_AT_MOST)


def demo(stack: Stack) -> tuple[str, Waited]:
    """Fill the demo; what the command said comes along."""
    began = time.monotonic()
    said = stack.command("demo").stdout.strip()
    return said, Waited("filling the demo", time.monotonic() - began, DEMO_S_AT_MOST)
