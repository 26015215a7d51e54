"""Metrics of events, figures and combinations equal a slow, plain computation from the rows that were sent."""

import calendar
import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from ingest.dimensions import CostSource, FeedbackKind, FigureName
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, day_start, local_day
from observatory.metrics import roller, series
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived.revenue import revenue_shares
from observatory.metrics.derived.savings import together
from observatory.metrics.derived.unit_economics import unit_economics
from observatory.metrics.derived.voices import Tickets, tickets_by_category
from observatory.metrics.economics import Verdict, poisson_interval
from observatory.metrics.reading import Reading, State
from observatory.metrics.windows import BadWindow
from tests import factories
from tests.observatory.metrics import business_rows
from tests.observatory.metrics.business_oracles import ORACLES, TODAY, adoption, calls, day_of, mau
from tests.observatory.metrics.business_rows import FROM, NOW, PRICED_MODEL, ZONE


@pytest.fixture(scope="module")
def lived() -> Any:
    """A project with a hundred days of everything, rolled up."""
    from ingest.projects.models import Project

    project = Project.objects.create(slug="business", name="Business", time_zone=ZONE, created_at=FROM)
    life = business_rows.life(11, 2_000)
    life.send(project)
    with project_scope(project.pk):
        business_rows.enter_prices()
    roller.roll(NOW, only=[project.pk], everything=True)
    return project, life


ROUNDED = {"evaluation_score": 1e-6}
"""Scores are counted in millionths, each rounded alone."""

WINDOWS = {
    "forty whole days": Window(day_of(42), day_of(2)),
    "days and hours": Window(day_of(33) + timedelta(hours=7, minutes=30), NOW - timedelta(days=1, hours=5, minutes=30)),
}


@pytest.mark.parametrize("feature", [None, "write-draft"])
@pytest.mark.parametrize("span", WINDOWS)
def test_it_is_what_plain_counting_gives(lived: Any, span: str, feature: str | None) -> None:
    project, life = lived
    window = WINDOWS[span]
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        readings = {name: reader.reading(name, window, feature=feature) for name in ORACLES}
    assert {name for name, reading in readings.items() if reading.value is None} == set()
    for name, oracle in ORACLES.items():
        assert readings[name].value == pytest.approx(oracle(life, window, feature), rel=ROUNDED.get(name, 1e-9)), name
        low, high = readings[name].interval or (-math.inf, math.inf)
        assert low <= (readings[name].value or 0.0) <= high, name


@pytest.mark.parametrize("name", [name for name in ORACLES if "savings" in name or "share" in name])
def test_the_days_of_a_series_are_what_plain_counting_gives(lived: Any, name: str) -> None:
    project, life = lived
    with project_scope(project.pk):
        points = series.series(name, Window(day_of(3), NOW), now=NOW)
    assert len(points) == 4
    for point in points:
        over = Window(point.window.start, min(point.window.end, NOW))
        if point.reading.value is not None:
            assert point.reading.value == pytest.approx(ORACLES[name](life, over, None), rel=1e-9)
    assert any(point.reading.value for point in points)


@pytest.mark.parametrize(
    ("name", "first", "last"), [("adoption_rate", 75, 30), ("opt_out_rate", 30, 5), ("input_tokens_growth", 30, 0)]
)
def test_what_stands_at_the_end_of_a_day_has_a_point_for_each_day(lived: Any, name: str, first: int, last: int) -> None:
    project, life = lived
    with project_scope(project.pk):
        points = series.series(name, Window(day_of(first), day_of(last)), now=NOW)
    expected = [ORACLES[name](life, point.window, None) for point in points]
    assert [point.reading.value for point in points] == pytest.approx(expected)
    assert len(set(expected)) > 1


