"""The product's own health as numbers, for GET /metrics. Nothing in them names a project."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from ingest import timeline
from ingest.driver import patience
from observatory import counted, health
from observatory.metrics.exposition import Family, Kind, Sample

ANSWER_WITHIN_S = 4.0
PROC = Path("/proc/self")

WAITING = {
    "projects": ("observatory_projects", "Projects there are."),
    "dirty_buckets": ("observatory_rollup_dirty_marks", "Marks of buckets that have to be counted again."),
    "dirty_projects": ("observatory_rollup_dirty_projects", "Projects that have such marks."),
    "rollup_lag": (
        "observatory_rollup_lag_seconds",
        "Age of the oldest such mark of any project. Marks of days long past wait up to 15 minutes by design.",
    ),
    "outbox": ("observatory_outbox_pending", "Mails and webhooks that wait to be sent."),
    "outbox_age": ("observatory_outbox_oldest_seconds", "Age of the oldest mail or webhook that waits to be sent."),
    "deliveries_failed": ("observatory_deliveries_failed", "Mails and webhooks kept that were given up."),
    "unread": ("observatory_texts_unread", "Interactions whose texts wait to be read for search, language and marks."),
    "unread_age": ("observatory_texts_oldest_seconds", "Age of the oldest interaction among them."),
    "orphans": ("observatory_orphans", "Feedback and costs whose interaction has not come, by their kind."),
    "late": ("observatory_late_events", "Events from before the raw horizon that came in the last 30 days."),
}
"""What `product_vitals()` tells → the family's name and what it means; `orphans.cost` is those of the kind `cost`."""


def families(now: datetime) -> tuple[Family, ...]:
    """Everything; of the database only that it does not answer, when it does not."""
    own = (*_process(now), *_requests(), *_disk())
    about = Sample(1, {"version": settings.VERSION})
    info = Family("observatory_build", "Which version this is.", (about,), Kind.INFO)
    try:
        with patience.at_most(ANSWER_WITHIN_S):
            asked: tuple[Family, ...] = (*_readiness(now), *_duties(now), *_partitions(now), *_waiting())
        is_up = True
    except DatabaseError:
        asked, is_up = (), False
    finally:
        connection.close()
    up = Family("observatory_database_up", "Whether the database answers.", (Sample(is_up),))
    return (info, up, *asked, *own)


def _readiness(now: datetime) -> Iterable[Family]:
    samples = [Sample(check.ok, {"check": name}) for name, check in health.readiness(now).items()]
    yield Family("observatory_check_ok", "The questions of /readyz: 1 is well.", tuple(samples))


def _duties(now: datetime) -> Iterable[Family]:
    pulses = health.pulses(now)
    ages = [Sample((now - pulse.beat_at).total_seconds(), {"duty": pulse.duty}) for pulse in pulses if pulse.beat_at]
    late = [Sample(pulse.state == "late", {"duty": pulse.duty}) for pulse in pulses]
    yield Family("observatory_duty_beat_age_seconds", "Since when each duty last did its work.", tuple(ages))
    yield Family("observatory_duty_late", "1 where a duty has not done its work for too long.", tuple(late))


def _partitions(now: datetime) -> Iterable[Family]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.relname::text, max(right(c.relname::text, 8)) FROM pg_catalog.pg_inherits i"
            " JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_class p ON p.oid = i.inhparent"
            " WHERE p.relname = ANY(%s) AND c.relname ~ '_[0-9]{8}$' GROUP BY 1 ORDER BY 1",
            [list(health.PARTITIONED)],
        )
        last = {table: datetime.strptime(week, "%Y%m%d").replace(tzinfo=UTC) for table, week in cursor.fetchall()}
    samples = [
        Sample(round((week + timeline.WEEK - now) / timedelta(days=1), 3), {"table": table})
        for table, week in last.items()
    ]
    doc = "Days from now for which a big table has its partitions."
    yield Family("observatory_partition_days_left", doc, tuple(samples))


def _waiting() -> Iterable[Family]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, value FROM product_vitals() ORDER BY name")
        found: dict[str, list[Sample]] = {}
        for name, value in cursor.fetchall():
            what, _, kind = name.partition(".")
            found.setdefault(what, []).append(Sample(value, {"kind": kind} if kind else {}))
    for what, (family, doc) in WAITING.items():
        yield Family(family, doc, tuple(found[what]))


def _requests() -> Iterable[Family]:
    process = {"process": str(os.getpid())}
    samples = [Sample(count, {"status": status, **process}) for status, count in counted.answered().items()]
    doc = "Requests that this web process has answered, by the class of their status."
    yield Family("observatory_http_requests", doc, tuple(samples), Kind.COUNTER)


def _disk() -> Iterable[Family]:
    with suppress(OSError):
        usage = shutil.disk_usage(settings.DATA_DIR)
        yield Family("observatory_data_free_bytes", "Free bytes where the data folder lies.", (Sample(usage.free),))
        yield Family("observatory_data_size_bytes", "Size of that file system.", (Sample(usage.total),))


def _process(now: datetime) -> Iterable[Family]:
    """What the system tells of this web process, under the names that Prometheus's own libraries use. On Linux only."""
    process = {"process": str(os.getpid())}
    readers: Mapping[str, tuple[str, Callable[[], float]]] = {
        "process_resident_memory_bytes": ("Resident memory of this web process.", _resident_bytes),
        "process_open_fds": ("Open file descriptors of this web process.", lambda: len(os.listdir(PROC / "fd"))),
        "process_start_time_seconds": ("When this web process began.", lambda: _began(now)),
    }
    for name, (doc, read) in readers.items():
        with suppress(OSError, ValueError, IndexError):
            yield Family(name, doc, (Sample(read(), process),))


def _resident_bytes() -> float:
    return int((PROC / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _began(now: datetime) -> float:
    # The 22nd field, in clock ticks since the machine's start; the second may hold blanks and brackets.
    ticks = int((PROC / "stat").read_text().rpartition(")")[2].split()[19])
    up_s = float(Path("/proc/uptime").read_text().split()[0])
    return round(now.timestamp() - up_s + ticks / os.sysconf("SC_CLK_TCK"), 2)
