"""Whether the product does its work: for load balancers, `make up` and the Status page.

`/healthz` says that the process lives and asks nothing else; `/readyz` asks for all that people and alerts rely on.
"""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from ingest import timeline
from ingest.database import Unavailable
from ingest.driver import patience
from ingest.duties import Duty
from ingest.models import DutyBeat
from observatory import checks, liveness

PARTITIONED = ("interaction", "payload", "search", "feedback", "verdict", "cost")
DAYS_AHEAD = timedelta(days=7)
ANSWER_WITHIN_S = 4.0
# Below three minutes, so that a duty that has stopped is seen within three, however rarely somebody asks.
TICKING, HOURLY = timedelta(seconds=150), timedelta(hours=3)
PATIENCE = {
    Duty.ROLL: TICKING,
    Duty.DRIFT: TICKING,
    Duty.EVALUATE: TICKING,
    Duty.DISPATCH: TICKING,
    Duty.PARTITIONS: HOURLY,
    Duty.RETAIN: TICKING,
    Duty.ERASE: TICKING,
    Duty.READ: TICKING,
}
CLOCK_SLIP = timedelta(minutes=1)

_migrated = threading.Event()


@dataclass(frozen=True)
class Check:
    """One question of `/readyz`: whether it is answered well, and how."""

    ok: bool
    detail: str


@dataclass(frozen=True)
class Pulse:
    """One duty's beat: when it last did its work, and what that means now."""

    duty: str
    beat_at: datetime | None
    state: Literal["fresh", "starting", "late"]
    patience: timedelta


def pulse_of(duty: Duty, beat_at: datetime | None, *, started_at: datetime, now: datetime) -> Pulse:
    """Judge one beat. Right after a start nobody can have beaten yet; a beat from the future says nothing."""
    patience = PATIENCE[duty]
    is_fresh = beat_at is not None and -CLOCK_SLIP <= now - beat_at <= patience
    if is_fresh:
        return Pulse(duty.name.lower(), beat_at, "fresh", patience)
    state: Literal["starting", "late"] = "starting" if now - started_at <= patience else "late"
    return Pulse(duty.name.lower(), beat_at, state, patience)


def pulses(now: datetime, *, started_at: datetime | None = None) -> tuple[Pulse, ...]:
    """Every duty's pulse, in the order of the duties; by default since the start of this web process."""
    beats = dict(DutyBeat.objects.values_list("duty", "beat_at"))
    start = started_at or liveness.started_at or timeline.EPOCH
    return tuple(pulse_of(duty, beats.get(duty.name.lower()), started_at=start, now=now) for duty in Duty)


def readiness(now: datetime) -> dict[str, Check]:
    """Ask every question of `/readyz`; a database that does not answer leaves the others unasked."""
    questions: dict[str, Callable[[], Check]] = {
        "safety": _safety,
        "migrations": _migrations,
        "partitions": lambda: _partitions(now),
        "duties": lambda: _duties(now),
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        answers = {"database": Check(True, "answers")}
        for name, ask in questions.items():
            answers[name] = ask()
            if not answers[name].ok and name == "migrations":
                break
        return answers
    except DatabaseError as error:
        return {"database": Check(False, str(error).strip().split("\n")[0] or "does not answer")}


def _safety() -> Check:
    found = " ".join(f"{message.id}: {message.msg}" for message in checks.problems())
    return Check(not found, found or "durable, roles apart, queues there")


def _migrations() -> Check:
    """Once applied they stay applied while this process lives, so the graph is read once."""
    if not _migrated.is_set():
        executor = MigrationExecutor(connection)
        missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        if missing:
            return Check(False, f"not applied: {', '.join(missing)}")
        _migrated.set()
    return Check(True, "applied")


def wanted_partitions(now: datetime) -> set[str]:
    """The names of the partitions that must exist: this week's and that of a week from now, of every big table."""
    weeks = (timeline.week_start(now), timeline.week_start(now + DAYS_AHEAD))
    return {f"{table}_{week:%Y%m%d}" for table in PARTITIONED for week in weeks}


def _partitions(now: datetime) -> Check:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname::text FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid "
            "WHERE c.relname = ANY(%s)",
            [sorted(wanted_partitions(now))],
        )
        missing = sorted(wanted_partitions(now) - {name for (name,) in cursor.fetchall()})
    return Check(not missing, f"missing: {', '.join(missing)}" if missing else f"at least {DAYS_AHEAD.days} days ahead")


def _duties(now: datetime) -> Check:
    late = [f"{pulse.duty} (last beat: {pulse.beat_at or 'never'})" for pulse in pulses(now) if pulse.state == "late"]
    return Check(not late, f"late: {', '.join(late)}" if late else "on time")


def alive(request: HttpRequest) -> JsonResponse:
    """GET /healthz: this process answers."""
    return _answer({"process": Check(True, "answers")})


def ready(request: HttpRequest) -> JsonResponse:
    """GET /readyz: 200 when the product does its work, else 503; every check by name either way."""
    with patience.at_most(ANSWER_WITHIN_S):
        return _answer(readiness(timeline.now()))


def _answer(answers: dict[str, Check]) -> JsonResponse:
    is_ok = all(check.ok for check in answers.values())
    details = {name: asdict(check) for name, check in answers.items()}
    body = {"status": "ok" if is_ok else "unavailable", "checks": details}
    headers = {"Cache-Control": "no-store"} | ({} if is_ok else {"Retry-After": str(Unavailable.retry_after)})
    return JsonResponse(body, status=200 if is_ok else 503, headers=headers)
