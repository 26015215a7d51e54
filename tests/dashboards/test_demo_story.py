"""The demo tells one story and no other: the fall of the main feature's thumbs, whatever weekday and hour it is run."""

from collections import Counter
from datetime import datetime

import pytest

from dashboards.demo.scenario import BASELINE_DAYS, FEATURES, MAIN_FEATURE, SHIFT_FIRST_DAY, SHIFT_LAST_DAY
from observatory.drift.methods import means, rates
from observatory.drift.methods.shape import BOTH_WAYS, FALLING, Direction
from observatory.metrics import changes
from tests.dashboards.demo_days import DAY, EVERY_WEEKDAY, days

every_weekday = pytest.mark.parametrize("now", EVERY_WEEKDAY, ids=lambda now: f"{now:%A}")
OTHERS = [feature.name for feature in FEATURES if feature.name != MAIN_FEATURE]


@every_weekday
def test_drift_finds_the_fall_and_dates_it_into_the_days_of_the_shift(now: datetime) -> None:
    seen = days(now)
    ratings = seen.rate_days(MAIN_FEATURE)
    baseline = rates.fit(ratings[:BASELINE_DAYS])
    (finding,) = rates.fold(baseline, ratings, FALLING).findings
    started = rates.started(baseline, ratings, finding)
    low, high = ((day - seen.start).days + 1 for day in (started.low, started.high))
    assert low <= SHIFT_LAST_DAY
    assert high >= SHIFT_FIRST_DAY
    effect = rates.effect(baseline, ratings)
    assert effect is not None
    assert effect.is_strong(Direction.DOWN, 0.05)


@every_weekday
@pytest.mark.parametrize("feature", OTHERS)
def test_drift_finds_nothing_in_the_other_features_thumbs(now: datetime, feature: str) -> None:
    ratings = days(now).rate_days(feature)
    assert rates.collecting(ratings[:BASELINE_DAYS]) is None
    evidence = rates.fold(rates.fit(ratings[:BASELINE_DAYS]), ratings, FALLING)
    assert not evidence.findings
    assert max(point.evidence for point in evidence.points) < 60


@every_weekday
@pytest.mark.parametrize("feature", [feature.name for feature in FEATURES])
def test_drift_finds_nothing_in_the_length_of_prompts(now: datetime, feature: str) -> None:
    tokens = days(now).token_days(feature)
    if means.collecting(tokens[:BASELINE_DAYS]):
        assert feature == "analyze-doc"  # under thirty calls a day: no series
        return
    evidence = means.fold(means.fit(tokens[:BASELINE_DAYS]), tokens, BOTH_WAYS)
    assert not evidence.findings
    assert all(point.evidence < 30 for point in evidence.points)


@every_weekday
def test_the_rule_on_the_main_features_thumbs_warns_in_the_shift_and_ends_critical(now: datetime) -> None:
    seen = days(now)
    _, before = seen.up_share(MAIN_FEATURE, 1, BASELINE_DAYS)
    assert before == pytest.approx(0.75, abs=0.01)
    falls = {}
    for last in range(BASELINE_DAYS + 1, 60):
        n, share = seen.up_share(MAIN_FEATURE, last - 6, last)
        assert n >= 100
        falls[last] = before - share
    assert all(abs(falls[last]) < 0.02 for last in range(BASELINE_DAYS + 1, SHIFT_FIRST_DAY))
    breaches = [last for last, fall in falls.items() if fall > 0.05]
    assert breaches == list(range(breaches[0], 60))
    assert SHIFT_FIRST_DAY < breaches[0] <= SHIFT_LAST_DAY + 2
    assert all(falls[last] > 0.10 for last in (58, 59))


@every_weekday
@pytest.mark.parametrize("feature", OTHERS)
def test_the_other_features_have_too_few_thumbs_a_week_for_a_rule_of_a_hundred(now: datetime, feature: str) -> None:
    seen = days(now)
    assert all(seen.up_share(feature, last - 6, last)[0] < 100 for last in range(7, 60))


@every_weekday
def test_corrections_stay_far_from_a_quarter_above_normal(now: datetime) -> None:
    seen = days(now)

    def rate(feature: str, first: int, last: int) -> float:
        those = [seen.of[feature, number] for number in range(first, last + 1)]
        return sum(day.kinds["correction"] for day in those) / sum(len(day.interactions) for day in those)

    for feature in FEATURES:
        if feature.corrected:
            normal = rate(feature.name, 1, BASELINE_DAYS)
            assert all(rate(feature.name, last - 6, last) < 1.15 * normal for last in range(29, 60))


@every_weekday
def test_prompts_are_as_long_in_the_second_month_as_in_the_first(now: datetime) -> None:
    seen = days(now)
    for feature in FEATURES:
        first, second = (
            [each["input_tokens"] for day in month for each in seen.of[feature.name, day].interactions]
            for month in (range(1, 31), range(31, 61))
        )
        assert sum(second) / len(second) == pytest.approx(sum(first) / len(first), rel=0.03)


@every_weekday
def test_no_quarter_of_an_hour_has_the_fifty_calls_that_short_rules_need(now: datetime) -> None:
    quarters: dict[str, int] = {}
    for each in days(now).replay.interactions:
        at = each["occurred_at"]
        quarter = f"{at[:14]}{int(at[14:16]) // 15}"
        quarters[quarter] = quarters.get(quarter, 0) + 1
    assert max(quarters.values()) < 50


@every_weekday
def test_failures_are_few_and_never_come_in_bunches(now: datetime) -> None:
    seen = days(now)
    for feature in FEATURES:
        calls = [each for number in range(1, 61) for each in seen.of[feature.name, number].interactions]
        failed = [each for each in calls if each["status"] == "error"]
        assert 0 < len(failed) < 0.012 * len(calls)
        assert sum(each["error_class"] == "timeout" for each in failed) < 0.005 * len(calls)
    for number in range(1, 61):
        calls = [each for feature in FEATURES for each in seen.of[feature.name, number].interactions]
        assert sum(each["status"] == "error" for each in calls) < max(3, 0.03 * len(calls))


@every_weekday
def test_the_product_notices_the_shift_of_models_beside_the_fall_and_no_other(now: datetime) -> None:
    seen = days(now)
    found = {}
    for feature in FEATURES:
        calls = {
            seen.start + DAY * (number - 1): Counter(
                each["model"] for each in seen.of[feature.name, number].interactions
            )
            for number in range(1, 61)
        }
        found[feature.name] = changes.noticed(calls, seen.start)
    assert {name for name, noticed in found.items() if noticed} == {MAIN_FEATURE}
    (shift,) = found[MAIN_FEATURE]
    assert shift.reason == "gpt-4-1106-preview 31 → 12 %, Llama-2-70b-chat 2 → 21 %"
    assert SHIFT_FIRST_DAY <= (shift.day - seen.start).days + 1 <= SHIFT_LAST_DAY
