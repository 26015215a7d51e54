"""Turns: work that fails slowly stands first once, then behind whoever waits longer, in every duty that has turns."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from ingest import timeline
from ingest.erasure import receipts
from ingest.erasure import run as erasing
from ingest.retention import duty
from ingest.turns import Turns
from observatory.drift import runs
from observatory.metrics import expiring, freezing, roller
from tests import factories

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SLICE = timedelta(seconds=30)
NO_TIME = 0.0
"""A deadline that has passed."""


class Line:
    """Some who wait; whoever is done waits from then on."""

    def __init__(self, *names: str) -> None:
        self.since = {name: NOW - timedelta(hours=1) for name in names}
        self.turns = Turns[str]("test", key=str, since=self.since.__getitem__)
        self.seen: list[str] = []

    def slice(self, number: int, deadline: float, *failing: str) -> Any:
        now = NOW + number * SLICE

        def work(name: str) -> None:
            self.seen.append(name)
            if name in failing:
                raise ValueError(name)
            self.since[name] = now

        return self.turns.take(list(self.since), work, now, deadline)


def test_one_that_fails_does_not_stand_first_again():
    line = Line("bad", "a", "b")
    for number in range(6):
        line.slice(number, NO_TIME, "bad")
    assert line.seen == ["bad", "a", "b", "bad", "a", "b"]


def test_with_enough_time_everybody_has_a_turn_and_failures_are_counted():
    line = Line("bad", "worse", "good")
    taken = line.slice(0, math.inf, "bad", "worse")
    assert (line.seen, taken.failed, taken.left) == (["bad", "worse", "good"], 2, False)


def test_what_is_left_is_said_and_the_first_has_a_turn_however_late_it_is():
    line = Line("a", "b")
    assert line.slice(0, NO_TIME).left
    assert not Line("a").slice(0, NO_TIME).left
    assert line.seen == ["a"]


def test_a_failure_is_forgotten_when_the_work_succeeds_or_nobody_waits_any_more():
    line = Line("bad", "a")
    line.slice(0, math.inf, "bad")
    line.slice(1, math.inf)
    assert line.turns._failed_at == {}
    line.slice(2, math.inf, "bad")
    del line.since["bad"]
    line.slice(3, math.inf)
    assert line.turns._failed_at == {}


def test_a_broken_connection_ends_the_slice():
    line = Line("bad", "a")
    broken = mock.Mock(**{"is_usable.return_value": False})
    with mock.patch("ingest.turns.connection", broken), pytest.raises(ValueError, match="bad"):
        line.slice(0, math.inf, "bad")
    assert line.seen == ["bad"]


Pair = tuple[Any, Any]


def asked_to_erase(bad: Any, good: Any) -> None:
    for place, each in enumerate((bad, good)):
        receipts.request(each.id, "u", by="test", now=timeline.now() - timedelta(minutes=5 - place))


def with_a_series(*projects: Any) -> None:
    for each in projects:
        factories.interactions(each, [{"at": timeline.now(), "feature": "a"}])


UNITS: list[tuple[ModuleType, str, Callable[..., Any], Callable[..., None], Callable[[Any], int]]] = [
    (erasing, "_work_off", erasing.run, asked_to_erase, lambda project_id: project_id),
    (duty, "_retain", duty.run, lambda *_: None, lambda standing: standing.project_id),
    (freezing, "_advance", freezing.advance, lambda *_: None, lambda standing: standing.project_id),
    (expiring, "_expire", expiring.run, lambda *_: None, lambda standing: standing.project_id),
    (runs, "_fold", runs.run, with_a_series, lambda due: due.project.pk),
    (roller, "_roll_project", roller.roll, lambda *_: None, lambda project: project.pk),
]


@pytest.mark.parametrize(("module", "unit", "run", "prepare", "whose"), UNITS, ids=[unit[0].__name__ for unit in UNITS])
def test_a_project_that_uses_up_its_slice_and_fails_leaves_the_next_to_the_others(
    make_project, monkeypatch, module, unit, run, prepare, whose
):
    bad, good = make_project(), make_project()
    prepare(bad, good)
    seen = []

    def slowly(of: Any, *_: Any) -> Any:
        seen.append(whose(of))
        time.sleep(0.02)
        if whose(of) == bad.pk:
            raise ValueError("poison")
        return roller.RollReport()

    monkeypatch.setattr(module, unit, slowly)
    at = timeline.now()
    for number in range(8):
        report = run(at + number * SLICE, only=[bad.pk, good.pk], budget_s=0.01)
        assert report.left
    assert seen[0] == bad.pk
    assert good.pk in seen