SAVED = ("cache_exact_savings", "cache_semantic_savings")
FILTERED: list[tuple[str, dict[str, str], int | None]] = [
    ("input_tokens_growth", {"model": "b-small"}, None),
    ("input_tokens_growth", {"tier": "free"}, None),
    ("input_tokens_growth", {"environment": "production", "provider": "openai"}, 0),
    ("prompt_cache_savings", {"feature": "translate", "model": PRICED_MODEL}, None),
    ("prompt_cache_savings", {"tier": "free"}, 0),
    ("prompt_cache_savings", {"feature": "translate", "tier": "pro", "language": "de"}, 0),
    *((name, {"model": "b-small"}, None) for name in SAVED),
    *((name, {"feature": "translate", "model": "a-large"}, None) for name in SAVED),
]
"""Metric, filters, and what combinations leave out where they answer."""


@pytest.mark.parametrize("span", WINDOWS)
@pytest.mark.parametrize(("name", "where", "untold"), FILTERED, ids=str)
def test_what_is_derived_from_sums_is_told_by_its_filters(
    lived: Any, name: str, where: dict[str, str], untold: int | None, span: str
) -> None:
    project, life = lived
    narrow = life.narrowed(where)
    with project_scope(project.pk):
        answer = series.read(name, WINDOWS[span], where=where, now=NOW)
    assert answer.reading.value == pytest.approx(ORACLES[name](narrow, answer.judged, None), rel=1e-9)
    assert answer.reading.value != pytest.approx(ORACLES[name](life, answer.judged, None), rel=1e-9)
    assert (answer.untold, answer.reading.untold) == (untold, untold)
    points = [point for point in answer.series[-20:] if point.reading.value is not None]
    expected = [ORACLES[name](narrow, replace(point.window, end=min(point.window.end, NOW)), None) for point in points]
    assert [point.reading.value for point in points] == pytest.approx(expected, rel=1e-9)
    assert points


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.parametrize("feature", [None, "write-draft"])
def test_savings_of_models_add_up(lived: Any, name: str, feature: str | None) -> None:
    project, _ = lived
    window = WINDOWS["forty whole days"]
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        groups = reader.read(name, window, feature=feature, group_by="model").groups
        alone = {value: reader.reading(name, window, feature=feature, where={"model": value}) for value in groups}
        whole = reader.reading(name, window, feature=feature)
        with pytest.raises(BadWindow, match=f"{name} is kept by feature and model, not by tier"):
            reader.reading(name, window, where={"model": "a-large", "tier": "free"})
        unpriced = reader.reading("prompt_cache_savings", window, where={"model": "b-small"})
    assert unpriced.state is State.NO_DATA
    assert alone == groups
    assert groups.keys() == {"a-large", "b-small", "(none)"}
    assert sum(one.value or 0.0 for one in groups.values()) == pytest.approx(whole.value)
    assert sum(one.sample_size for one in groups.values()) == whole.sample_size


def test_what_is_derived_is_grouped_by_few_values_only(lived: Any) -> None:
    project, life = lived
    window = WINDOWS["forty whole days"]
    with project_scope(project.pk):
        found = series.read("input_tokens_growth", window, group_by="model", where={"tier": "free"}, now=NOW)
        with pytest.raises(BadWindow, match="group it by feature or model, or filter by tier"):
            series.read("input_tokens_growth", window, group_by="tier", now=NOW)
    expected = ORACLES["input_tokens_growth"](life.narrowed({"tier": "free"}), window, None)
    assert found.reading.value == pytest.approx(expected)
    assert {one.untold for one in found.groups.values()} == {0}


def test_adoption_is_held_against_eight_weeks_before(lived: Any) -> None:
    project, life = lived
    window = Window(day_of(56), day_of(0))
    before = Window(window.start - 56 * DAY, day_of(56))
    with project_scope(project.pk):
        reading = series.reading("mau_share_change_8w", window, now=NOW)
        by_feature = series.breakdown(["mau_share_change_8w"], window, now=NOW)["summarise"]["mau_share_change_8w"]
    # Twelve users are too few to say: the sample says which side is thin.
    assert (reading.state, reading.sample_size) == (State.LEARNING, mau(life, before.end, None))
    assert by_feature.state is State.LEARNING


