"""The fall the demo replays: from about 75 to about 65 % over days 45 to 52, at about 105 ratings a day."""

from collections import Counter
from datetime import timedelta

import numpy as np

from observatory.drift.methods import dating, rates
from observatory.drift.methods.shape import FALLING
from tests.bench import streams

RUNS = 200
FALL = range(45, 53)
"""The days on which traffic moves, 1 the first of the demo."""

LAST_MATURE = 59
SHIFT_DATED = (48, 49)
"""Where the roller dates the shift of the models (test_changes)."""


def day(number):
    return streams.FIRST_DAY + timedelta(days=number - 1)


def test_the_fall_is_found_dated_and_put_beside_the_shift_of_models():
    path = np.interp(np.arange(1, 61), [FALL.start - 1, FALL.stop - 1], [0.75, 0.65])
    table = streams.rates(np.random.default_rng(8), RUNS, 105, path, streams.People(taste_sd=0, day_sd=0))
    seen = Counter()
    for run in table.runs():
        known = run[:LAST_MATURE]
        baseline = rates.fit(known[:28])
        findings = rates.fold(baseline, known, FALLING).findings
        seen["too early"] += any(finding.alarm_day < day(FALL.start) for finding in findings)
        if len(findings) == 1:
            start = rates.started(baseline, known, findings[0])
            seen["found"] += 1
            seen["dated"] += start.low <= day(FALL[-1]) and start.high >= day(FALL[0])
            seen["beside"] += all(dating.is_near(day(number), start) for number in SHIFT_DATED)
    assert seen["found"] >= 0.95 * RUNS
    assert seen["dated"] >= 0.95 * RUNS
    assert seen["beside"] >= 0.85 * RUNS
    assert seen["too early"] <= 0.02 * RUNS
