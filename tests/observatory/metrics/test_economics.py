"""Months, figures, promoters and growth, from tables."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ingest.timeline import Window
from observatory.metrics import economics, months
from observatory.metrics.economics import Verdict
from observatory.metrics.provider_limits import Limit, Peak, use_of

JULY, AUGUST, OCTOBER = date(2026, 7, 1), date(2026, 8, 1), date(2026, 10, 1)


@pytest.mark.parametrize(
    ("month", "expected"),
    [
        ("2026-06", None),
        ("2026-07", 3),
        ("2026-08", None),
        ("2026-09", 5),
        ("2026-10", 5),
        ("2026-11", 5),
        ("2026-12", None),
    ],
)
def test_only_the_newest_figure_stands_in_and_only_for_two_months(month: str, expected: int | None) -> None:
    figures = {JULY: Decimal(3), date(2026, 9, 1): Decimal(5)}
    assert economics.standing_for(figures, date.fromisoformat(f"{month}-01")) == expected


def test_a_figure_of_all_tiers_goes_before_those_of_each() -> None:
    assert economics.of_all_tiers({"free": Decimal(1), "pro": Decimal(2)}) == 3
    assert economics.of_all_tiers({"free": Decimal(1), "": Decimal(9)}) == 9


def test_a_months_figure_is_spread_evenly_over_its_instants() -> None:
    figures = {JULY: Decimal(31), AUGUST: Decimal(62)}
    window = Window(datetime(2026, 7, 30, 12, tzinfo=UTC), datetime(2026, 8, 3, tzinfo=UTC))
    touched = list(months.months(date(2026, 7, 30), date(2026, 8, 2)))
    assert economics.spread(figures, window, touched, "UTC") == pytest.approx(1.5 * 1 + 2 * 2)
    assert economics.spread({JULY: Decimal(31)}, window, touched, "UTC") == pytest.approx(1.5 + 2), "July stands in"
    assert economics.spread({AUGUST: Decimal(31)}, window, touched, "UTC") is None


@pytest.mark.parametrize(
    ("count", "expected"), [(1, "2026-11-01"), (3, "2027-01-01"), (-10, "2025-12-01"), (0, "2026-10-01")]
)
def test_months_are_counted_over_the_turn_of_the_year(count: int, expected: str) -> None:
    assert months.month_after(OCTOBER, count).isoformat() == expected


def test_the_score_of_promoters_has_an_interval_even_when_all_agree() -> None:
    score, (low, high) = economics.promoter_score(100, 60, 20)
    assert score == pytest.approx(0.4)
    # (60 + 20) / 100 − 0.4² = 0.64 of variance: about 0.157 to either side.
    assert (low, high) == (pytest.approx(0.4 - 0.157, abs=0.003), pytest.approx(0.4 + 0.157, abs=0.003))
    score, (low, high) = economics.promoter_score(20, 20, 0)
    assert (score, high) == (1.0, 1.0)
    assert 0.7 < low < 0.95


@pytest.mark.parametrize("count", [0, 1, 4, 30, 400])
def test_the_interval_of_a_count_holds_the_means_it_is_likely_under(count: int) -> None:
    from scipy import stats

    low, high = economics.poisson_interval(count)
    for mean in (low, high):
        if mean:
            assert abs(count - mean) == pytest.approx(1.96 * math.sqrt(mean), rel=1e-3)
    exact = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0, stats.chi2.ppf(0.975, 2 * count + 2) / 2
    assert (low, high) == (pytest.approx(exact[0], abs=1.0), pytest.approx(exact[1], abs=1.0))


@pytest.mark.parametrize(
    ("costs", "verdict"),
    [
        ([1.0, 1.0], Verdict.LEARNING),
        ([1.0, 1.01, 1.0], Verdict.FLAT),
        ([1.0, 1.05, 1.11, 1.15], Verdict.CREEPING_UP),
        ([1.0, 1.05, 0.2, 1.15, 1.22], Verdict.CREEPING_UP),
        ([1.0, 0.9, 0.8], Verdict.FALLING),
        ([0.0, 0.0, 1.0], Verdict.LEARNING),
    ],
)
def test_the_cost_per_user_is_flat_falling_or_creeping_up(costs: list[float], verdict: Verdict) -> None:
    assert economics.verdict_of(costs) is verdict


def test_ten_times_ten_times_the_users_are_a_hundred_times() -> None:
    ten, hundred, thousand = economics.what_if(200, 50.0, 1.3)
    assert (ten.users, hundred.users, thousand.users) == (2_000, 20_000, 200_000)
    assert economics.what_if(ten.users, ten.cost_usd, 1.3)[0].cost_usd == pytest.approx(hundred.cost_usd)
    assert thousand.cost_per_user_usd == pytest.approx(0.25 * 1_000**0.3)
    assert economics.what_if(200, 50.0, 1.0)[2].cost_per_user_usd == pytest.approx(0.25)


def test_the_use_of_a_limit_is_that_of_its_worse_number() -> None:
    limits = [
        Limit("openai", "", 1_000, 100_000),
        Limit("openai", "gpt-x", 100),
        Limit("anthropic", "", None, 50_000),
        Limit("google", "", 10),
    ]
    peaks = {("openai", ""): Peak(400, 90_000), ("", "gpt-x"): Peak(97, 1), ("anthropic", ""): Peak(0, 0)}
    uses = use_of(limits, peaks)
    assert [(use.limit, use.share) for use in uses] == [
        (limits[1], pytest.approx(0.97)),
        (limits[0], pytest.approx(0.9)),
    ]
    assert use_of(limits, {**peaks, ("openai", "gpt-x"): Peak(20, 0)})[1].share == pytest.approx(0.2)
    assert use_of([], peaks) == []


def test_what_changed_is_told_from_what_it_changed_by() -> None:
    assert economics.value_before(1.0, -0.2) == pytest.approx(1.25)
    assert economics.value_before(3.0, 0.5) == pytest.approx(2.0)
    assert economics.value_before(0.7, 0.0) == 0.7
    assert economics.value_before(0.0, -1.0) is None
