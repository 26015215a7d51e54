"""Numbers as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboards import formatting
from observatory.metrics.definitions import METRICS

NOW = datetime(2026, 8, 28, 14, 0, 40, tzinfo=UTC)


def plain(text: str) -> str:
    """No-break spaces as spaces, so that the tables below can be read."""
    return text.replace(formatting.NBSP, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.654, "65.4 %"), (0.9961, "99.61 %"), (0.008, "0.80 %"), (0.0, "0 %"), (1.0, "100 %"),
        (0.00000001, "<0.01 %"), (0.9999999, ">99.99 %"), (None, "—"), (-0.02, "−2.0 %"), (0.01, "1.0 %"),
    ],
)  # fmt: skip
def test_a_rate_is_a_percentage_that_never_pretends_to_be_nothing_or_all(value: float | None, text: str) -> None:
    assert plain(formatting.rate(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.098, "−9.8 pp"), (0.003, "+0.3 pp"), (0.0, "0.0 pp"), (-0.0001, "0.0 pp"), (None, "—")]
)
def test_rates_differ_by_points(value: float | None, text: str) -> None:
    assert plain(formatting.points(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.28, "+28 %"), (-0.031, "−3.1 %"), (0.0, "0 %"), (1.5, "+150 %"), (0.0996, "+10 %")]
)
def test_a_relative_change_has_a_sign(value: float, text: str) -> None:
    assert plain(formatting.change(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1891.4, "$1,891"), (12.4, "$12.40"), (0.39, "$0.39"), (0.0098, "$0.0098"), (0.00096, "$0.00096"),
        (0, "$0"), (-3.5, "−$3.50"), (999.7, "$1,000"), (None, "—"),
    ],
)  # fmt: skip
def test_an_amount_keeps_two_significant_digits_under_a_dime(value: float | None, text: str) -> None:
    assert formatting.amount(value) == text


def test_stored_amounts_are_nano_dollars() -> None:
    assert formatting.amount_nano(9_800_000) == "$0.0098"
    assert formatting.amount_nano(None) == "—"


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (640, "640 ms"), (1.5, "1.5 ms"), (6_100, "6.1 s"), (59_949, "59.9 s"), (348_000, "5 min 48 s"),
        (60_000, "1 min"), (7_500_000, "2 h 5 min"), (26 * 86_400_000, "26 d"), (90_000_000, "1 d 1 h"), (None, "—"),
    ],
)  # fmt: skip
def test_a_duration_takes_the_unit_of_its_size(ms: float | None, text: str) -> None:
    assert plain(formatting.duration(ms)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2, "just now"), (40, "40 s ago"), (61, "1 min ago"), (7_300, "2 h ago"), (172_900, "2 d ago"), (-30, "just now")],
)
def test_an_age_is_coarse(seconds: int, text: str) -> None:
    assert plain(formatting.ago(NOW - timedelta(seconds=seconds), NOW)) == text


def test_nothing_yet_is_never() -> None:
    assert formatting.ago(None, NOW) == "never"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1891, "1.9k"), (20_000, "20k"), (2_400_000, "2.4M"), (0, "0"), (42, "42"), (0.25, "0.250"), (412_608, "413k")],
)
def test_tight_places_get_compact_numbers(value: float, text: str) -> None:
    assert formatting.compact(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.5, "ratio", "50.0 %"), (0.5, "usd", "$0.50"), (5e8, "nano_usd", "$0.50"), (500, "ms", "500 ms"),
        (5, "s", "5.0 s"), (5000, "count", "5,000"), (431.27, "tokens", "431"), (0.8312, "score", "0.831"),
        (None, "ratio", "—"),
    ],
)  # fmt: skip
def test_a_metric_is_worded_by_its_unit(value: float | None, unit: str, text: str) -> None:
    assert plain(formatting.value(value, unit)) == text


@pytest.mark.parametrize(
    ("now", "before", "unit", "text"),
    [
        (0.654, 0.752, "ratio", "▼ 9.8 pp below baseline 75.2 %"),
        (0.153, 0.12, "usd", "▲ 28 % above baseline $0.12"),
        (9, 0, "count", "▲ from 0 (baseline)"),
        (9.9, 1, "usd", "▲ 890 % above baseline $1.00"),
        (85.93, 0.085, "usd", "▲ 1,011 times baseline $0.085"),
        (0.75, 0.75, "ratio", "as baseline 75.0 %"),
        (None, 0.7, "ratio", ""),
        (0.7, None, "ratio", ""),
    ],
)
def test_a_value_is_shown_against_something(now: float | None, before: float | None, unit: str, text: str) -> None:
    assert plain(formatting.against(now, before, unit)) == text


@pytest.mark.parametrize(("value", "text"), [(0.8, "0.8"), (4, "4"), (2 / 3, "0.667"), (0, "0"), (-1, "−1"), (250, "250")])  # fmt: skip
def test_a_score_is_as_short_as_it_was_meant(value: float, text: str) -> None:
    assert formatting.score(value) == text


def test_intervals_understand_percent() -> None:
    assert formatting.interval(0.63, 0.677, "ratio") == "63.0–67.7"
    assert formatting.interval(None, 0.7, "ratio") == ""


def test_times_are_the_projects() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    late = datetime(2026, 8, 27, 23, 30, tzinfo=UTC)
    assert plain(formatting.moment(late, berlin, NOW)) == "28 Aug 01:30"
    assert formatting.clock(late, berlin) == "01:30 CEST"
    assert plain(formatting.day(late.replace(year=2025), UTC, NOW)) == "27 Aug 2025"


@pytest.mark.parametrize("name", ["retrieval_score_mean", "evaluation_score"])
def test_scores_of_any_scale_are_no_shares(name: str) -> None:
    assert formatting.value(10.0, METRICS[name].unit) == "10.0"
