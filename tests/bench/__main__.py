"""`make bench`: durable events per second beside raw COPY, single posts, memory at rest, page times, starts.

    python -m tests.bench [--rows 200000] [--copy-rows ROWS] [--singles 3000] [--only PART ...]
    python -m tests.bench --only large [--large-rows 10000000] [--large-posts 250000] [--endured 1000000]
    python -m tests.bench --only rollups [--rolled 1000000]

Everything is measured on one fresh installation, run by `manage.py up` in a temporary folder. `large` (a full database
and the web's memory in the long run) and `rollups` (what charts of so many interactions cost) take long and much room, and
are measured only when asked for. Exit code 1 when a bar is missed.
"""

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from observatory.embedded import place
from tests.bench import (
    copying,
    endurance,
    freshness,
    growth,
    importing,
    latency,
    machine,
    pages,
    report,
    rollups,
    singles,
    starting,
)
from tests.bench.copying import Copied
from tests.bench.endurance import Weighed
from tests.bench.freshness import Fresh
from tests.bench.growth import Grown
from tests.bench.holding import workers_stopped
from tests.bench.importing import Imported
from tests.bench.latency import Notified
from tests.bench.pages import Browser, PageTime
from tests.bench.posting import BATCH, Posted, Product, checkpoint, post
from tests.bench.rollups import Rolled
from tests.bench.singles import Compared
from tests.bench.starting import Waited
from tests.faults.stack import Stack

COMMITS = (100, 10_000)
SETTLE_SECONDS = 90  # what idle processes give back they give back within a minute
PARTS = ("start", "memory", "pages", "latency", "ingest", "singles", "import", "freshness")
LARGE, ROLLUPS = "large", "rollups"


@dataclass
class Figures:
    """Everything that was measured."""

    waited: list[Waited] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    masked: list[Posted] = field(default_factory=list)
    singles: Compared | None = None
    copied: list[Copied] = field(default_factory=list)
    memory: dict[str, dict[str, float]] = field(default_factory=dict)
    pages: list[PageTime] = field(default_factory=list)
    notified: list[Notified] = field(default_factory=list)
    imported: list[Imported] = field(default_factory=list)
    fresh: Fresh | None = None
    grown: Grown | None = None
    weighed: list[Weighed] = field(default_factory=list)
    rolled: list[Rolled] = field(default_factory=list)


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


def measure(stack: Stack, wanted: argparse.Namespace) -> Figures:
    """Measure what is wanted, in an order in which nothing disturbs what follows."""
    figures, parts = Figures(), set(wanted.only or PARTS)
    product, waited = starting.first(stack)
    if "start" in parts:
        figures.waited += [waited, starting.again(stack)]
    if "memory" in parts:
        figures.memory["at rest after the start"] = weigh(product)
    if parts & {"start", "memory", "pages"}:
        said, waited = starting.demo(stack)
        figures.waited.append(waited)
        say(said)
    if "memory" in parts:
        figures.memory["at rest with the demo loaded"] = weigh(product)
    if "pages" in parts:
        browser = Browser(stack.port, "admin", product.password)
        figures.pages = pages.measure(browser, "demo")
    if "latency" in parts:
        figures.notified = latency.measure(stack, product.key)
    if "ingest" in parts:
        checkpoint(stack)
        figures.posted.append(post(product, wanted.rows, BATCH, "bench"))
        say(*report.http_lines(figures.posted))
        figures.posted.append(post(product, wanted.singles, 1, "single"))
        figures.masked.append(post(masking(product), wanted.rows // 2, BATCH, "masked"))
        if "memory" in parts:
            growth.settle(product)
            figures.memory["at rest after the load"] = weigh(product)
        with workers_stopped(stack):
            figures.copied = copy(product, wanted.copy_rows or wanted.rows)
    if "singles" in parts:
        figures.singles = singles.measure(stack, product.key)
    if "import" in parts:
        figures.imported.append(importing.measure(stack, wanted.imported))
    if "freshness" in parts:
        figures.fresh = freshness.measure(stack, wanted.steady)
    if LARGE in parts:
        figures.grown = growth.measure(product, wanted.large_rows, wanted.large_posts, say)
        stack.sleep()  # fresh processes, so that all events since their start are counted
        stack.up()
        figures.weighed = endurance.measure(product, wanted.endured, say)
    if ROLLUPS in parts:
        for is_independent in (False, True):
            figures.rolled.append(rollups.measure(product, wanted.rolled, is_independent=is_independent))
            say(*report.rolled_lines(figures.rolled[-1:]))
    return figures


def masking(product: Product) -> Product:
    """The same product, as a fresh project sees it that has its texts masked."""
    key = product.stack.new_key()
    with psycopg.connect(product.stack.urls.jobs) as connection:
        project = product.stack.project_of(key)
        connection.execute("UPDATE project SET text_policy = 'masked' WHERE id = %s", [project])
    return Product(product.stack, key, product.password)


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
    parser.add_argument("--steady", type=int, default=400_000, help="events that come at a steady pace")
    parser.add_argument("--large-rows", type=int, default=10_000_000, help="interactions in the full database")
    parser.add_argument(
        "--large-posts", type=int, default=250_000, help="events of each run beside a small and the full database"
    )
    parser.add_argument("--endured", type=int, default=1_000_000, help="events after which the web is weighed")
    parser.add_argument("--rolled", type=int, default=1_000_000, help="interactions whose charts are counted again")
    parser.add_argument("--only", choices=(*PARTS, LARGE, ROLLUPS), action="append", help="may be given more than once")
    wanted = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # the product must not outlive us
    say(surroundings())
    stack = Stack()
    stack.environment["OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS"] = "127.0.0.0/8"
    try:
        figures = measure(stack, wanted)
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
    if figures.fresh:
        say("", *report.fresh_lines(figures.fresh))
    if figures.grown:
        say("", *report.grown_lines(figures.grown), "", *report.weighed_lines(figures.weighed))
    bars = report.waited_bars(figures.waited)
    bars += report.bars(figures.posted[0] if figures.posted else None, figures.copied, figures.memory, figures.pages)
    bars += report.masked_bars(figures.masked, figures.copied) + report.single_bars(figures.singles)
    bars += report.outside_bars(figures.notified, figures.imported)
    bars += report.fresh_bars(figures.fresh)
    bars += report.rolled_bars(figures.rolled)
    bars += report.grown_bars(figures.grown) + report.weighed_bars(figures.weighed)
    say("", *map(str, bars))
    return not all(bar.is_kept for bar in bars)


if __name__ == "__main__":
    sys.exit(main())
