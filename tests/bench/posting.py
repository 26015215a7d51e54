"""The running product, and the load that is posted to it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from tests.bench import machine
from tests.faults.stack import Stack
from tests.harness.installation import ROOT

CONNECTIONS, BATCH = 4, 100
# What was posted just now, by the server's clock; the client's is in the index.
COUNT = "SELECT count(*) FROM interaction WHERE project_id = %s AND occurred_at >= %s AND received_at >= %s"


@dataclass(frozen=True)
class Product:
    """The running product and how to get in."""

    stack: Stack
    key: str
    password: str


@dataclass(frozen=True)
class Posted:
    """One run of the load driver."""

    connections: int
    batch: int
    events: int
    seconds: float
    driver_cpu_s: float
    p50_ms: float
    p99_ms: float
    cpu_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Durable events per second."""
        return self.events / self.seconds


def start(stack: Stack) -> Product:
    """Run `manage.py up` on a fresh data directory."""
    said = "\n".join(stack.up())
    key, password = re.search(r"obs_live_\w+", said), re.search(r"admin's password +(\S+)", said)
    assert key, said
    assert password, said
    return Product(stack, key.group(), password.group(1))


def post(product: Product, events: int, batch: int, prefix: str, *, has_random_ids: bool = False) -> Posted:
    """Let the load driver post; the commits are counted afterwards. Raises RuntimeError when rows are missing."""
    began, before = datetime.now(UTC), machine.processor_seconds(product.stack.processes())
    words = [str(product.stack.port), product.key, "--events", str(events), "--batch", str(batch)]
    words += ["--connections", str(CONNECTIONS), "--prefix", prefix, *["--random-ids"] * has_random_ids]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.driver", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    after = machine.processor_seconds(product.stack.processes())
    if done.returncode:
        raise RuntimeError(done.stderr)
    figures = json.loads(done.stdout)
    with psycopg.connect(product.stack.urls.jobs) as connection:
        project = product.stack.project_of(product.key)
        counted = connection.execute(COUNT, [project, began - timedelta(minutes=1), began]).fetchone()
    if counted != (figures["events"],):
        raise RuntimeError(f"{figures['events']} events were acknowledged, {counted} are there")
    used = {name: seconds - before.get(name, 0) for name, seconds in after.items()}
    return Posted(CONNECTIONS, batch, cpu_s=used, **figures)


def checkpoint(stack: Stack) -> None:
    """Start both sides alike: with nothing waiting to be written."""
    os.sync()
    with psycopg.connect(stack.superuser_url, autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")
