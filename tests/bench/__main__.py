"""`make bench`: durable events per second beside raw COPY, single posts, memory at rest, page times.

    python -m tests.bench [--rows 200000] [--copy-rows ROWS] [--singles 3000] [--only ingest|memory|pages|singles|import|latency]

Everything is measured on one fresh installation, run by `manage.py up` in a temporary folder. Exit code 1 when a bar
is missed.
"""

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from observatory.embedded import place
from tests.bench import copying, importing, latency, machine, pages, report, singles
from tests.bench.copying import Copied
from tests.bench.importing import Imported
from tests.bench.latency import Notified
from tests.bench.pages import Browser, PageTime
from tests.bench.report import Posted
from tests.bench.singles import Compared
from tests.faults.stack import Stack
from tests.harness.installation import ROOT

CONNECTIONS, BATCH = 4, 100
COMMITS = (100, 10_000)
SETTLE_SECONDS = 90  # what idle processes give back they give back within a minute
PARTS = ("memory", "pages", "latency", "ingest", "singles", "import")


@dataclass
class Figures:
    """Everything that was measured."""

    posted: list[Posted] = field(default_factory=list)
    masked: list[Posted] = field(default_factory=list)
    singles: Compared | None = None
    copied: list[Copied] = field(default_factory=list)
    memory: dict[str, dict[str, float]] = field(default_factory=dict)
    pages: list[PageTime] = field(default_factory=list)
    notified: list[Notified] = field(default_factory=list)
    imported: list[Imported] = field(default_factory=list)


@dataclass(frozen=True)
class Product:
    """The running product and how to get in."""

    stack: Stack
    key: str
    password: str


def start(stack: Stack) -> Product:
    """Run `manage.py up` on a fresh data directory."""
    said = "\n".join(stack.up())
    key, password = re.search(r"obs_live_\w+", said), re.search(r"admin's password +(\S+)", said)
    assert key, said
    assert password, said
    return Product(stack, key.group(), password.group(1))


def post(product: Product, events: int, batch: int, prefix: str) -> Posted:
    """Let the load driver post; the commits are counted afterwards. Raises RuntimeError when rows are missing."""
    before = machine.processor_seconds(product.stack.processes())
    words = [str(product.stack.port), product.key, "--events", str(events), "--batch", str(batch)]
    words += ["--connections", str(CONNECTIONS), "--prefix", prefix]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.driver", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    after = machine.processor_seconds(product.stack.processes())
    if done.returncode:
        raise RuntimeError(done.stderr)
    figures = json.loads(done.stdout)
    with psycopg.connect(product.stack.urls.jobs) as connection:
        counted = connection.execute(
            "SELECT count(*) FROM interaction WHERE starts_with(id, %s)", [f"{prefix}-"]
        ).fetchone()
    if counted != (figures["events"],):
        raise RuntimeError(f"{figures['events']} events were acknowledged, {counted} are there")
    used = {name: seconds - before.get(name, 0) for name, seconds in after.items()}
    return Posted(CONNECTIONS, batch, cpu_s=used, **figures)


def copy(product: Product, events: int) -> list[Copied]:
    """Copy the rows just stored, as other projects', in every way."""
    stack = product.stack
    found = place.existing(stack.data_dir)
    assert found is not None
    psql = place.binaries(found.account) / "psql"
    tables = copying.stored_rows(stack.urls.jobs, stack.project_of(product.key), events)
    copied: list[Copied] = []
    with copying.unforced(stack.urls.owner):
        for every in COMMITS:
            for connections in (1, 2, 4):
                project = copying.FIRST_PROJECT + len(copied)
                urls = (stack.urls.owner, stack.superuser_url)
                copied.append(copying.run(psql, urls, tables, project, connections, every, stack.folder))
                say(report.copy_lines(copied)[-1])
    return copied


def weigh(product: Product) -> dict[str, float]:
    """The memory of every process after a quiet while."""
    time.sleep(SETTLE_SECONDS)
    return machine.memory(product.stack.processes())


