"""From the commit of an event to the moment in which the metric counts it, while events arrive at a steady pace."""

import bisect
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2

from tests.bench.posting import BATCH, CONNECTIONS, Product
from tests.faults.stack import Stack
from tests.harness.installation import ROOT

PER_SECOND = 2_000
LOOK_EVERY_S, PATIENCE_S = 0.2, 60.0
Steps = Sequence[tuple[float, int]]
"""How many events there were in all, and since when (seconds since 1970); both only grow."""


@dataclass(frozen=True)
class Fresh:
    """The delays of all events, in seconds, sorted; and at which rate they really came."""

    delays: Sequence[float]
    per_second: float

    def within(self, part: float) -> float:
        """The seconds within which this part of the events was counted."""
        return self.delays[min(len(self.delays) - 1, int(len(self.delays) * part))]


def measure(stack: Stack, events: int) -> Fresh:
    """Post to a fresh project at a steady pace and look at its number of calls. Raises RuntimeError when it stays behind."""
    product = Product(stack, stack.new_key(), "")
    begin = datetime.now(UTC) - timedelta(minutes=1)
    words = [str(stack.port), product.key, "--events", str(events), "--batch", str(BATCH), "--prefix", "fresh"]
    words += ["--connections", str(CONNECTIONS), "--per-second", str(PER_SECOND)]
    posting = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.driver", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    counted: list[tuple[float, int]] = []
    deadline = time.monotonic() + events / PER_SECOND * 2 + PATIENCE_S
    with httpx2.Client(headers={"x-api-key": product.key}, timeout=20) as client:
        while not counted or counted[-1][1] < events:
            if time.monotonic() > deadline or posting.poll():
                raise RuntimeError(f"{counted[-1:]} of {events} events were counted in time")
            time.sleep(LOOK_EVERY_S)
            address = f"http://127.0.0.1:{stack.port}/api/v1/metrics/calls"
            answer = client.get(address, params={"from": begin.isoformat(), "grain": "1d"}).raise_for_status()
            counted.append((time.time(), round(answer.json()["value"] or 0)))
    said, _ = posting.communicate()
    told = sorted(json.loads(said)["answered_at"])
    return Fresh(
        delays(list(zip(told, itertools.count(BATCH, BATCH), strict=False)), counted), events / (told[-1] - told[0])
    )


def delays(committed: Steps, counted: Steps) -> list[float]:
    """How long after its commit each step was counted, sorted; steps are taken for equally large. Pure."""
    totals = [total for _, total in counted]
    return sorted(max(0.0, counted[bisect.bisect_left(totals, total)][0] - at) for at, total in committed)
