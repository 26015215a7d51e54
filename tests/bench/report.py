"""The benchmark's bars and its verdict. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.copying import Copied
from tests.bench.importing import Imported
from tests.bench.latency import Notified
from tests.bench.pages import PageTime
from tests.bench.singles import Compared

RATIO_AT_LEAST = 0.4
MEGABYTES_AT_MOST = 500.0
PAGE_MS_AT_MOST = 300.0
NOTIFIED_S_AT_MOST = 15.0
IMPORTED_AT_LEAST = 5_000.0
MASKED_AT_LEAST = 0.15
SINGLES_AT_LEAST = 0.4
HALF_RATE_MS_AT_MOST = 50.0
LARGE_MS_AT_MOST = 50.0
STICK = 100  # rows a commit of the COPY that the ratio is taken against


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


@dataclass(frozen=True)
class Bar:
    """One promise and what was seen of it."""

    name: str
    seen: float
    limit: float
    is_kept: bool
    unit: str = ""

    def __str__(self) -> str:
        verdict = "kept" if self.is_kept else "MISSED"
        return f"{self.name:58} {self.seen:9.2f} {self.unit:3} bar {self.limit:g}  {verdict}"


def best(copied: Sequence[Copied], every: int) -> Copied:
    """The quickest COPY that commits every so many rows."""
    return max((one for one in copied if one.rows_a_commit == every), key=lambda one: one.rate)


def bars(
    posted: Posted | None,
    copied: Sequence[Copied],
    memory: Mapping[str, Mapping[str, float]],
    pages: Sequence[PageTime],
) -> list[Bar]:
    """Judge everything that was measured; what was left out has no bar."""
    found = []
    if posted and copied:
        ratio = posted.rate / best(copied, STICK).rate
        name = f"events/s over HTTP ÷ COPY committing every {STICK}"
        found.append(Bar(name, ratio, RATIO_AT_LEAST, ratio >= RATIO_AT_LEAST))
    for moment, parts in memory.items():
        total = sum(parts.values())
        found.append(
            Bar(f"memory of the whole product, {moment}", total, MEGABYTES_AT_MOST, total <= MEGABYTES_AT_MOST, "MB")
        )
    for page in pages:
        is_kept = page.median_ms <= PAGE_MS_AT_MOST
        found.append(Bar(f"page {page.path}, median", page.median_ms, PAGE_MS_AT_MOST, is_kept, "ms"))
    return found


def http_lines(posted: Sequence[Posted]) -> list[str]:
    """The product's side."""
    lines = ["Over HTTP, each answer after its commit:"]
    for one in posted:
        used = ", ".join(
            f"{name} {seconds:.1f}" for name, seconds in sorted(one.cpu_s.items(), key=lambda item: -item[1])
        )
        lines.append(
            f"  {one.connections} connections × {one.batch:3} events a post: {one.rate:9,.0f} events/s   ({one.events:,} in {one.seconds:.1f} s; "
            f"answer p50 {one.p50_ms:.1f} ms, p99 {one.p99_ms:.1f} ms)"
        )
        lines.append(f"      processor s: {used}; load driver apart: {one.driver_cpu_s:.1f}")
    return lines


def copy_lines(copied: Sequence[Copied]) -> list[str]:
    """The measuring stick's side."""
    lines = ["Raw COPY of the same rows through psql into the same tables:"]
    lines += [
        f"  {one.connections} connections, commit every {one.rows_a_commit:6,}: {one.rate:9,.0f} events/s   ({one.events:,} in {one.seconds:.1f} s; "
        f"psql apart: {one.psql_cpu_s:.1f} processor s)"
        for one in copied
    ]
    return lines


def memory_lines(memory: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Each process's weight."""
    lines = ["Memory, MB (PSS: shared pages counted once):"]
    for moment, parts in memory.items():
        each = ", ".join(f"{name} {size:.0f}" for name, size in sorted(parts.items(), key=lambda item: -item[1]))
        lines.append(f"  {moment}: {sum(parts.values()):.0f}   ({each})")
    return lines


def page_lines(pages: Sequence[PageTime]) -> list[str]:
    """Each page's time."""
    lines = ["Pages with the demo loaded, ms on the server:"]
    lines += [
        f"  {page.path:32} median {page.median_ms:6.0f}   slowest {page.slowest_ms:6.0f}   first visit {page.first_ms:6.0f}   {page.kilobytes:6.0f} kB"
        for page in pages
    ]
    return lines


def masked_bars(masked: Sequence[Posted], copied: Sequence[Copied]) -> list[Bar]:
    """Judge what masking leaves of the rate."""
    ratios = [one.rate / best(copied, STICK).rate for one in masked if copied]
    return [Bar("the same with masked texts", one, MASKED_AT_LEAST, one >= MASKED_AT_LEAST) for one in ratios]


def single_bars(compared: Compared | None) -> list[Bar]:
    """Judge single posts."""
    if compared is None:
        return []
    ratio, p99, large = compared.stored.rate / compared.nothing.rate, compared.at_half.p99_ms, compared.large_ms
    return [
        Bar("single posts/s ÷ answers/s that store nothing", ratio, SINGLES_AT_LEAST, ratio >= SINGLES_AT_LEAST),
        Bar("single posts at half that rate, p99", p99, HALF_RATE_MS_AT_MOST, p99 < HALF_RATE_MS_AT_MOST, "ms"),
        Bar("one interaction of 1 MiB, median", large, LARGE_MS_AT_MOST, large < LARGE_MS_AT_MOST, "ms"),
    ]


def single_lines(compared: Compared) -> list[str]:
    """Both sides of single posts."""
    sides = (("stored", compared.stored), ("nothing stored", compared.nothing), ("stored, at half", compared.at_half))
    lines = ["Single posts of 3 kB from 32 connections:"]
    lines += [
        f"  {name:16} {one.rate:9,.0f} answers/s   (p50 {one.p50_ms:.1f} ms, p99 {one.p99_ms:.1f} ms)"
        for name, one in sides
    ]
    return lines


def outside_bars(notified: Sequence[Notified], imported: Sequence[Imported]) -> list[Bar]:
    """Judge what is told to the outside and what is brought in from there."""
    found = []
    if notified:
        p95 = share(notified, 0.95)
        name = "from a window's close to a receiver's first byte, p95"
        found.append(Bar(name, p95, NOTIFIED_S_AT_MOST, p95 <= NOTIFIED_S_AT_MOST, "s"))
    found += [
        Bar("imported interactions/s", one.rate, IMPORTED_AT_LEAST, one.rate >= IMPORTED_AT_LEAST) for one in imported
    ]
    return found


def share(notified: Sequence[Notified], part: float) -> float:
    """The seconds within which this part of the messages began to arrive."""
    ordered = sorted(one.seconds for one in notified)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def notified_lines(notified: Sequence[Notified]) -> list[str]:
    """How long messages took."""
    if not notified:
        return []
    told = ", ".join(f"p{part * 100:.0f} {share(notified, part):.1f} s" for part in (0.5, 0.95, 1.0))
    return [f"From the close of a window to the first byte at a webhook, {len(notified)} windows of a minute: {told}"]


def imported_lines(imported: Sequence[Imported]) -> list[str]:
    """How quickly history came in."""
    lines = []
    for one in imported:
        size = f"{one.items:,} interactions of {one.kilobytes:.1f} kB"
        used = ", ".join(f"{name} {spent:.1f}" for name, spent in sorted(one.cpu_s.items(), key=lambda own: -own[1]))
        lines.append(f"Imported {size} in {one.seconds:.1f} s: {one.rate:,.0f} a second; processor s: {used}")
    return lines
