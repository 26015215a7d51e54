"""Rollups equal the raw rows while apps write and rollers race; with a bug planted, the verification says so."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections

from ingest.dimensions import FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, MINUTE, QUARTER, Window, floor
from observatory.metrics import cells, recompute, roller, store, verify
from observatory.metrics.sheets import Family
from tests import factories

NOW = floor(datetime.now(UTC), DAY) - DAY + timedelta(hours=16, minutes=3)
SECONDS = 2.0


def differences(project: Project, now: datetime = NOW) -> list[verify.Difference]:
    return [found for day in verify.days_of(project, now) for found in verify.verify(project, day).differences]


def write(project: Project, seed: int, until: float) -> None:
    """An app: interactions of the last minutes and now and then of old days, each transaction a while open."""
    rng = random.Random(seed)
    while time.monotonic() < until:
        late = rng.randrange(700) * QUARTER if rng.random() < 0.3 else timedelta(0)
        rows = [
            {
                "at": NOW - late - rng.randrange(600) * timedelta(seconds=1),
                "feature": rng.choice(("write-draft", "summarise")),
                "user_id": rng.choice(("ann", "bo", None)),
                "tier": rng.choice(("free", "pro", None)),
                "input_tokens": rng.randrange(1, 900),
                "latency_ms": rng.random() * 3000,
            }
            for _ in range(rng.randrange(1, 6))
        ]
        with project_scope(project.pk):
            names = factories.interactions(project, rows)
            factories.verdicts(
                project,
                [
                    {"interaction": name, "kind": int(FeedbackKind.THUMB), "value": float(rng.random() < 0.7)}
                    for name in names
                ],
            )
            time.sleep(rng.random() * 0.08)


def race(project: Project) -> None:
    """Three apps write while two rollers roll; then the rollers catch up."""
    factories.interactions(project, [{"at": NOW, "feature": name} for name in ("write-draft", "summarise")])
    until = time.monotonic() + SECONDS

    def rolling(seed: int) -> None:
        while time.monotonic() < until:
            roller.roll(NOW, only=[project.pk], everything=seed == 0)
            time.sleep(0.02)

    work: list[Callable[[], None]] = [lambda seed=seed: write(project, seed, until) for seed in range(3)]  # type: ignore[misc]
    work += [lambda seed=seed: rolling(seed) for seed in range(2)]  # type: ignore[misc]
    threads = [threading.Thread(target=alone, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    roller.roll(NOW, only=[project.pk], everything=True)


def alone(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connections.close_all()


def test_rollups_equal_the_raw_rows_after_a_race(project: Project) -> None:
    race(project)
    assert differences(project) == []
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM dirty_bucket WHERE project_id = %s", [project.pk])
        assert cursor.fetchone() == (0,)


def interleave(project: Project) -> None:
    """The orders of events that an unlawful roller gets wrong, one after the other."""
    send(project, NOW)
    is_marked, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        with project_scope(project.pk):
            send(project, NOW - 30 * MINUTE)
            is_marked.set()
            may_commit.wait(10)

    writer = threading.Thread(target=alone, args=(slow,))
    writer.start()
    assert is_marked.wait(10)
    send(project, NOW)
    roller.roll(NOW, only=[project.pk], everything=True)
    may_commit.set()
    writer.join()
    send(project, NOW - MINUTE)
    with during_the_next_read(lambda: send(project, NOW - MINUTE)):
        roller.roll(NOW, only=[project.pk], everything=True)
    roller.roll(NOW, only=[project.pk], everything=True)


def send(project: Project, at: datetime) -> None:
    factories.interactions(project, [{"at": at, "feature": "write-draft"}])


@contextmanager
def during_the_next_read(work: Callable[[], None]) -> Iterator[None]:
    """Do something over another connection right after the roller's next read of raw rows."""
    todo = [work]
    read = recompute.recompute

    def both(*arguments: Any) -> Any:
        fresh = read(*arguments)
        if todo:
            other = threading.Thread(target=alone, args=(todo.pop(),))
            other.start()
            other.join()
        return fresh

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recompute, "recompute", both)
        yield


