"""Whether the product does its work: for load balancers, `make up` and the Status page.

`/healthz` says that the process lives and asks nothing else; `/readyz` asks for all that people and alerts rely on.
"""

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from ingest import timeline
from ingest.duties import Duty
from ingest.models import DutyBeat
from observatory import checks, liveness

PARTITIONED = ("interaction", "payload", "feedback", "verdict", "cost")
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
}
CLOCK_SLIP = timedelta(minutes=1)

T = TypeVar("T")
_one_at_a_time = threading.Lock()
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


class NoAnswer(Exception):
    """A question took longer than anybody should wait, or an earlier one still hangs."""


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
    return Check(not missing, f"missing: {', '.join(missing)}" if missing else f"{DAYS_AHEAD.days} days ahead")


def _duties(now: datetime) -> Check:
    late = [f"{pulse.duty} (last beat: {pulse.beat_at or 'never'})" for pulse in pulses(now) if pulse.state == "late"]
    return Check(not late, f"late: {', '.join(late)}" if late else "on time")


def within(seconds: float, ask: Callable[[], T]) -> T:
    """Ask in a thread of its own and wait no longer than told; a frozen database would hold its caller for ever.

    Only one such thread exists at a time. Raises NoAnswer when time is up or an earlier question still hangs.
    """
    answers: list[T] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # handed to the caller below
            failures.append(error)
        finally:
            connection.close()
            _one_at_a_time.release()

    if not _one_at_a_time.acquire(timeout=1):
        raise NoAnswer("an earlier question still waits for its answer")
    thread = threading.Thread(target=run, name="readiness", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise NoAnswer(f"no answer within {seconds:g} s")
    return answers[0]


def alive(request: HttpRequest) -> JsonResponse:
    """GET /healthz: this process answers."""
    return _answer({"process": Check(True, "answers")})


def ready(request: HttpRequest) -> JsonResponse:
    """GET /readyz: 200 when the product does its work, else 503; every check by name either way."""
    try:
        return _answer(within(ANSWER_WITHIN_S, lambda: readiness(timeline.now())))
    except NoAnswer as error:
        return _answer({"database": Check(False, str(error))})


def _answer(answers: dict[str, Check]) -> JsonResponse:
    is_ok = all(check.ok for check in answers.values())
    details = {name: asdict(check) for name, check in answers.items()}
    body = {"status": "ok" if is_ok else "unavailable", "checks": details}
    return JsonResponse(body, status=200 if is_ok else 503, headers={"Cache-Control": "no-store"})
