"""One slice, one process at a time, then a beat."""

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import pytest

from ingest import periodic, timeline
from ingest.duties import LOCK_SPACE, Duty
from ingest.models import DutyBeat


@dataclass(frozen=True)
class Report:
    buckets: int
    left: bool
    until: datetime


def last_beat(duty: Duty) -> DutyBeat | None:
    return DutyBeat.objects.filter(duty=duty.name.lower()).first()


def test_a_slice_ends_with_a_beat_that_carries_its_report():
    before = timeline.now()
    until = datetime(2026, 1, 2, tzinfo=UTC)
    assert periodic.perform(Duty.PARTITIONS, lambda now: Report(3, False, until))
    found = last_beat(Duty.PARTITIONS)
    assert found.beat_at >= before
    assert found.detail == {"buckets": 3, "left": False, "until": "2026-01-02 00:00:00+00:00"}


def test_the_slice_is_given_the_time():
    seen = []
    periodic.perform(Duty.PARTITIONS, seen.append)
    assert abs(timeline.now() - seen[0]).total_seconds() < 5


def test_a_slice_that_fails_does_not_beat():
    DutyBeat.objects.filter(duty="partitions").delete()
    with pytest.raises(ZeroDivisionError):
        periodic.perform(Duty.PARTITIONS, lambda now: 1 / 0)
    assert last_beat(Duty.PARTITIONS) is None


def test_after_a_failure_the_next_slice_gets_its_turn():
    with pytest.raises(ZeroDivisionError):
        periodic.perform(Duty.PARTITIONS, lambda now: 1 / 0)
    assert periodic.perform(Duty.PARTITIONS, lambda now: 7)
    assert last_beat(Duty.PARTITIONS).detail == {"done": 7}


def test_two_processes_never_do_the_same_duty_at_once(installation):
    DutyBeat.objects.filter(duty="partitions").delete()
    done = []
    with psycopg.connect(installation.server.urls.jobs) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, int(Duty.PARTITIONS)])
        assert not periodic.perform(Duty.PARTITIONS, done.append)
    assert done == []
    assert last_beat(Duty.PARTITIONS) is None


def test_another_duty_is_not_held_up(installation):
    with psycopg.connect(installation.server.urls.jobs) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, int(Duty.ROLL)])
        assert periodic.perform(Duty.PARTITIONS, lambda now: 0)


def test_the_partitions_task_beats():
    from ingest.tasks import partitions

    DutyBeat.objects.filter(duty="partitions").delete()
    partitions()
    assert last_beat(Duty.PARTITIONS).detail == {"done": 0}
