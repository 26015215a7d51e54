"""Placing one reading against one rule."""

import pytest

from alerts.limits import Facts, Measure, Terms, judge, thresholds_of
from alerts.severity import Certainty, Sample, Side, State, Thresholds, held_state, state_of
from alerts.transitions import Standing

ERRORS = Thresholds(Side.ABOVE, 0.02, 0.05, 50)
THUMBS = Thresholds(Side.BELOW, 0.70, 0.65, 100)
SURE = Thresholds(Side.ABOVE, 0.02, 0.05, 50, Certainty.INTERVAL)


@pytest.mark.parametrize(
    ("thresholds", "sample", "state"),
    [
        (ERRORS, Sample(0.0, 400), State.OK),
        (ERRORS, Sample(0.0199, 400), State.OK),
        (ERRORS, Sample(0.02, 400), State.WARNING),
        (ERRORS, Sample(0.0499, 400), State.WARNING),
        (ERRORS, Sample(0.05, 400), State.CRITICAL),
        (ERRORS, Sample(1.0, 50), State.CRITICAL),
        (ERRORS, Sample(1.0, 49), State.LEARNING),
        (ERRORS, Sample(None, 9), State.LEARNING),
        (ERRORS, Sample(None, 0), State.NO_DATA),
        (THUMBS, Sample(0.7001, 100), State.OK),
        (THUMBS, Sample(0.70, 100), State.WARNING),
        (THUMBS, Sample(0.65, 100), State.CRITICAL),
        (THUMBS, Sample(0.10, 99), State.LEARNING),
        (Thresholds(Side.ABOVE, 1, None, 0), Sample(0.0, 0), State.OK),
        (Thresholds(Side.ABOVE, 1, None, 0), Sample(7.0, 7), State.WARNING),
        (Thresholds(Side.ABOVE, None, 1, 0), Sample(7.0, 7), State.CRITICAL),
        (Thresholds(Side.ABOVE, None, None, 0), Sample(7.0, 7), State.PAUSED),
        (SURE, Sample(0.04, 50, 0.011, 0.135), State.OK),
        (SURE, Sample(0.10, 50, 0.043, 0.214), State.WARNING),
        (SURE, Sample(0.20, 50, 0.112, 0.330), State.CRITICAL),
        (SURE, Sample(0.04, 50), State.WARNING),
        (Thresholds(Side.BELOW, 0.70, 0.65, 100, Certainty.INTERVAL), Sample(0.66, 800, 0.627, 0.692), State.WARNING),
        (Thresholds(Side.BELOW, 0.70, 0.65, 100, Certainty.INTERVAL), Sample(0.66, 100, 0.56, 0.75), State.OK),
    ],
)
def test_a_reading_is_placed(thresholds, sample, state):
    assert state_of(sample, thresholds, had_outage=False) is state


@pytest.mark.parametrize("sample", [Sample(None, 0), Sample(None, 9), Sample(1.0, 49)])
def test_an_outage_of_ours_makes_a_missing_or_too_small_sample_unknown(sample):
    assert state_of(sample, ERRORS, had_outage=True) is State.UNKNOWN


def test_an_outage_of_ours_does_not_excuse_a_window_with_its_sample():
    assert state_of(Sample(0.5, 50), ERRORS, had_outage=True) is State.CRITICAL


@pytest.mark.parametrize(
    ("thresholds", "margin"),
    [
        (ERRORS, 0.004),  # a fifth of the warning limit is less than a quarter of the gap
        (THUMBS, 0.0125),  # a quarter of the gap
        (Thresholds(Side.ABOVE, 8_000, 16_000, 50), 1_600),
        (Thresholds(Side.ABOVE, 1, 5, 0), 0.2),
        (Thresholds(Side.BELOW, 0.70, None, 100), 0.035),
        (Thresholds(Side.BELOW, 0.70, None, 100, reference=0.75), 0.0125),
        (Thresholds(Side.BELOW, None, None, 100), 0.0),
    ],
)
def test_recovery_asks_for_a_margin(thresholds, margin):
    assert thresholds.margin == pytest.approx(margin)


@pytest.mark.parametrize(
    ("value", "held"),
    [(0.75, State.OK), (0.7126, State.OK), (0.7124, State.WARNING), (0.6626, State.WARNING), (0.6624, State.CRITICAL)],
)
def test_a_value_just_inside_its_limit_is_still_held(value, held):
    assert held_state(Sample(value, 1_000), THUMBS) is held


def test_no_shipped_limit_asks_for_a_recovery_that_cannot_be():
    from alerts.presets import PRESETS

    for preset in PRESETS:
        if preset.metric and preset.terms.measure is Measure.VALUE and preset.terms.side is Side.ABOVE:
            limits = thresholds_of(preset.terms, None)
            if preset.terms.side is Side.ABOVE:
                assert limits.warning - limits.margin > 0, preset.slug
            else:
                assert limits.warning + limits.margin < 0, f"{preset.slug}: what does not change has recovered"


@pytest.mark.parametrize(
    ("terms", "reference", "limits"),
    [
        (Terms(Side.ABOVE, 0.02, 0.05), None, (0.02, 0.05)),
        (Terms(Side.ABOVE, 1.0, 2.0, measure=Measure.BUDGET), 8_000.0, (8_000.0, 16_000.0)),
        (Terms(Side.ABOVE, 1.0, 2.0, measure=Measure.BUDGET), None, (None, None)),
        (Terms(Side.BELOW, 0.05, 0.10, measure=Measure.BASELINE_POINTS), 0.75, (0.70, 0.65)),
        (Terms(Side.ABOVE, 0.25, 0.50, measure=Measure.BASELINE_CHANGE), 0.08, (0.10, 0.12)),
        (Terms(Side.BELOW, 0.25, None, measure=Measure.PREVIOUS_CHANGE), 80.0, (60.0, None)),
        (Terms(Side.ABOVE, 0.25, 0.50, measure=Measure.BASELINE_CHANGE), 0.0, (None, None)),
    ],
)
def test_a_rules_numbers_become_limits_in_the_metrics_unit(terms, reference, limits):
    found = thresholds_of(terms, reference)
    assert (found.warning, found.critical) == pytest.approx(limits)


def test_a_feature_without_a_budget_is_not_judged():
    terms = Terms(Side.ABOVE, 1.0, 2.0, 50, Measure.BUDGET)
    assert judge(terms, Facts(90_000.0, 400), Standing(), had_outage=False).state is State.PAUSED


def test_a_comparison_without_a_baseline_is_learning():
    terms = Terms(Side.BELOW, 0.05, 0.10, 100, Measure.BASELINE_POINTS)
    assert judge(terms, Facts(0.1, 400), Standing(), had_outage=False).state is State.LEARNING


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (-0.16, -0.101, State.CRITICAL),
        (-0.107, -0.051, State.WARNING),
        (-0.107, -0.049, State.OK),
        (None, None, State.WARNING),
    ],
)
def test_with_certainty_the_whole_interval_of_the_difference_has_to_be_beyond(low, high, state):
    terms = Terms(Side.BELOW, 0.05, 0.10, 100, Measure.BASELINE_POINTS, Certainty.INTERVAL)
    facts = Facts(0.673, 1_378, None, None, 0.752, low, high)
    assert judge(terms, facts, Standing(), had_outage=False).state is state
