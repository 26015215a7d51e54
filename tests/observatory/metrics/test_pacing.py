"""In a crowd the roller's slices come less often, unless it is behind, and those that take long rest long."""

from types import SimpleNamespace

import pytest

from ingest import timeline
from observatory.metrics import pacing
from observatory.metrics.roller import RollReport


@pytest.mark.parametrize(
    ("is_crowded", "left", "takes", "slices"),
    [
        (False, False, 0.1, [0.0, 3.0, 6.0, 9.0, 12.0]),
        (True, False, 0.1, [0.0, 6.0, 12.0]),
        (True, True, 0.1, [0.0, 3.0, 6.0, 9.0, 12.0]),
        (False, True, 1.0, [0.0, 3.0, 6.0, 9.0, 12.0]),
        (True, True, 1.0, [0.0, 9.0]),
        (True, False, 1.0, [0.0, 9.0]),
    ],
)
def test_slices_come_less_often_in_a_crowd(monkeypatch, is_crowded, left, takes, slices):
    clock, taken = SimpleNamespace(seconds=0.0), []
    monkeypatch.setattr(pacing, "time", SimpleNamespace(monotonic=lambda: clock.seconds))

    def roll(now):
        taken.append(clock.seconds)
        clock.seconds += takes
        return RollReport(buckets=1, left=left)

    monkeypatch.setattr(pacing.roller, "roll", roll)
    pace = pacing.Pace()
    monkeypatch.setattr(pace._watch, "is_crowded", lambda: is_crowded)
    counted = 0
    for clock.seconds in (0.0, 3.0, 6.0, 9.0, 12.0):
        counted += pace.roll(timeline.now()).buckets
    assert taken == slices
    assert counted == len(slices)
