"""Promise R6 in short: every due window judged exactly once, on complete data, whatever happens to the scheduler."""

import random
from datetime import timedelta

import pytest

from alerts.limits import Terms
from alerts.rules import Windows
from alerts.severity import Side
from tests.alerts.conftest import DAY, START

MINUTE = timedelta(minutes=1)
RULES = [(15, 15, 0.02, 0.05), (30, 15, 0.03, 0.04), (60, 30, 0.02, 0.06), (1440, 0, 0.015, 0.03)]
LENGTH = DAY + timedelta(hours=6)


class World:
    """Error rates with bad hours, and an outage of ours of two hours without data and without liveness."""

    def __init__(self, seed: int) -> None:
        luck = random.Random(seed)
        self.bad = [(luck.randrange(0, 1_500), luck.randrange(20, 200), luck.uniform(0.02, 0.08)) for _ in range(4)]
        self.outage = START + 700 * MINUTE  # the same in every world: liveness knows no project
        self.luck = luck

    def rate(self, window):
        minute = (window.end - START) / MINUTE
        return max([height for begin, length, height in self.bad if begin <= minute < begin + length], default=0.005)

    def was_down(self, window):
        return self.outage < window.end and window.start < self.outage + timedelta(hours=2)

    def ticks(self, length):
        """When the duty runs: now and then, never during the outage, sometimes an hour late."""
        at = START
        while at < START + length:
            at += timedelta(seconds=self.luck.choice([60, 290, 600, 900, 3_600]))
            if not self.outage <= at < self.outage + timedelta(hours=2):
                yield at


def oracle(world, length, every, warning, critical, until):
    """What must have been judged: window end → severity by the limits alone, or None where nothing was sent."""
    judged, end = {}, START
    step = DAY if every == 0 else every * MINUTE
    while (end := end + step) + MINUTE <= until:
        rate = world.rate(type("W", (), {"start": end - length * MINUTE, "end": end}))
        down = world.was_down(type("W", (), {"start": end - length * MINUTE, "end": end})) and length <= 60
        judged[end] = None if down else "critical" if rate >= critical else "warning" if rate >= warning else "ok"
    return judged


@pytest.fixture
def run(project, rule, judge, numbers, alive):
    def week(seed, length=LENGTH):
        world = World(seed)
        made = {
            rule(
                name=str(terms), terms=Terms(Side.ABOVE, terms[2], terms[3], 50), windows=Windows(terms[0], terms[1])
            ).pk: terms
            for terms in RULES
        }
        numbers.set(
            "error_rate", lambda w: None if world.was_down(w) and w.length <= timedelta(hours=1) else world.rate(w)
        )
        alive(START - timedelta(hours=2), world.outage)
        alive(world.outage + timedelta(hours=2), START + LENGTH)
        last = START
        for at in world.ticks(length):
            numbers.complete_to = at - timedelta(seconds=world.luck.choice([0, 5, 300]))
            judge(at)
            last = at
        numbers.complete_to = last
        judge(last, budget_s=30)
        return world, made, last

    return week


def test_every_due_window_is_judged_exactly_once_and_our_own_outage_alarms_nobody(project, run):
    from alerts.models import Evaluation, Incident
    from ingest.projects.scope import project_scope

    world, made, last = run(2)
    with project_scope(project.id):
        for number, terms in made.items():
            rows = list(
                Evaluation.objects.filter(rule_id=number).order_by("window_end").values_list("window_end", "state")
            )
            expected = oracle(world, *terms, last)
            assert [end for end, _ in rows] == list(expected)
            assert {end: state for end, state in rows if expected[end]} == {e: s for e, s in expected.items() if s}
            assert {state for end, state in rows if not expected[end]} <= {"unknown"}
        opened = Incident.objects.values_list("rule_id", "since", "window_start")
        assert opened
        for number, since, _ in opened:
            assert oracle(world, *made[number], last)[since] in {"warning", "critical"}


def test_the_planted_bug_of_judging_the_open_window_is_seen(run, numbers, monkeypatch):
    from alerts import evaluation, readings, states

    for module in (evaluation, states):
        monkeypatch.setattr(module, "closes_at", lambda end, maturity=timedelta(): end - 10 * MINUTE + maturity)
    asked = []

    class Careless:
        def __init__(self, now):
            self.now = now

        def covers(self, *_):
            return True

        def take(self, wanted, window):
            asked.append((window.end, self.now))
            return numbers.take(wanted, window)

    monkeypatch.setattr(readings, "Source", Careless)
    run(1, length=timedelta(hours=6))
    assert any(end > now for end, now in asked), "with the bug, windows that have not ended are read"
