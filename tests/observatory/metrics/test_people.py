"""What users cost and whether they stay equals plain pandas over the rows that were sent, whatever waits or changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from ingest import dictionary
from ingest.dimensions import Dimension, UserEvent
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, day_start, day_window, local_day
from observatory.metrics import (
    months,
    retention,
    series,
    user_months,
    user_source,
    users,
)
from observatory.metrics.reading import State
from tests.observatory.metrics.crowd import NOW, Crowd, generate, roll, sent_in_halves

ZONE = "America/St_Johns"
TODAY = local_day(NOW, ZONE)
FROM = NOW - 170 * DAY
YESTERDAY = TODAY - DAY
MONTH = months.month_of(TODAY)
BEFORE = months.month_after(MONTH, -1)
SPANS = {
    "a month": (BEFORE, months.last_of(BEFORE)),
    "this month": (MONTH, TODAY),
    "two months": (BEFORE, TODAY),
    "30 days": (TODAY - 29 * DAY, TODAY),
    "a month and some days": (BEFORE - 5 * DAY, MONTH + DAY),
}


@pytest.fixture(scope="module")
def sent() -> Any:
    project = Project.objects.create(slug="crowd", name="Crowd", time_zone=ZONE, created_at=FROM)
    crowd = generate(5, Window(FROM, NOW), 160, ZONE)
    sent_in_halves(project, crowd)
    return project, crowd


def window_of(first: date, last: date) -> Window:
    return Window(day_start(first, ZONE), min(NOW, day_window(last, ZONE).end))


@contextmanager
def nothing_merged(project: Project, crowd: Crowd) -> Iterator[None]:
    """All day rows are counted, and no month of them is added up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(user_months, "merge_due", lambda **_: False)
        crowd.send(project)
        roll(project)
        yield


@pytest.mark.parametrize("feature", [None, "summarise"])
@pytest.mark.parametrize("span", SPANS.values(), ids=list(SPANS))
def test_the_costs_of_users_are_what_pandas_adds_up(sent: Any, span: months.Span, feature: str | None) -> None:
    project, crowd = sent
    with project_scope(project.pk):
        found = series.users(window_of(*span), feature=feature, now=NOW)
    spent = crowd.spent(*span, feature).sort_values()
    assert (found.first, found.last, found.users, found.is_complete) == (*span, len(spent), True)
    assert found.total_usd == pytest.approx(spent.sum() / 1e9)
    for share, cost in found.percentiles.items():
        assert cost == pytest.approx(np.quantile(spent, share, method="inverted_cdf") / 1e9)
    top = spent.tail(int(np.ceil(len(spent) * 0.01)))
    assert found.top1_share == pytest.approx(top.sum() / spent.sum())
    assert [one.user_id for one in found.largest[:3]] == list(spent.index[::-1][:3])
    assert found.largest[0].multiple == pytest.approx(spent.max() / spent.mean())
    assert found.largest[0].calls == len(crowd.calls(*span, feature).query("user_id == @spent.index[-1]"))


def test_the_lorenz_curve_runs_from_nothing_to_all_in_at_most_101_points(sent: Any) -> None:
    project, crowd = sent
    span = SPANS["two months"]
    with project_scope(project.pk):
        curve = series.users(window_of(*span), now=NOW).lorenz
    shares = np.cumsum(crowd.spent(*span).sort_values()) / crowd.spent(*span).sum()
    assert curve[0] == (0.0, 0.0)
    assert curve[-1] == (1.0, 1.0)
    assert len(curve) <= 101
    for users_share, cost_share in curve[1:]:
        assert cost_share == pytest.approx(shares.iloc[round(users_share * len(shares)) - 1])


@pytest.mark.parametrize("feature", [None, "write-draft"])
@pytest.mark.parametrize("name", ["a month", "30 days"])
def test_users_can_be_chosen_by_the_tier_they_were_last_seen_with(sent: Any, name: str, feature: str | None) -> None:
    project, crowd = sent
    with project_scope(project.pk):
        found = series.users(window_of(*SPANS[name]), feature=feature, tier="pro", now=NOW)
    spent = crowd.spent(*SPANS[name], feature, tier="pro")
    assert found.users == len(spent) > 5
    assert found.total_usd == pytest.approx(spent.sum() / 1e9)


