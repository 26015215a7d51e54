"""A reading says what it is: a value, learning, no data, or never sent."""

from datetime import UTC, datetime

import pytest

from ingest.timeline import DAY, Window
from observatory.metrics import formulas
from observatory.metrics.definitions import LATENCY_BUDGETS_MS, METRICS, Kind
from observatory.metrics.formulas import Users
from observatory.metrics.layout import ZERO_BIN, Counter, Distribution
from observatory.metrics.reading import Reading, State, Totals
from observatory.metrics.statistics import bucket_of, wilson

WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) + DAY)


def counted(**counters: int) -> Totals:
    return Totals({int(Counter[name.upper()]): total for name, total in counters.items()})


def judge(name: str, totals: Totals, **options: bool) -> Reading:
    return formulas.judge(METRICS[name], totals, **options)


@pytest.mark.parametrize(
    ("name", "totals", "reading"),
    [
        ("calls", counted(calls=3), Reading(State.OK, 3.0, None, 3)),
        ("calls", counted(), Reading(State.OK, 0.0, None, 0)),
        ("error_rate", counted(), Reading(State.NO_DATA)),
        ("error_rate", counted(calls=19, errors=2), Reading(State.LEARNING, sample_size=19)),
        ("unpriced_calls", counted(calls=9), Reading(State.OK, 0.0, None, 9)),
        ("uptime", counted(minutes_with_traffic=8, minutes_down=2), Reading(State.OK, 0.75, None, 8)),
        ("rating_mean", counted(ratings=4, rating_micro=3_000_000), Reading(State.LEARNING, sample_size=4)),
        ("input_tokens_mean", counted(with_input_tokens=1, input_tokens=700), Reading(State.OK, 700.0, None, 1)),
        ("review_queue_depth", counted(calls=9), Reading(State.NOT_INSTRUMENTED)),
    ],
)
def test_the_state_of_a_reading(name: str, totals: Totals, reading: Reading) -> None:
    assert judge(name, totals) == reading


def test_nothing_before_the_first_interaction_is_no_data_and_not_zero() -> None:
    assert judge("calls", counted(), is_known=False) == formulas.NO_DATA
    assert formulas.judge_users(Users(0), is_known=False) == formulas.NO_DATA
    assert formulas.judge_events(0, is_known=False) == formulas.NO_DATA


def test_an_unknown_cost_is_never_zero_dollars() -> None:
    assert judge("cost_total", counted(calls=5, unpriced_calls=5)) == formulas.NO_DATA
    assert judge("cost_total", counted(calls=5)) == formulas.NO_DATA
    assert judge("cost_total", counted()).value == 0.0
    assert judge("cost_total", counted(calls=5, priced_calls=1, cost_model_tokens=0)).value == 0.0
    assert judge("cost_total", counted(calls=5, cost_records=1, cost_infrastructure=2_000_000_000)).value == 2.0
    assert judge("cost_per_call", counted(calls=5, unpriced_calls=5)) == formulas.NO_DATA


def test_a_rate_carries_its_wilson_interval_and_sample() -> None:
    reading = judge("thumbs_up_rate", counted(thumbs_up=75, thumbs_down=25))
    expected = wilson(75, 100)
    assert reading == Reading(State.OK, 0.75, (expected.low, expected.high), 100)


def test_a_complement_turns_the_rate_and_its_interval_around() -> None:
    reading = judge("availability", counted(calls=200, errors_timeout=3, errors_server=1, errors_auth=9))
    expected = wilson(196, 200)
    assert reading == Reading(State.OK, 0.98, (expected.low, expected.high), 200)


def test_feedback_that_is_rolled_before_its_calls_is_no_rate_above_one() -> None:
    assert judge("correction_rate", counted(calls=20, corrections=25)).value == 1.0