def adds_to_what_is_stored(patch: Any) -> None:
    """The bug `+=`: a replacement adds to the old sums."""
    replace = store.replace

    def add(level: Any, facts: Any, buckets: Any, fresh: Any, family: Any = Family.HEADLINE) -> None:
        if family is Family.HEADLINE:
            stored = store.fetch(level, facts, [Window(bucket, bucket + MINUTE) for bucket in buckets])
            fresh = cells.merged(cells.joined([fresh, stored]), lambda bucket: bucket)
        replace(level, facts, buckets, fresh, family)

    patch.setattr(store, "replace", add)


def rolls_up_to_a_watermark(patch: Any) -> None:
    """The bug `id watermark`: marks up to the newest one seen count as done, also those committed later."""
    seen: list[datetime] = [datetime(2000, 1, 1, tzinfo=UTC)]
    due = store.due_marks

    def newer(minutes_from: datetime, bucket_from: datetime, marked_by: Any, limit: int) -> list[store.Mark]:
        with connection.cursor() as cursor:
            query = "SELECT max(marked_at) FROM dirty_bucket WHERE project_id = %s"
            cursor.execute(query, [store.current_project()])
            (newest,) = cursor.fetchone()
            cursor.execute(
                "DELETE FROM dirty_bucket WHERE project_id = %s AND marked_at <= %s", [store.current_project(), seen[0]]
            )
        marks = due(minutes_from, bucket_from, marked_by, limit)
        seen[0] = max(seen[0], newest or seen[0])
        return marks

    patch.setattr(store, "due_marks", newer)


def claims_after_reading(patch: Any) -> None:
    """The bug `read, then claim`: what is committed in between loses its mark without being counted."""
    claim, save = store.claim, store.save
    waiting: list[Any] = []

    def afterwards(account: store.Account) -> None:
        while waiting:
            claim(waiting.pop())
        save(account)

    patch.setattr(store, "claim", waiting.append)
    patch.setattr(store, "save", afterwards)


def nothing(patch: Any) -> None:
    """No bug."""


@pytest.mark.parametrize(
    ("bug", "is_found"),
    [(nothing, False), (adds_to_what_is_stored, True), (rolls_up_to_a_watermark, True), (claims_after_reading, True)],
)
def test_the_verification_finds_a_planted_bug(project: Project, monkeypatch: Any, bug: Any, is_found: bool) -> None:
    bug(monkeypatch)
    interleave(project)
    assert bool(differences(project)) is is_found


def test_the_command_prints_what_differs_and_fails(project: Project) -> None:
    factories.interactions(project, [{"at": NOW, "feature": "write-draft", "user_id": "ann"}])
    roller.roll(NOW, only=[project.pk], everything=True)
    out = StringIO()
    call_command("verify_rollups", "--all", project=project.slug, stdout=out)
    assert out.getvalue().startswith("0 differing of ")
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("UPDATE user_day SET calls = 2 WHERE project_id = %s", [project.pk])
        cursor.execute(
            "INSERT INTO interaction (project_id, occurred_at, received_at, id) VALUES (%s, %s, %s, 'unmarked')",
            [project.pk, NOW - 5 * MINUTE, NOW],
        )
    out = StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("verify_rollups", "--all", project=project.slug, stdout=out)
    assert exit_.value.code == 1
    assert "interactions minute" in out.getvalue()
    assert "cluster 'ann'" in out.getvalue()


def test_what_is_stored_of_a_day_without_rows_differs(project: Project) -> None:
    factories.interactions(project, [{"at": NOW, "feature": "write-draft"}])
    roller.roll(NOW, only=[project.pk], everything=True)
    assert differences(project) == []
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM interaction WHERE project_id = %s", [project.pk])
    found = [difference for difference in differences(project) if difference.what.startswith("interactions")]
    assert {difference.what for difference in found} >= {"interactions minute", "interactions minute wide"}
    assert all("there are no rows" in difference.reason for difference in found)


def test_a_dirty_bucket_waits_and_does_not_differ(project: Project) -> None:
    factories.interactions(project, [{"at": NOW, "feature": "write-draft"}])
    roller.roll(NOW, only=[project.pk], everything=True)
    factories.interactions(project, [{"at": NOW, "feature": "write-draft"}])
    found = verify.verify(project, NOW.date())
    assert found.differences == []
    assert found.waiting >= 1
