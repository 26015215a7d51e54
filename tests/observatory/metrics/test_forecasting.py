"""Forecasts against statsmodels as oracle, their limits, and the command that tells how wrong they would have been."""

import io
from dataclasses import astuple
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from ingest.timeline import DAY, HOUR, day_start, local_day
from observatory.management.commands import forecast_error
from observatory.metrics import roller
from observatory.metrics.forecasting import backtest, smoothing
from observatory.metrics.forecasting.smoothing import TooFew, Weights
from tests.factories import interactions

BILLS = backtest.simulated()
WEIGHTS = Weights(0.31, 0.07, 0.22, 0.93)


def oracle(series, begin):
    """statsmodels' model of the same kind, beginning with the same state; its weights come in the order of `Weights`."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    known = {"initial_level": begin.level, "initial_trend": begin.trend, "initial_seasonal": list(begin.rhythm)}
    shape = {"error": "add", "trend": "add", "damped_trend": True, "seasonal": "add", "seasonal_periods": 7}
    return ETSModel(series, **shape, initialization_method="known", **known)


def logarithms(name, days=None):
    import numpy as np

    return np.log(BILLS[name][:days])


@pytest.mark.parametrize("days", [28, 31, 180])
@pytest.mark.parametrize("name", BILLS)
def test_a_series_is_smoothed_as_statsmodels_does(name, days):
    series = logarithms(name, days)
    begin = smoothing.first_state(series)
    found = oracle(series, begin).smooth(astuple(WEIGHTS))
    state, squares = smoothing.smoothed(series, begin, WEIGHTS)
    assert squares == pytest.approx(float(found.sse), rel=1e-9)
    assert list(smoothing.expectations(series, begin, WEIGHTS)) == pytest.approx(list(found.fittedvalues), rel=1e-9)
    ahead = []
    for _ in range(15):
        ahead.append(state.expected(WEIGHTS.damping))
        state = state.after(0.0, WEIGHTS)
    assert ahead == pytest.approx(list(found.forecast(15)), rel=1e-9)


@pytest.mark.parametrize("name", ["steady", "growing by a fifth a month", "doubled on day 90"])
def test_the_weights_fit_as_well_as_those_that_statsmodels_finds(name):
    import numpy as np

    fit = smoothing.fit(BILLS[name][:120])
    series = np.log(np.array(BILLS[name][:120]) + fit.offset)
    begin = smoothing.first_state(series)
    fitted = oracle(series, begin).fit(disp=False)
    squares = smoothing.smoothed(series, begin, fit.weights)[1]
    assert squares <= 1.02 * float(fitted.sse)
    weights = fit.weights
    assert 0 <= weights.trend <= weights.level <= 1
    assert 0 <= weights.rhythm <= 1 - weights.level
    assert 0.8 <= weights.damping <= 0.98


def test_the_interval_is_as_wide_as_that_of_statsmodels():
    import numpy as np
    from scipy.stats import norm

    amounts = BILLS["growing by a fifth a month"][:120]
    fit = smoothing.fit(amounts)
    series = np.log(np.array(amounts) + fit.offset)
    found = oracle(series, smoothing.first_state(series)).smooth(astuple(fit.weights))
    errors = norm(scale=fit.deviation)
    paths = found.simulate(14, anchor="end", repetitions=4_000, random_errors=errors, rng=np.random.default_rng(1))
    low, middle, high = np.quantile((np.exp(paths) - fit.offset).sum(axis=0), [0.025, 0.5, 0.975])
    projection = smoothing.project(fit, 14)
    assert projection.expected == pytest.approx(middle, rel=0.03)
    assert (projection.low, projection.high) == (pytest.approx(low, rel=0.05), pytest.approx(high, rel=0.05))
    assert smoothing.project(fit, 14) == projection, "the same days give the same"


@pytest.mark.parametrize("amounts", [[], [1.0] * 13, [0.0] * 60, [9.0] * 30 + [0.0] * 56])
def test_too_little_is_said_to_be_too_little(amounts):
    with pytest.raises(TooFew):
        smoothing.fit(amounts)


def test_days_without_anything_are_part_of_the_rhythm_and_nothing_falls_below_zero():
    amounts = [0.0 if day % 7 >= 5 else 10.0 for day in range(70)]
    projection = smoothing.project(smoothing.fit(amounts), 7)
    assert projection.expected == pytest.approx(50.0, rel=0.02)
    falling = [max(0.0, 40.0 - day) for day in range(56)]
    last = smoothing.project(smoothing.fit(falling), 28)
    assert 0 <= last.low <= last.expected < 20


def test_a_trial_knows_nothing_of_what_came_later():
    honest = backtest.trials(BILLS["steady"][:60], 7)
    changed = backtest.trials([*BILLS["steady"][:40], *[900.0] * 20], 7)
    assert [(one.expected, one.low, one.high) for one in honest[:9]] == [
        (one.expected, one.low, one.high) for one in changed[:9]
    ]
    assert honest[8].came != changed[8].came
    assert not changed[8].is_inside
    assert changed[8].error > 0.8


def test_nothing_is_forecast_before_anything_had_come():
    found = backtest.trials([0.0] * 60 + BILLS["steady"][:30], 7)
    assert found
    assert all(one.came > 0 for one in found)
    assert backtest.trials([0.0] * 90, 7) == []


def test_forecasts_beat_repeating_the_last_week_where_a_bill_grows():
    told = backtest.summary(backtest.trials(BILLS["growing by a fifth a month"][:110], 28))
    assert told.median_error < told.median_error_of_repeating / 1.5
    assert told.inside >= 0.7


def test_the_command_tells_of_projects_and_of_simulated_bills(project, monkeypatch):
    monkeypatch.setattr(backtest, "simulated", lambda: {"steady": BILLS["steady"][:42]})
    today = day_start(local_day(datetime.now(UTC), project.time_zone), project.time_zone)
    rows = [{"at": today - DAY * day + HOUR, "feature": "a", "cost_nano": 10**9} for day in range(1, 41)]
    interactions(project, rows)
    roller.roll(datetime.now(UTC), only=[project.pk], everything=True)
    told = said("--project", project.slug)
    week, month = told[3:5]
    assert week.removeprefix(f"{project.slug}, 7 days").split() == ["7", "0.0%", "0.0%", "0.0%", "100%"]
    assert month.removeprefix(f"{project.slug}, 28 days").strip() == "40 days; 42 are needed, and cost in them"
    ends = {line.split(", ")[1].split(" left")[0]: line.split()[-4:] for line in told[8:]}
    assert ends == {
        left: [number, "0.0%", "100%", "100%"] for left, number in (("21", "2"), ("14", "4"), ("7", "4"), ("3", "3"))
    }
    monkeypatch.setattr(forecast_error, "daily_costs", lambda one: [1.0] * 30 if one == project else [])
    told = said()
    assert {line.split(",")[0] for line in told[3:] if line} >= {project.slug, "steady"}
    with pytest.raises(CommandError, match="no project"):
        said("--project", "nobody")


def said(*words):
    told = io.StringIO()
    call_command("forecast_error", *words, stdout=told)
    return told.getvalue().splitlines()