def test_the_metrics_of_user_costs_are_those_of_the_users_of_the_window(sent: Any) -> None:
    project, crowd = sent
    span = SPANS["two months"]
    spent = crowd.spent(*span)
    expected = {
        "user_cost_p90": np.quantile(spent, 0.9, method="inverted_cdf") / 1e9,
        "user_cost_p95": np.quantile(spent, 0.95, method="inverted_cdf") / 1e9,
        "user_cost_max_multiple": spent.max() / spent.mean(),
    }
    with project_scope(project.pk):
        for name, value in expected.items():
            reading = series.reading(name, window_of(*span), now=NOW)
            assert (reading.value, reading.sample_size) == (pytest.approx(value), len(spent)), name
            if name != "user_cost_max_multiple":
                assert reading.interval is not None
                assert reading.interval[0] <= value <= reading.interval[1]
        few = series.reading("user_cost_p99", Window(NOW - timedelta(hours=6), NOW), now=NOW)
    assert few.state in (State.LEARNING, State.NO_DATA)


def test_distinct_users_of_any_days_are_counted_once(sent: Any) -> None:
    project, crowd = sent
    spans = [(TODAY - (length + shift) * DAY, TODAY - shift * DAY) for length in (0, 6, 29, 89) for shift in range(40)]
    with project_scope(project.pk):
        number = dictionary.number_of(Dimension.FEATURE, "summarise")
        everywhere, there = users.distinct(spans, None), users.distinct(spans, number)
    assert [found.users for found in everywhere] == [crowd.calls(*span).user_id.nunique() for span in spans]
    assert [found.users for found in there] == [crowd.calls(*span, "summarise").user_id.nunique() for span in spans]


@pytest.mark.parametrize("feature", [None, "summarise"])
def test_like_days_of_two_months_are_compared(sent: Any, feature: str | None) -> None:
    project, crowd = sent
    last = months.last_of(BEFORE)
    with project_scope(project.pk):
        now = series.reading("cost_per_mau_change", window_of(MONTH, TODAY), feature=feature, now=NOW)
        then = series.reading("cost_per_mau_change", window_of(BEFORE, last), feature=feature, now=NOW)
        middle = BEFORE + 14 * DAY
        ahead = series.reading(
            "cost_per_mau_change", window_of(BEFORE, last), feature=feature, now=day_start(middle, ZONE)
        )
        half = series.reading("cost_per_mau_change", window_of(BEFORE, middle - DAY), feature=feature, now=NOW)
    assert ahead == half, "days to come are not compared with days that were"
    for reading, until in ((now, YESTERDAY), (then, last)):
        costs, sizes = [], []
        for first, end in months.like_days(until):
            calls = crowd.table[(crowd.table.day >= first) & (crowd.table.day <= end)]
            calls = calls if feature is None else calls[calls.feature == feature]
            costs.append(calls.nano.sum() / calls.user_id.nunique())
            sizes.append(calls.user_id.nunique())
        assert reading.sample_size == min(sizes)
        if reading.state is State.OK:
            assert reading.value == pytest.approx(costs[0] / costs[1] - 1)
    assert then.state is State.OK


def test_there_is_no_change_before_both_months_began_with_calls(project: Project) -> None:
    crowd = generate(6, Window(day_start(BEFORE + 3 * DAY, "UTC"), NOW), 60, "UTC")
    crowd.send(project)
    roll(project)
    with project_scope(project.pk):
        whole = Window(day_start(MONTH, "UTC"), NOW)
        assert series.reading("cost_per_mau_change", whole, now=NOW).state is State.NO_DATA


@pytest.mark.parametrize("feature", [None, "summarise"])
@pytest.mark.parametrize("after", retention.AFTER)
def test_retention_is_the_share_of_those_who_activated_then_and_still_call(
    sent: Any, after: int, feature: str | None
) -> None:
    project, crowd = sent
    activation = crowd.activation(feature)
    first, until = retention.joined_span(YESTERDAY, after)
    cohort = {user for user, day in activation.items() if first <= day <= until}
    active = cohort & set(crowd.calls(YESTERDAY - 29 * DAY, YESTERDAY, feature).user_id)
    with project_scope(project.pk):
        reading = series.reading(f"retention_{after}", Window(NOW - 30 * DAY, NOW), feature=feature, now=NOW)
    assert (reading.sample_size, reading.state) == (len(cohort), State.OK if len(cohort) >= 20 else State.LEARNING)
    if reading.value is not None:
        assert reading.value == pytest.approx(len(active) / len(cohort))
        assert reading.interval is not None