def measure(product: Product, wanted: argparse.Namespace) -> Figures:
    """Measure what is wanted, in an order in which nothing disturbs what follows."""
    figures, parts = Figures(), {wanted.only} if wanted.only else set(PARTS)
    if "memory" in parts:
        figures.memory["at rest after the start"] = weigh(product)
    if parts & {"memory", "pages"}:
        say(product.stack.command("demo").stdout.strip())
    if "memory" in parts:
        figures.memory["at rest with the demo loaded"] = weigh(product)
    if "pages" in parts:
        browser = Browser(product.stack.port, "admin", product.password)
        figures.pages = pages.measure(browser, "demo")
    if "latency" in parts:
        figures.notified = latency.measure(product.stack, product.key)
    if "ingest" in parts:
        checkpoint(product.stack)
        figures.posted.append(post(product, wanted.rows, BATCH, "bench"))
        say(*report.http_lines(figures.posted))
        figures.posted.append(post(product, wanted.singles, 1, "single"))
        figures.masked.append(post(masking(product), wanted.rows // 2, BATCH, "masked"))
        if "memory" in parts:
            figures.memory["at rest after the load"] = weigh(product)
        with workers_stopped(product.stack):
            figures.copied = copy(product, wanted.copy_rows or wanted.rows)
    if "singles" in parts:
        figures.singles = singles.measure(product.stack, product.key)
    if "import" in parts:
        figures.imported.append(importing.measure(product.stack, wanted.imported))
    return figures


def masking(product: Product) -> Product:
    """The same product, as a fresh project sees it that has its texts masked."""
    key = product.stack.new_key()
    with psycopg.connect(product.stack.urls.jobs) as connection:
        project = product.stack.project_of(key)
        connection.execute("UPDATE project SET text_policy = 'masked' WHERE id = %s", [project])
    return Product(product.stack, key, product.password)


@contextmanager
def workers_stopped(stack: Stack) -> Iterator[None]:
    """Hold the workers still: they would read and count what was posted while the stick is measured."""
    held = [pid for pid in stack.processes() if machine.name_of(pid).startswith("worker")]
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)


def checkpoint(stack: Stack) -> None:
    """Start both sides alike: with nothing waiting to be written."""
    with psycopg.connect(stack.superuser_url, autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")


def say(*lines: str) -> None:
    """Print lines at once."""
    print(*lines, sep="\n", flush=True)


def surroundings() -> str:
    """When and where this was measured."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, load before: {load}"


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print both sides and a verdict for each bar; the exit code says whether all were kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--copy-rows", type=int, default=0, help="as many as --rows unless given")
    parser.add_argument("--singles", type=int, default=3_000)
    parser.add_argument("--imported", type=int, default=100_000, help="interactions in the imported file")
    parser.add_argument("--only", choices=PARTS)
    wanted = parser.parse_args(words)
    say(surroundings())
    stack = Stack()
    stack.environment["OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    try:
        figures = measure(start(stack), wanted)
    finally:
        stack.close()
    if figures.posted:
        say("", *report.http_lines(figures.posted), "With masked texts:", *report.http_lines(figures.masked)[1:])
        say("", *report.copy_lines(figures.copied))
    if figures.singles:
        say("", *report.single_lines(figures.singles))
    if figures.memory:
        say("", *report.memory_lines(figures.memory))
    if figures.pages:
        say("", *report.page_lines(figures.pages))
    if figures.notified or figures.imported:
        say("", *report.notified_lines(figures.notified), *report.imported_lines(figures.imported))
    bars = report.bars(figures.posted[0] if figures.posted else None, figures.copied, figures.memory, figures.pages)
    bars += report.masked_bars(figures.masked, figures.copied) + report.single_bars(figures.singles)
    bars += report.outside_bars(figures.notified, figures.imported)
    say("", *map(str, bars))
    return not all(bar.is_kept for bar in bars)


if __name__ == "__main__":
    sys.exit(main())
