"""Effects, intervals and tests of a comparison with a baseline, against scipy and statsmodels."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import special, stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from observatory.metrics.baselines import spreads
from observatory.metrics.baselines.clusters import ClusterDay, clusters_of, design_effect
from observatory.metrics.baselines.comparing import Side, compare, student95
from observatory.metrics.baselines.contents import BadContents, Contents
from observatory.metrics.baselines.spreads import Spread, value_in
from observatory.metrics.baselines.verdicts import Verdict
from observatory.metrics.definitions import METRICS
from observatory.metrics.layout import NANO, ZERO_BIN, Counter, Distribution
from observatory.metrics.reading import Totals
from observatory.metrics.statistics import bucket_of, squared_deviations

RNG = np.random.default_rng(20)
SEEDED = RNG.bit_generator.state
WEEK = [{Counter.CALLS: 100}] * 7


@pytest.fixture(autouse=True)
def same_chances() -> None:
    """Every test draws the same, whichever others run."""
    RNG.bit_generator.state = SEEDED


def binned(values: Any) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        known = bucket_of(float(value)) if value else ZERO_BIN
        counts[known] = counts.get(known, 0) + 1
    return counts


def read_back(counts: dict[int, int]) -> Any:
    return np.repeat([value_in(known) for known in counts], list(counts.values()))


def samples(shift: float, m: int = 700, n: int = 400) -> tuple[Spread, Spread]:
    before, now = RNG.lognormal(6, 0.7, m), RNG.lognormal(6 + shift, 0.7, n)
    before[:20] = 0
    return Spread(binned(before)), Spread(binned(now))


def thumbs(up: int, n: int, days: int = 14, users: dict[str, list[ClusterDay]] | None = None) -> Side:
    counters = {int(Counter.CALLS): 10 * n, int(Counter.THUMBS_UP): up, int(Counter.THUMBS_DOWN): n - up}
    return Side(Totals(counters), [{}] * days, users or {})


def latencies(values: Any, days: int = 14) -> Side:
    return Side(Totals({int(Counter.CALLS): len(values)}, {Distribution.LATENCY_MS: binned(values)}), [{}] * days)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3])
def test_kolmogorov_and_smirnovs_distance_and_p_value_are_scipys(shift: float) -> None:
    before, now = samples(shift)
    distance, p = spreads.kolmogorov_smirnov(before, now)
    expected = stats.ks_2samp(read_back(before.counts), read_back(now.counts), method="asymp")
    assert distance == pytest.approx(expected.statistic, abs=1e-12)
    # scipy takes the finite sample's distribution, we its limit, which is the larger p.
    assert p == pytest.approx(expected.pvalue, rel=0.12, abs=0.01)
    assert p == pytest.approx(special.kolmogorov(math.sqrt(700 * 400 / 1100) * distance), rel=1e-9)


@pytest.mark.parametrize("x", [0.05, 0.3, 0.8, 1.17, 1.19, 1.6, 3.0, 6.0])
def test_kolmogorovs_tail_is_scipys(x: float) -> None:
    assert spreads.kolmogorov(x) == pytest.approx(special.kolmogorov(x), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("shift", [0.0, 0.1, -0.4])
def test_the_earth_movers_distance_is_scipys_in_deviations_of_the_baseline(shift: float) -> None:
    before, now = samples(shift)
    old, new = read_back(before.counts), read_back(now.counts)
    expected = stats.wasserstein_distance(old, new) / np.std(old, ddof=1)
    assert spreads.wasserstein(before, now) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.1, -0.4])
def test_mann_and_whitneys_test_is_scipys_and_its_interval_that_of_placements(shift: float) -> None:
    before, now = samples(shift)
    old, new = read_back(before.counts), read_back(now.counts)
    found = spreads.mann_whitney(before, now)
    assert found is not None
    expected = stats.mannwhitneyu(new, old, use_continuity=False, method="asymptotic")
    assert found.superiority == pytest.approx(expected.statistic / (len(old) * len(new)), rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-15)
    brunner = stats.brunnermunzel(old, new, distribution="normal").statistic
    half = (found.interval.high - found.interval.low) / 2
    assert (found.superiority - 0.5) / (half / 1.96) == pytest.approx(brunner, rel=1e-6)


def test_design_effects_make_every_test_as_careful_as_so_many_fewer_events() -> None:
    before, now = samples(0.1, 800, 800)
    quarter = [Spread(spread.counts, 4.0) for spread in (before, now)]
    alone, careful = spreads.mann_whitney(before, now), spreads.mann_whitney(*quarter)
    assert alone is not None
    assert careful is not None
    assert careful.z == pytest.approx(alone.z / 2)
    assert spreads.kolmogorov_smirnov(*quarter)[1] > spreads.kolmogorov_smirnov(before, now)[1]


def test_what_is_one_value_on_both_sides_has_no_rank_test_and_no_distance() -> None:
    one = Spread({5: 100})
    assert spreads.mann_whitney(one, one) is None
    assert (spreads.wasserstein(one, one), spreads.wasserstein(one, Spread({9: 100}))) == (0.0, math.inf)
    assert spreads.kolmogorov_smirnov(one, Spread({})) == (0.0, 1.0)


def test_a_rates_difference_has_newcombes_interval_and_the_pooled_z() -> None:
    found = compare(METRICS["thumbs_up_rate"], thumbs(750, 1000), thumbs(260, 400))
    low, high = confint_proportions_2indep(260, 400, 750, 1000, method="newcomb")
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-5)
    z, p = proportions_ztest([260, 750], [400, 1000])
    assert found.evidence[0][1:] == pytest.approx((z, p))
    assert (found.verdict, found.difference) == (Verdict.WORSE, pytest.approx(-0.10))
    assert (found.n_before, found.n_now) == (1000, 400)


def test_users_who_repeat_themselves_widen_the_interval() -> None:
    def day(number: int) -> ClusterDay:
        pairs = [(5, 5)] * 15 + [(5, 0)] * 5  # whoever rates, rates alike five times
        return ClusterDay(739_000 + number, 100, 0.75, squared_deviations(pairs), 20)

    alone = compare(METRICS["thumbs_up_rate"], thumbs(1050, 1400), thumbs(495, 700))
    users = {"thumbs_up": [day(number) for number in range(14)]}
    clustered = compare(METRICS["thumbs_up_rate"], thumbs(1050, 1400, users=users), thumbs(495, 700, 7))
    assert alone.verdict is Verdict.WORSE
    assert clustered.verdict is Verdict.CANNOT_TELL
    assert clustered.design_effects == pytest.approx((5, 5), rel=0.01)
    assert alone.difference == clustered.difference


def test_days_that_differ_widen_the_interval_although_users_do_not_repeat() -> None:
    rates = RNG.normal(0.75, 0.08, 28)
    days = [ClusterDay(739_000 + n, 400, rate, 400 * rate * (1 - rate), 400) for n, rate in enumerate(rates)]
    clusters = clusters_of(days, 0.1875)
    assert clusters.between == pytest.approx(0.0064, rel=0.6)
    assert design_effect(clusters, clusters, 0.1875) == pytest.approx(1 + clusters.between * 400 / 0.1875, rel=0.05)
    calm = clusters_of([ClusterDay(n, 400, 0.75, 75.0, 400) for n in range(28)], 0.1875)
    assert design_effect(calm, calm, 0.1875) == 1.0


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, Verdict.UNCHANGED), (1.3, Verdict.WORSE), (0.8, Verdict.BETTER)])
def test_a_quantile_is_judged_by_its_interval_which_covers_the_exact_one(factor: float, verdict: Verdict) -> None:
    before, now = RNG.lognormal(6, 0.5, 6000), RNG.lognormal(6, 0.5, 6000) * factor
    for name, share in (("latency_p50", 0.5), ("latency_p95", 0.95)):
        found = compare(METRICS[name], latencies(before), latencies(now))
        exact = np.quantile(now, share) - np.quantile(before, share)
        assert found.verdict is verdict
        assert found.interval is not None
        assert found.interval.holds(exact)
        assert found.relative == pytest.approx(factor - 1, abs=0.05)
        assert [one.test for one in found.evidence] == ["kolmogorov_smirnov", "wasserstein", "mann_whitney"]


def test_the_interval_of_a_quantiles_difference_holds_what_it_promises() -> None:
    truth = math.exp(6 + 0.5 * stats.norm.ppf(0.95)) * 0.2
    covered = 0
    for _ in range(200):
        sides = [latencies(RNG.lognormal(6, 0.5, 300) * factor) for factor in (1.0, 1.2)]
        interval = compare(METRICS["latency_p95"], *sides).interval
        covered += interval is not None and interval.holds(truth)
    assert covered >= 184


def test_a_means_difference_is_that_of_the_values_in_their_unit() -> None:
    before, now = RNG.lognormal(14, 0.8, 3000), RNG.lognormal(14.2, 0.8, 2000)

    def side(values: Any) -> Side:
        counters = {
            int(Counter.CALLS): len(values),
            int(Counter.PRICED_CALLS): len(values),
            int(Counter.COST_MODEL_TOKENS): round(values.sum()),
        }
        return Side(Totals(counters, {Distribution.COST_NANO: binned(values)}), WEEK)

    found = compare(METRICS["cost_per_call"], side(before), side(now))
    welch = stats.ttest_ind(now, before, equal_var=False).confidence_interval(0.95)
    assert found.difference == pytest.approx((now.mean() - before.mean()) / NANO)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((welch.low / NANO, welch.high / NANO), rel=0.02)
    assert found.verdict is Verdict.WORSE


def test_a_count_is_compared_by_its_days() -> None:
    before, now = [100, 140, 90, 130, 110, 60, 70] * 2, [150, 190, 140, 180, 160, 100, 120]

    def side(calls: list[int]) -> Side:
        return Side(Totals({int(Counter.CALLS): sum(calls)}), [{int(Counter.CALLS): n} for n in calls])

    found = compare(METRICS["calls"], side(before), side(now))
    welch = stats.ttest_ind(now, before, equal_var=False).confidence_interval(0.95)
    assert (found.per, found.before, found.now) == ("day", pytest.approx(100), pytest.approx(1040 / 7))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((welch.low, welch.high), rel=0.01)
    assert found.verdict is Verdict.CHANGED  # more calls are neither good nor bad


def test_of_peaks_the_highest_of_each_side_is_compared() -> None:
    def side(*peaks: int) -> Side:
        days = [{int(Counter.PEAK_CALLS): peak} if peak else {} for peak in peaks]
        return Side(Totals({int(Counter.CALLS): 900, int(Counter.PEAK_CALLS): max(peaks)}), days)

    found = compare(METRICS["peak_requests_per_minute"], side(3, 7, 0, 5), side(0, 0, 4))
    assert (found.per, found.before, found.now, found.difference) == ("", 7, 4, -3)
    assert (found.interval, found.verdict) == (None, Verdict.CANNOT_TELL)


def test_days_without_any_variance_are_unchanged_when_they_are_equal_and_cannot_be_judged_when_not() -> None:
    def uptime(down: int) -> Side:
        day = {int(Counter.MINUTES_WITH_TRAFFIC): 600, int(Counter.MINUTES_DOWN): down}
        return Side(Totals({known: 7 * n for known, n in day.items()}), [day] * 7)

    same, other = (compare(METRICS["uptime"], uptime(0), uptime(down)) for down in (0, 6))
    assert (same.verdict, same.before, same.difference) == (Verdict.UNCHANGED, 1.0, 0.0)
    assert (other.verdict, other.interval, other.difference) == (Verdict.CANNOT_TELL, None, pytest.approx(-0.01))


def test_what_users_say_of_latency_is_put_to_the_first_token_in_its_own_scale() -> None:
    def side() -> Side:
        whole, first = RNG.lognormal(6, 0.9, 4000), RNG.lognormal(5, 0.2, 4000)
        histograms = {Distribution.LATENCY_MS: binned(whole), Distribution.TIME_TO_FIRST_TOKEN_MS: binned(first)}
        logs = np.log(whole).reshape(8, 500)
        days = [
            ClusterDay(739_000 + n, 500, row.mean(), float(((row - row.mean()) ** 2).sum()), 500)
            for n, row in enumerate(logs)
        ]
        return Side(Totals({int(Counter.CALLS): 4000}, histograms), [{}] * 8, {"latency": days})

    found = compare(METRICS["ttft_p50"], side(), side())
    assert found.design_effects == pytest.approx((1, 1), abs=0.6)


@pytest.mark.parametrize("z", [0.0, 1.96, -3.0, 9.0, 20.0])
def test_p_values_of_a_normal_statistic_are_scipys_far_out_too(z: float) -> None:
    assert spreads.two_sided(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9)


@pytest.mark.parametrize("freedom", [2, 3, 5, 12, 60])
def test_students_quantile_is_scipys(freedom: float) -> None:
    assert student95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.03)


def test_a_thin_baseline_warns_in_words_and_too_few_events_are_no_value() -> None:
    found = compare(METRICS["thumbs_up_rate"], thumbs(30, 40, days=3), thumbs(300, 400))
    assert found.warnings == (
        "The baseline is thin: it rests on 40 events; 100 or more make it dependable.",
        "The baseline is thin: it is 3 days long; 7 or more show a whole week.",
    )
    assert found.difference == pytest.approx(0.0)
    few = compare(METRICS["thumbs_up_rate"], thumbs(8, 10), thumbs(300, 400))
    assert (few.before, few.difference, few.verdict) == (None, None, Verdict.CANNOT_TELL)
    assert compare(METRICS["thumbs_up_rate"], thumbs(300, 400), thumbs(300, 400)).warnings == ()


@pytest.mark.parametrize(
    ("name", "counter"),
    [
        ("correction_rate", Counter.CORRECTIONS),
        ("flag_rate", Counter.FLAGGED),
        ("copy_rate", Counter.COPIES),
        ("cache_hit_rate", Counter.CACHE_SEMANTIC),
        ("feedback_coverage", Counter.WITH_FEEDBACK),
    ],
)
def test_none_in_the_baseline_of_what_was_never_sent_does_not_make_the_first_ones_a_change(
    name: str, counter: Counter
) -> None:
    before = Side(Totals({int(Counter.CALLS): 5000}), WEEK)
    now = Side(Totals({int(Counter.CALLS): 5000, int(counter): 250}), WEEK)
    found = compare(METRICS[name], before, now)
    assert (found.before, found.now, found.verdict) == (None, 0.05, Verdict.CANNOT_TELL)
    assert compare(METRICS[name], before, before).now is None


@pytest.mark.parametrize(
    "name", ["cache_hit_rate", "cached_input_share", "cost_moderation", "cost_per_call_moderation", "cost_other"]
)
def test_what_neither_window_sent_is_no_zero_on_either_side(name: str) -> None:
    counted = {
        Counter.CALLS: 700,
        Counter.INPUT_TOKENS: 9000,
        Counter.WITH_INPUT_TOKENS: 700,
        Counter.PRICED_CALLS: 700,
    }
    side = Side(Totals({int(counter): n for counter, n in counted.items()}), WEEK)
    found = compare(METRICS[name], side, side)
    assert (found.before, found.now, found.verdict) == (None, None, Verdict.CANNOT_TELL)
    nothing_down = Side(Totals({int(Counter.MINUTES_WITH_TRAFFIC): 60}), WEEK)
    assert compare(METRICS["minutes_down"], nothing_down, nothing_down).before == 0


def test_an_unchanged_rate_is_called_changed_no_more_often_than_its_interval_promises() -> None:
    verdicts = [
        compare(METRICS["thumbs_up_rate"], thumbs(int(old), 3000), thumbs(int(new), 800)).verdict
        for old, new in zip(RNG.binomial(3000, 0.75, 600), RNG.binomial(800, 0.75, 600), strict=True)
    ]
    wrong = sum(verdict in {Verdict.WORSE, Verdict.BETTER} for verdict in verdicts)
    assert wrong <= 45  # 5 % of 600, and what chance adds
    assert verdicts.count(Verdict.UNCHANGED) > 300


def test_days_that_differ_do_not_make_false_changes_which_they_would_without_a_design_effect() -> None:
    def window(count: int, first: int) -> Side:
        n, rates = 300, np.clip(RNG.normal(0.75, 0.04, count), 0, 1)
        ups = RNG.binomial(n, rates)
        days = [
            ClusterDay(739_000 + first + place, n, up / n, up * (n - up) / n, n)
            for place, up in enumerate(ups.tolist())
        ]
        return thumbs(int(ups.sum()), n * count, count, {"thumbs_up": days})

    careful = careless = 0
    for _ in range(250):
        before, now = window(28, 0), window(7, 28)
        blind = [Side(side.totals, side.days) for side in (before, now)]
        for sides, is_careful in (((before, now), True), (blind, False)):
            interval = compare(METRICS["thumbs_up_rate"], *sides).interval
            is_wrong = interval is not None and not interval.holds(0.0)
            careful, careless = careful + (is_wrong and is_careful), careless + (is_wrong and not is_careful)
    assert careful <= 25
    assert careless >= 40


def test_contents_come_back_as_they_were_and_equal_ones_are_equal_bytes() -> None:
    totals = Totals({1: 5, 128: 7}, {Distribution.RATING: {ZERO_BIN: 2, -3: 4}})
    users = {"errors": [ClusterDay(739_000, 5, 0.2, 0.8, 3)], "cost": [ClusterDay(739_001, 2, 13.5, 0.25, 1)]}
    contents = Contents(Side(totals, [{1: 2}, {}, {1: 3}], users), {7: totals, 9: Totals({1: 1})})
    data = contents.pack()
    assert Contents.unpack(data) == contents
    assert Contents.unpack(data).pack() == data
    assert Contents.unpack(Contents(Side(Totals())).pack()) == Contents(Side(Totals(), []))
    with pytest.raises(BadContents):
        Contents.unpack(b"\x93\x63\x01\x02")


def test_percentiles_of_one_histogram_share_its_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = spreads.mann_whitney
    monkeypatch.setattr(spreads, "mann_whitney", lambda *pair: asked.append(pair) or real(*pair))
    before, now = latencies(RNG.lognormal(6, 0.7, 700)), latencies(RNG.lognormal(6.2, 0.7, 400))
    found = [compare(METRICS[name], before, now) for name in ("latency_p50", "latency_p95", "latency_p99")]
    assert len(asked) == 1
    assert len({one.evidence for one in found}) == 1
    assert compare(METRICS["latency_p50"], before, latencies([5.0, 7.0] * 60)).evidence != found[0].evidence
