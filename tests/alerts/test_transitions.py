"""What one more window does to an incident."""

import random

import pytest

from alerts.limits import Facts, Terms, judge
from alerts.severity import Side, State
from alerts.transitions import CALM_WINDOWS, Standing, Step, advance, dismiss

OK, WARNING, CRITICAL = State.OK, State.WARNING, State.CRITICAL
SILENT = [State.LEARNING, State.NO_DATA, State.UNKNOWN, State.PAUSED]


@pytest.mark.parametrize(
    ("standing", "state", "held", "step", "after"),
    [
        (Standing(), OK, OK, Step.HELD, Standing()),
        (Standing(), OK, WARNING, Step.HELD, Standing()),
        (Standing(), WARNING, WARNING, Step.OPENED, Standing(WARNING)),
        (Standing(), CRITICAL, CRITICAL, Step.OPENED, Standing(CRITICAL)),
        (Standing(WARNING), WARNING, WARNING, Step.HELD, Standing(WARNING)),
        (Standing(WARNING), CRITICAL, CRITICAL, Step.WORSENED, Standing(CRITICAL)),
        (Standing(WARNING), OK, WARNING, Step.HELD, Standing(WARNING)),
        (Standing(WARNING), OK, OK, Step.HELD, Standing(WARNING, calm=1)),
        (Standing(WARNING, calm=1), OK, OK, Step.RESOLVED, Standing()),
        (Standing(WARNING, calm=1), OK, WARNING, Step.HELD, Standing(WARNING)),
        (Standing(WARNING, calm=1), CRITICAL, CRITICAL, Step.WORSENED, Standing(CRITICAL)),
        (Standing(CRITICAL), WARNING, CRITICAL, Step.HELD, Standing(CRITICAL)),
        (Standing(CRITICAL), WARNING, WARNING, Step.HELD, Standing(CRITICAL, calm=1)),
        (Standing(CRITICAL, calm=1), WARNING, WARNING, Step.EASED, Standing(WARNING)),
        (Standing(CRITICAL, calm=1), OK, OK, Step.RESOLVED, Standing()),
        (Standing(dismissed=WARNING), WARNING, WARNING, Step.HELD, Standing(dismissed=WARNING)),
        (Standing(dismissed=WARNING), CRITICAL, CRITICAL, Step.OPENED, Standing(CRITICAL)),
        (Standing(dismissed=CRITICAL), CRITICAL, CRITICAL, Step.HELD, Standing(dismissed=CRITICAL)),
        (Standing(dismissed=WARNING), OK, OK, Step.HELD, Standing(calm=1, dismissed=WARNING)),
        (Standing(calm=1, dismissed=WARNING), OK, OK, Step.HELD, Standing()),
        (Standing(calm=1, dismissed=WARNING), OK, WARNING, Step.HELD, Standing(dismissed=WARNING)),
    ],
)
def test_a_window_changes_a_standing(standing, state, held, step, after):
    transition = advance(standing, state, held)
    assert (transition.step, transition.standing) == (step, after)


@pytest.mark.parametrize("state", SILENT)
@pytest.mark.parametrize(
    "standing", [Standing(), Standing(WARNING), Standing(CRITICAL, calm=1), Standing(dismissed=WARNING)]
)
def test_a_window_that_says_nothing_changes_nothing(standing, state):
    transition = advance(standing, state, OK)
    assert (transition.step, transition.standing) == (Step.HELD, standing)


def test_people_are_told_when_it_opens_gets_worse_or_ends_and_never_in_between():
    assert {step for step in Step if step.is_told} == {Step.OPENED, Step.WORSENED, Step.RESOLVED}


def test_an_incident_ended_by_hand_does_not_return_until_it_has_recovered():
    standing = dismiss(Standing(WARNING))
    for state in [WARNING, OK, WARNING, WARNING, OK]:
        transition = advance(standing, state, state)
        assert transition.step is Step.HELD
        standing = transition.standing
    standing = advance(standing, OK, OK).standing
    assert advance(standing, WARNING, WARNING).step is Step.OPENED


def told(values, terms):
    """The steps that a series of values causes."""
    standing, steps = Standing(), []
    for value in values:
        judgement = judge(terms, Facts(value, 735), standing, had_outage=False)
        standing = judgement.transition.standing
        steps.append(judgement.transition.step)
    return [step for step in steps if step is not Step.HELD]


def test_a_rate_that_hovers_around_its_limit_opens_one_incident():
    terms = Terms(Side.BELOW, 0.70, 0.65, 100)
    luck = random.Random(7)
    hovering = [0.70 + luck.gauss(0, 0.004) for _ in range(200)]
    assert sum(value <= 0.70 for value in hovering) > 60  # it does cross, again and again
    assert told([0.75, *hovering], terms) == [Step.OPENED]


def test_a_rate_that_recovers_for_good_ends_its_incident_once():
    terms = Terms(Side.BELOW, 0.70, 0.65, 100)
    assert told([0.75, 0.69, 0.66, 0.64, 0.66, 0.70, 0.73, 0.74, 0.75], terms) == [
        Step.OPENED,
        Step.WORSENED,
        Step.RESOLVED,
    ]


def test_a_single_calm_window_does_not_end_an_incident():
    assert CALM_WINDOWS > 1
    terms = Terms(Side.ABOVE, 0.02, 0.05, 50)
    assert told([0.03, 0.0, 0.03, 0.0, 0.03, 0.0], terms) == [Step.OPENED]