def test_beside_them_stand_those_of_the_control_group_who_never_activated(sent: Any) -> None:
    project, crowd = sent
    activation = crowd.activation()
    with project_scope(project.pk):
        found = series.cohorts(now=NOW).retention
    assert sum(one.control for one in found) > 0
    for one in found:
        first, until = retention.joined_span(YESTERDAY, one.after)
        seen: dict[str, list[date]] = {}
        for at, event, user, is_control in crowd.events:
            day = local_day(at, ZONE)
            if event is UserEvent.SEEN and is_control and first <= day <= YESTERDAY:
                seen.setdefault(user, []).append(day)
        group = [user for user, days in seen.items() if min(days) <= until and activation.get(user, TODAY) > YESTERDAY]
        lately = [user for user in group if max(seen[user]) > YESTERDAY - 30 * DAY]
        assert (one.control, one.control_seen) == (len(group), len(lately))


@pytest.mark.parametrize("feature", [None, "write-draft"])
@pytest.mark.parametrize(("period", "count"), [("month", 4), ("week", 12), ("week", 3)])
def test_cohorts_are_users_by_activation_and_who_of_them_called_later(
    sent: Any, period: str, count: int, feature: str | None
) -> None:
    project, crowd = sent
    with project_scope(project.pk):
        table = series.cohorts(period=period, count=count, feature=feature, now=NOW)
    activation = crowd.activation(feature)
    assert len(table.cohorts) == count
    assert table.cohorts[-1].first <= TODAY <= table.cohorts[-1].last
    assert table.earlier == sum(day < table.cohorts[0].first for day in activation.values())
    for place, cohort in enumerate(table.cohorts):
        members = {user for user, day in activation.items() if cohort.first <= day <= cohort.last}
        later = [crowd.calls(each.first, each.last, feature).user_id for each in table.cohorts[place:]]
        assert cohort.n == len(members)
        assert cohort.active == tuple(len(members & set(called)) for called in later)


@pytest.mark.parametrize("merged_at_read", [10_000, 0], ids=["marks are added up", "days are read"])
def test_what_is_not_merged_yet_is_added_up_when_it_is_read(
    project: Project, monkeypatch: Any, merged_at_read: int
) -> None:
    Project.objects.filter(pk=project.pk).update(time_zone=ZONE)
    project.refresh_from_db()
    crowd = generate(8, Window(NOW - 70 * DAY, NOW), 30, ZONE)
    monkeypatch.setattr(user_source, "MERGED_AT_READ", merged_at_read)
    with nothing_merged(project, crowd), project_scope(project.pk):
        assert user_months.waiting([MONTH], 1) == 1
        for span in SPANS.values():
            for feature in (None, "summarise"):
                found = series.users(window_of(*span), feature=feature, now=NOW)
                assert found.users == len(crowd.spent(*span, feature))
                assert (found.total_usd or 0) == pytest.approx(crowd.spent(*span, feature).sum() / 1e9)
        table = series.cohorts(count=3, now=NOW)
        assert (table.earlier is None) == (merged_at_read == 0)
    with project_scope(project.pk):
        crowd.send_events(project)
    roll(project)
    with project_scope(project.pk):
        assert user_months.waiting([MONTH], 1) == 0
        later = series.cohorts(count=3, now=NOW)
        assert (
            found.users == series.users(window_of(*SPANS["a month and some days"]), feature="summarise", now=NOW).users
        )
    called = [cohort.active for cohort in table.cohorts]
    assert sum(map(sum, called)) > 0
    assert later.cohorts[0].active[0] <= called[0][0]


def test_a_user_who_waits_to_be_counted_makes_the_answer_incomplete(project: Project) -> None:
    crowd = generate(9, Window(NOW - 3 * DAY, NOW), 5, "UTC")
    crowd.send(project)
    with project_scope(project.pk):
        assert not series.users(Window(NOW - 3 * DAY, NOW), now=NOW).is_complete