def test_a_quick_look_says_how_adoption_moved(lived: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project, life = lived
    metric = replace(METRICS["mau_share_change_8w"], minimum_sample=1)
    monkeypatch.setitem(METRICS, "mau_share_change_8w", metric)
    window = Window(day_of(7), day_of(0))
    then = Window(window.start - 56 * DAY, day_of(56))
    with project_scope(project.pk):
        for feature in (None, "translate"):
            reading = series.reading("mau_share_change_8w", window, feature=feature, now=NOW)
            expected = adoption(life, window, feature) / adoption(life, then, feature) - 1
            assert reading.value == pytest.approx(expected)


def test_what_was_not_there_eight_weeks_ago_has_nothing_to_be_held_against(lived: Any) -> None:
    project, life = lived
    first = min(local_day(row["at"], ZONE) for row in life.stream.interactions)
    with project_scope(project.pk):
        points = series.series("mau_share_change_8w", Window(day_of(20), day_of(5)), now=NOW)
    born = [local_day(point.window.start, ZONE) - (56 + 29) * DAY >= first for point in points]
    assert [point.reading.state is not State.NO_DATA for point in points] == born
    assert 0 < sum(born) < len(born)


def test_users_without_a_name_are_no_share_of_anything(project: Any) -> None:
    factories.interactions(project, [{"at": NOW - timedelta(hours=n), "feature": "a"} for n in range(50)])
    roller.roll(NOW, only=[project.pk], everything=True)
    window = Window(NOW - 7 * DAY, NOW)
    with project_scope(project.pk), connection.cursor() as cursor:
        business_rows.figure(cursor, project, FigureName.ACTIVE_USERS, f"{NOW:%Y-%m}", "", 100)
        business_rows.figure(cursor, project, FigureName.ACTIVE_USERS, f"{NOW - 31 * DAY:%Y-%m}", "", 100)
        assert series.reading("adoption_rate", window, now=NOW).state is State.NOT_INSTRUMENTED


def test_what_was_never_sent_has_no_rate(lived: Any) -> None:
    project, _ = lived
    window = WINDOWS["forty whole days"]
    with project_scope(project.pk):
        assert series.reading("share_rate", window, now=NOW).state is State.NOT_INSTRUMENTED
        assert series.reading("provider_limit_use", window, now=NOW).state is State.NOT_INSTRUMENTED


def test_a_project_without_events_and_figures_has_no_such_numbers(project: Any) -> None:
    factories.interactions(
        project,
        [
            {
                "at": NOW - timedelta(hours=n),
                "feature": "a",
                "user_id": "u",
                "cost_nano": 7,
                "cost_source": CostSource.CLIENT,
            }
            for n in range(200)
        ],
    )
    roller.roll(NOW, only=[project.pk], everything=True)
    window = Window(NOW - 7 * DAY, NOW)
    names = ("nps", "satisfaction", "ticket_rate", "opt_out_rate", "adoption_rate", "cost_share_of_revenue",
             "cache_exact_savings", "highest_tier_cost_share", "cost_per_outcome", "evaluation_score")  # fmt: skip
    with project_scope(project.pk):
        states = {name: series.reading(name, window, now=NOW).state for name in names}
        none = tickets_by_category(window, now=NOW)
    assert (none.categories, none.others, none.whole.rate.state) == ((), None, State.NOT_INSTRUMENTED)
    assert set(states.values()) == {State.NOT_INSTRUMENTED}


def test_tickets_are_told_apart_by_category(lived: Any) -> None:
    project, life = lived
    window = WINDOWS["days and hours"]
    heard = life.heard(window, FeedbackKind.TICKET, "translate").name.str.lower().value_counts().to_dict()
    of = len(calls(life, window, "translate"))
    with project_scope(project.pk):
        found = tickets_by_category(window, feature="translate", now=NOW)
        short = tickets_by_category(window, most=1, feature="translate", now=NOW)
        rate = series.reading("ticket_rate", window, feature="translate", now=NOW)
    assert {one.category: one.tickets for one in found.categories} == heard
    assert [one.tickets for one in found.categories] == sorted(heard.values(), reverse=True)
    for one in found.categories:
        assert one.rate.value == pytest.approx(1_000 * one.tickets / of)
        assert one.rate.interval == pytest.approx([1_000 * end / of for end in poisson_interval(one.tickets)])
    assert (found.others, found.whole) == (None, Tickets("", sum(heard.values()), rate, len(heard)))
    assert short.categories == found.categories[:1]
    assert short.others is not None
    assert (short.others.tickets, short.others.of) == (
        sum(heard.values()) - found.categories[0].tickets,
        len(heard) - 1,
    )
    assert short.whole == found.whole


def test_what_caches_saved_leaves_out_one_of_which_it_is_unknown() -> None:
    known, unknown = Reading(State.OK, 1.5, None, 3), Reading(State.NO_DATA)
    assert together([known, known, known]) == Reading(State.OK, 4.5, None, 3)
    assert together([known, unknown, unknown]) == Reading(State.OK, 1.5, None, 1)
    assert together([unknown, unknown]) == unknown


def test_events_from_before_the_raw_horizon_are_unknown(make_project: Any) -> None:
    project = make_project(time_zone=ZONE)
    life = business_rows.life(5, 300)
    life.send(project)
    roller.roll(NOW, only=[project.pk], everything=True)
    type(project).objects.filter(pk=project.pk).update(raw_horizon=day_of(20))
    names = ("nps", "satisfaction", "ticket_rate", "opt_out_rate")
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        before = {name: reader.reading(name, Window(day_of(60), day_of(30))).state for name in names}
        tickets = tickets_by_category(Window(day_of(60), day_of(30)), now=NOW)
        after = {name: reader.reading(name, Window(day_of(20), day_of(0))).state for name in names}
    assert set(before.values()) == {State.NO_DATA}
    assert (tickets.categories, tickets.whole.rate.state) == ((), State.NO_DATA)
    assert State.NO_DATA not in after.values()


def test_a_month_is_a_point_of_unit_economics(lived: Any) -> None:
    project, life = lived
    with project_scope(project.pk):
        found = unit_economics(3, growth=1.3, now=NOW)
        older = unit_economics(6, now=NOW)
        of_feature = unit_economics(2, feature="translate", now=NOW)
    months = sorted({f"{TODAY.replace(day=1) - n * DAY:%Y-%m}" for n in range(62)})[-3:]
    assert [f"{point.month:%Y-%m}" for point in found.points] == months
    for point in found.points:
        length = calendar.monthrange(point.month.year, point.month.month)[1]
        window = Window(day_start(point.month, ZONE), day_start(point.month + length * DAY, ZONE))
        users = calls(life, window, None).user_id.nunique()
        assert (point.users, point.cost_usd) == (users, pytest.approx(life.stream.cost_nano(window) / 1e9))
        assert point.cost_per_user.value == pytest.approx(life.stream.cost_nano(window) / 1e9 / users)
        assert point.is_whole is (window.end <= NOW)
    first = min(local_day(row["at"], ZONE) for row in life.stream.interactions)
    assert [point.is_whole for point in older.points[:-1]] == [first <= point.month for point in older.points[:-1]]
    assert not older.points[0].is_whole
    last = found.points[-2]
    assert [scale.times for scale in found.what_if] == [10, 100, 1_000]
    assert found.what_if[1].cost_usd == pytest.approx((last.cost_usd or 0) * 100**1.3)
    assert found.what_if[1].cost_per_user_usd == pytest.approx((last.cost_per_user.value or 0) * 100**0.3)
    assert found.verdict is Verdict.LEARNING, "two months that are over show no direction"
    assert (
        of_feature.points[0].users
        == calls(
            life,
            Window(day_start(of_feature.points[0].month, ZONE), day_start(TODAY.replace(day=1), ZONE)),
            "translate",
        ).user_id.nunique()
    )


def test_a_month_of_revenue_is_told_apart_by_tier(lived: Any) -> None:
    project, life = lived
    month = (TODAY.replace(day=1) - 40 * DAY).replace(day=1)
    length = calendar.monthrange(month.year, month.month)[1]
    window = Window(day_start(month, ZONE), day_start(month + length * DAY, ZONE))
    with project_scope(project.pk):
        whole, *tiers = revenue_shares(month, NOW)
    assert whole.revenue_usd == pytest.approx(10 * life.figures[f"{month:%Y-%m}"])
    assert whole.share.value == pytest.approx(life.stream.cost_nano(window) / 1e9 / (whole.revenue_usd or 0))
    assert [tier.tier for tier in tiers if tier.revenue_usd is not None] == []


def test_the_dearest_tier_is_the_one_that_is_told(make_project: Any) -> None:
    project = make_project()
    start, end = day_start(TODAY - 4 * DAY, "UTC"), day_start(TODAY - 3 * DAY, "UTC")
    rows: list[dict[str, Any]] = [
        {"tier": "free", "cost_nano": 3 * 10**9, "model": "a-large"},
        {"tier": "pro", "cost_nano": 10**9},
        {"cost_nano": 10**9},
    ]
    factories.interactions(project, [{"at": start + timedelta(hours=1), "feature": "a", **row} for row in rows])
    factories.costs(
        project, [{"at": start + timedelta(hours=2), "feature": "a", "tier": "free", "amount_nano": 2 * 10**9}]
    )
    roller.roll(NOW, only=[project.pk], everything=True)
    with project_scope(project.pk), connection.cursor() as cursor:
        for tier, value in (("free", 3_100), ("pro", 31_000), ("idle", 31_000)):
            days = calendar.monthrange(start.year, start.month)[1]
            business_rows.figure(cursor, project, FigureName.REVENUE_USD, f"{start:%Y-%m}", tier, value / 31 * days)
        reader = series.Reader(NOW)
        for feature in (None, "a"):
            window = Window(start, end)
            assert reader.reading("highest_tier_cost_share", window, feature=feature).value == pytest.approx(5 / 100)
            assert reader.reading("cost_share_of_revenue", window, feature=feature).value == pytest.approx(7 / 2_100)
            by_tier = reader.read("cost_share_of_revenue", window, feature=feature, group_by="tier")
            found = {tier: reading.value for tier, reading in by_tier.groups.items()}
            assert found == {"free": pytest.approx(5 / 100), "pro": pytest.approx(1 / 1_000), "(none)": None}
            assert by_tier.reading.value == pytest.approx(7 / 2_100)
            one = reader.read("cost_share_of_revenue", Window(start, end + DAY), feature=feature, where={"tier": "pro"})
            assert one.reading.value == pytest.approx(1 / 2_000), "two days of revenue"
            assert [point.reading.value for point in one.series] == pytest.approx([1 / 1_000, 0])
        with pytest.raises(BadWindow, match="kept by feature and tier, not by model"):
            reader.reading("cost_share_of_revenue", Window(start, end), where={"model": "a-large", "tier": "pro"})
        shares = {one.tier: one for one in revenue_shares(start.date().replace(day=1), end)}
    assert {tier: one.cost_usd for tier, one in shares.items()} == {"": 7, "free": 5, "pro": 1, "idle": 0, "(none)": 1}
    assert {tier for tier, one in shares.items() if one.share.value is None} == {"(none)"}
