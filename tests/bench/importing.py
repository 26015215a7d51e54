"""`manage.py import` on a fresh product: interactions of two to three kilobytes from a file, workers running beside it."""

import json
import random
import re
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench import machine
from tests.faults.stack import Stack

DAYS = 30
WORDS = 4_000


@dataclass(frozen=True)
class Imported:
    """One import."""

    items: int
    kilobytes: float
    seconds: float
    cpu_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Durable interactions per second, the command's start included."""
        return self.items / self.seconds


def measure(stack: Stack, items: int) -> Imported:
    """Write a file, import it, count. Raises RuntimeError when not every line was stored."""
    path = stack.folder / "history.jsonl"
    write(path, items)
    before, own, began = machine.processor_seconds(stack.processes()), _of_children(), time.perf_counter()
    said = stack.command("import", "my-product", str(path)).stdout
    seconds, after = time.perf_counter() - began, machine.processor_seconds(stack.processes())
    used = {name: spent - before.get(name, 0) for name, spent in after.items()} | {"import": _of_children() - own}
    stored = re.search(r"([\d,]+) stored", said)
    if not stored or int(stored[1].replace(",", "")) != items:
        raise RuntimeError(said)
    return Imported(items, path.stat().st_size / 1024 / items, seconds, used)


def _of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def write(path: Path, items: int) -> None:
    """Thirty days of calls of twelve features by three thousand users; every other one has an id."""
    chance, now = random.Random(8), datetime.now(UTC)
    words = [f"word{number} " for number in range(WORDS)]
    texts = ["".join(chance.choices(words, k=chance.randrange(60, 200))) for _ in range(500)]
    with path.open("w") as file:
        for number in range(items):
            at = now - timedelta(days=DAYS * (1 - number / items))
            item = {
                "feature": f"feature-{number % 12}", "occurred_at": at.isoformat(), "model": "gpt-4o-mini", "provider": "openai",
                "prompt": chance.choice(texts), "output": chance.choice(texts), "latency_ms": chance.expovariate(1 / 900),
                "input_tokens": 400, "output_tokens": 180, "user_id": f"u-{chance.randrange(3000)}",
            }  # fmt: skip
            if number % 2:
                item["id"] = f"history-{number}"
            file.write(json.dumps(item) + "\n")
