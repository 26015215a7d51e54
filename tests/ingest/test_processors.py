"""Work that can wait sees when others want the processors, and does not take itself for them."""

from types import SimpleNamespace

import pytest

from ingest import processors


@pytest.mark.parametrize(
    ("idle_s", "all_s", "own_s", "is_crowded"),
    [
        (0.2, 4.0, 0.3, True),  # two processors, both busy, hardly with us
        (2.0, 4.0, 0.3, False),  # one of them idle
        (0.2, 4.0, 3.8, False),  # both busy, but with us
        (0.1, 2.0, 1.75, False),  # one processor, busy with us
        (0.0, 2.0, 0.3, True),  # one processor, busy with others
        (0.0, 0.0, 0.0, False),  # no time has passed
    ],
)
def test_a_crowd_is_others_at_work_with_nothing_idle(monkeypatch, idle_s, all_s, own_s, is_crowded):
    found = iter([(100.0, 200.0), (100.0 + idle_s, 200.0 + all_s)])
    monkeypatch.setattr(processors, "_times", lambda: next(found))
    clock = iter([0.0, own_s])
    monkeypatch.setattr(processors, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    watch = processors.Watch()
    with watch.at_work():
        pass
    assert watch.is_crowded() is is_crowded


def test_own_work_counts_until_the_next_look_and_no_longer(monkeypatch):
    found = iter([(0.0, 0.0), (0.0, 4.0), (0.0, 8.0)])
    clock = iter([0.0, 4.0])
    monkeypatch.setattr(processors, "_times", lambda: next(found))
    monkeypatch.setattr(processors, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    watch = processors.Watch()
    with watch.at_work():
        pass
    assert [watch.is_crowded(), watch.is_crowded()] == [False, True]


def test_the_machine_tells_its_times():
    idle_s, all_s = processors._times()
    assert 0 < idle_s < all_s