def test_a_quantile_lies_inside_its_interval_and_within_one_percent() -> None:
    values = [float(number) for number in range(1, 1001)]
    bins: dict[int, int] = {ZERO_BIN: 10}
    for value in values:
        bins[bucket_of(value)] = bins.get(bucket_of(value), 0) + 1
    reading = judge("latency_p95", Totals({}, {Distribution.LATENCY_MS: bins}))
    assert reading.value == pytest.approx(950, rel=0.01)
    assert reading.interval is not None
    assert reading.interval == pytest.approx((936, 963), rel=0.01)
    assert reading.sample_size == 1010
    assert judge("latency_p99", Totals({}, {Distribution.LATENCY_MS: {5: 99}})).state is State.LEARNING


def test_a_mean_has_the_interval_of_its_spread() -> None:
    bins = {bucket_of(100.0): 50, bucket_of(300.0): 50}
    totals = counted(with_input_tokens=100, input_tokens=20_000)
    totals.histograms[Distribution.INPUT_TOKENS] = bins
    reading = judge("input_tokens_mean", totals)
    assert reading.value == 200.0
    assert reading.interval == pytest.approx((180.3, 219.7), rel=0.01)


def test_money_is_dollars_in_every_formula() -> None:
    totals = counted(calls=2, priced_calls=2, cost_model_tokens=3_000_000_000, cost_retrieval=1_000_000_000)
    totals.histograms[Distribution.COST_NANO] = {bucket_of(1_500_000_000): 2}
    assert judge("cost_total", totals).value == 4.0
    assert judge("cost_retrieval", totals).value == 1.0
    assert judge("cost_per_call", totals).value == 2.0
    totals.histograms[Distribution.COST_NANO] = {bucket_of(1_500_000_000): 5}
    assert judge("cost_per_call_p50", totals).value == pytest.approx(1.5, rel=0.01)


def test_users_without_ids_are_unknown_and_not_nobody() -> None:
    assert formulas.judge_users(Users(0, has_others=True)) == formulas.NO_DATA
    assert formulas.judge_users(Users(0)).value == 0.0
    assert formulas.judge_users(Users(3, has_others=True)).value == 3.0


def test_a_difference_is_now_minus_then_with_an_interval() -> None:
    metric = METRICS["thumbs_up_rate"]
    now, then = counted(thumbs_up=65, thumbs_down=35), counted(thumbs_up=750, thumbs_down=250)
    found = formulas.compare(
        metric, "baseline", WINDOW, (formulas.judge(metric, now), now), (formulas.judge(metric, then), then)
    )
    assert found.difference == pytest.approx(-0.10)
    assert found.interval is not None
    assert found.interval[0] < -0.10 < found.interval[1] < 0
    assert found.sample_size == 1000


def test_what_cannot_be_compared_has_no_difference() -> None:
    metric = METRICS["error_rate"]
    few = counted(calls=3)
    found = formulas.compare(
        metric, "previous", WINDOW, (formulas.judge(metric, few), few), (formulas.NO_DATA, Totals())
    )
    assert (found.value, found.difference, found.interval) == (None, None, None)


def test_every_definition_says_how_it_is_computed() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.doc.endswith("."), name
        match metric.kind:
            case Kind.COUNT | Kind.RATE | Kind.RATIO | Kind.MEAN | Kind.PER_USER:
                assert metric.parts, name
                assert metric.of, name
            case Kind.QUANTILE:
                assert metric.distribution, name
    assert set(LATENCY_BUDGETS_MS) == {"inline", "on_demand", "background", "async_job"}


def test_only_what_feedback_changes_matures() -> None:
    maturing = {name for name, metric in METRICS.items() if metric.maturing}
    assert {"thumbs_up_rate", "correction_rate", "flag_rate", "feedback_coverage", "rating_mean"} <= maturing
    assert not maturing & {"calls", "error_rate", "cost_total", "latency_p95", "dau", "escalations_24h"}


def test_a_share_that_counts_its_sample_says_of_how_many() -> None:
    assert Reading(State.OK, 30 / 119, None, 30).out_of == 119
    assert [Reading(State.OK, 0.0, None, 0).out_of, Reading(State.LEARNING, sample_size=5).out_of] == [None, None]
