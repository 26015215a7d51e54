"""The web's sign of life."""

import time
from datetime import UTC, datetime, timedelta

from ingest import timeline
from ingest.models import Liveness
from observatory import liveness


def test_a_sign_of_life_is_a_row_and_twice_the_same_is_one():
    at = datetime(2020, 5, 1, 12, tzinfo=UTC)
    liveness.write(at)
    liveness.write(at)
    assert Liveness.objects.filter(at=at).count() == 1


def test_old_signs_are_forgotten_and_young_ones_kept():
    now = timeline.now()
    old, young = now - timedelta(days=15), now - timedelta(days=13)
    liveness.write(old)
    liveness.write(young)
    liveness.write(now, forget_before=now - liveness.KEPT)
    assert not Liveness.objects.filter(at=old).exists()
    assert Liveness.objects.filter(at=young).exists()


def test_a_web_process_writes_from_its_start(web):
    deadline = time.monotonic() + 12
    while not Liveness.objects.filter(at__gte=timeline.now() - timedelta(seconds=11)).exists():
        assert time.monotonic() < deadline, "no sign of life of a running web process"
        time.sleep(0.2)


def test_the_thread_starts_once_and_ends_when_told(monkeypatch):
    monkeypatch.setattr(liveness, "write", lambda at, *, forget_before=None: None)
    thread = liveness.start()
    assert liveness.start() is thread
    assert thread.daemon
    liveness.stop()
    assert not thread.is_alive()


def test_a_failed_write_is_not_the_end(monkeypatch):
    import psycopg

    tried = []

    def fail(at, *, forget_before=None):
        tried.append(at)
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(liveness, "write", fail)
    monkeypatch.setattr(liveness, "PERIOD_S", 0.01)
    liveness.start()
    deadline = time.monotonic() + 5
    while len(tried) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    liveness.stop()
    assert len(tried) >= 3
