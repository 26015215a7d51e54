"""Cost: what a user, an outcome and revenue cost, who causes it; a month that can be counted by hand."""

import html as htmllib
import inspect
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import RequestFactory

from dashboards import asks, caches, judged, present, shown_month, unit_costs
from dashboards.charts.curves import lorenz
from dashboards.charts.data import Frame, Limit
from dashboards.components import State
from dashboards.pages import cost
from dashboards.view import View
from ingest import timeline
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window
from observatory.metrics import forecasts, months
from observatory.metrics.derived.revenue import TierShare
from observatory.metrics.reading import Reading
from observatory.metrics.reading import State as Known
from tests.dashboards import site as sites
from tests.dashboards.told import figures, plain, rows, tile

NOW = timeline.now()
MONTH = months.month_after(NOW.date(), -1)
BEFORE = months.month_after(MONTH, -1)
USERS, USERS_BEFORE = 120, 60
WHOLE = {"from": f"{MONTH}", "to": f"{months.last_of(MONTH)}"}


def call(user: str, day: date, usd: str, **fields: Any) -> dict[str, Any]:
    at = timeline.day_start(day, "UTC") + 9 * HOUR
    return {"id": f"{user}-{day}", "feature": "chat", "user_id": user, "occurred_at": at.isoformat(), "cost_usd": usd, **fields}  # fmt: skip


def spent() -> list[dict[str, Any]]:
    """User n of the month costs n cents; each of the month before, 80 cents and, on its twentieth, 40 more."""
    month = [
        call(f"u-{n:03}", MONTH + DAY, f"{n / 100}", tier="pro" if n % 2 == 0 else "free") for n in range(1, USERS + 1)
    ]
    month[0] |= {"cache": "exact"}
    early, late = ((BEFORE, "0.8"), (BEFORE + 19 * DAY, "0.4"))
    before = [call(f"u-{n:03}", *spent) for n in range(1, USERS_BEFORE + 1) for spent in (early, late)]
    return [*month, *before]


@pytest.fixture(scope="module")
def known(web: str) -> sites.Site:
    """A month of $72.60 by 120 users and $47.40 of servers, ten outcomes, $200 of revenue of one tier."""
    project = Project.objects.create(slug="unit-costs", name="Unit costs", created_at=NOW - 120 * DAY)
    found = sites.Site(web, project, sites.person(project), sites.make_key(project), 0, 0)
    found.post("interactions", spent())
    found.post("costs", [{"id": "c", "component": "infrastructure", "amount_usd": "47.4", "occurred_at": f"{MONTH}T10:00:00Z"}])  # fmt: skip
    done = [
        {"interaction_id": f"u-{n:03}-{MONTH + DAY}", "kind": "outcome", "value": "completed"} for n in range(1, 11)
    ]
    found.post("feedback", done)
    found.post("figures", [{"month": f"{MONTH:%Y-%m}", "name": "revenue_usd", "value": 200, "tier": "pro"}])
    sites.roll(project)
    return found


@pytest.fixture(scope="module")
def page(known: sites.Site) -> str:
    """The Cost page of that month."""
    with sites.client(known.web, known.owner) as asking:
        answer = asking.get(f"{known.url}cost/", params=WHOLE)
    assert answer.status_code == 200
    assert "could not be computed" not in answer.text
    return answer.text


def test_an_active_user_is_compared_with_the_same_days_of_the_month_before(page: str) -> None:
    told = tile(page, "cost_per_mau")
    assert "$1.00" in told
    assert "▼ 17 % below 1–" in told
    assert "$1.20" in told
    assert "n = 120 users" in told


def test_a_cost_that_fell_to_nothing_is_no_failure() -> None:
    told = unit_costs._like_for_like(Reading(Known.OK, 0.0, None, 9), Reading(Known.OK, -1.0, None, 9), "1–21 Oct")
    assert told == "no cost, unlike 1–21 Oct"


def test_of_a_month_under_way_only_the_days_that_are_over_are_compared(known: sites.Site) -> None:
    request = RequestFactory().get("/")
    on_the_eleventh = timeline.day_start(MONTH + 10 * DAY, "UTC") + 9 * HOUR
    with project_scope(known.project.pk):
        view = View(request, known.project, "owner", on_the_eleventh)
        told = unit_costs.per_user_tile(view, shown_month.shown_month(view))
    assert plain(told.title) == f"Cost per active user, 1–10 {MONTH:%b}"
    assert (told.value, plain(told.lines[0])) == ("$1.00", f"▲ 25 % above 1–10 {BEFORE:%b} $0.80")


def test_a_call_is_told_component_by_component(page: str) -> None:
    assert rows(page, "per_call") == [
        ["Model tokens", "$72.60", "$0.61", "$0.60"],
        ["Infrastructure", "$47.40", "$0.40", "—"],
        ["All", "$120.00", "$1.00", "—"],
    ]
    assert "median of model cost $0.60" in tile(page, "cost_per_call")
    panel = plain(page.split('id="table-per_call"')[1].split("</section>", maxsplit=1)[0])
    assert "n = 120 calls with a price" in panel
    assert "Nothing was paid for retrieval, moderation, human review, other." in panel


@pytest.mark.parametrize("board", ["cost", "quality", "engagement", "health"])
@pytest.mark.parametrize("hours", [(15, 42), (3, 23)])
def test_charts_draw_all_of_the_buckets_that_a_range_touches(known: sites.Site, board: str, hours: tuple[int, int]) -> None:  # fmt: skip
    first = timeline.day_start(MONTH, "UTC")
    params = {name: (first + hour * HOUR).isoformat() for name, hour in zip(("from", "to"), hours, strict=True)}
    with sites.client(known.web, known.owner) as asking:
        html = asking.get(f"{known.url}{board}/", params=params).text
    drawn = [one for one in figures(html) if one["layout"]["xaxis"].get("type") == "date"]
    for figure in drawn:
        start, end = figure["layout"]["xaxis"]["range"]
        assert all(start <= at < end for trace in figure["data"] for at in trace["x"] if at)
    if board == "cost":
        components = plain(html.split('id="panel-components"')[1].split("</header>")[0])
        is_two = hours[1] > 24
        assert f"whole {f'days 1 {MONTH:%b} – 2' if is_two else 'day 1'} {MONTH:%b}" in components
        bars = [trace["name"] for figure in drawn for trace in figure["data"] if trace["type"] == "bar"]
        assert bars == (["model tokens", "infrastructure"] if is_two else ["infrastructure"])


def test_whole_days_are_not_said_of_a_range_of_whole_days(page: str) -> None:
    assert "whole day" not in page.split('id="panel-components"')[1].split("</header>", maxsplit=1)[0]


def test_this_week_begins_on_monday_and_holds_today(known: sites.Site) -> None:
    sunday = timeline.day_start(MONTH, "UTC") + (6 - MONTH.weekday()) * DAY + 9 * HOUR
    with project_scope(known.project.pk):
        found = [
            present.this_week(View(RequestFactory().get("/"), known.project, "owner", now))
            for now in (sunday, sunday + DAY)
        ]
    monday = timeline.floor(sunday, DAY) + DAY
    assert found == [Window(monday - 7 * DAY, monday), Window(monday, monday + DAY)]


def test_today_stands_beside_this_week(web: str, project: Any, post: Any) -> None:
    monday = NOW.date() - NOW.weekday() * DAY
    paid = [{"component": "other", "amount_usd": "7", "occurred_at": f"{monday}T00:00:00Z"}]
    paid += [{"component": "other", "amount_usd": "90", "occurred_at": f"{monday - DAY}T23:00:00Z"}]
    assert post("costs", paid).status_code == 200
    assert post("interactions", [call("u-1", monday - 20 * DAY, "0.5")]).status_code == 200
    sites.roll(project)
    with sites.client(web, sites.person(project)) as asking:
        told = asking.get(f"/{project.slug}/cost/").text
    assert "this week so far $7.00" in tile(told, "cost_today")


def test_an_outcome_costs_what_everything_did_by_those_completed(page: str) -> None:
    assert "$12.00" in tile(page, "cost_per_outcome")
    assert "n = 10" in tile(page, "cost_per_outcome")


def test_revenue_is_told_by_tier_and_what_was_not_sent_is_no_zero(page: str) -> None:
    assert "60.0 %" in tile(page, "cost_share_of_revenue")
    assert "highest tier: pro 18.3 %, without overhead, which belongs to no tier" in tile(page, "cost_share_of_revenue")
    assert rows(page, "tiers") == [
        ["All tiers", "$120.00", "$200.00", "60.0 %"],
        ["pro", "$36.60", "$200.00", "18.3 %"],
        ["free", "$36.00", "not sent", "—"],
        ["without a tier", "$47.40", "—", "—"],
    ]


@pytest.mark.parametrize(("tier", "said"), [(0.006, True), (0.022, False), (0.03, False)])
def test_overhead_explains_a_highest_tier_below_the_whole(tier: float, said: bool) -> None:
    whole, worst = (TierShare(name, 1.0, 9.0, Reading(Known.OK, share, None, 1)) for name, share in (("", 0.022), ("pro", tier)))  # fmt: skip
    assert bool(unit_costs._without_overhead(whole, worst)) is said


def test_users_are_told_by_their_percentiles_and_times_the_average(page: str) -> None:
    assert rows(page, "user_costs") == [
        ["The average user", "$0.60", "1.0 ×"],
        ["Half of the users, at most", "$0.60", "1.0 ×"],
        ["90 % of the users, at most", "$1.08", "1.8 ×"],
        ["95 % of the users, at most", "$1.14", "1.9 ×"],
        ["99 % of the users, at most", "$1.19", "2.0 ×"],
        ["The dearest user", "$1.20", "2.0 ×"],
        ["The top 1 % of users together", "$2.39", "3.3 % of all users’"],
    ]
    assert "2.0 ×" in tile(page, "user_cost_max_multiple")
    assert "$72.60 of the month’s $120.00 are of calls with a user" in plain(page)


def test_the_dearest_users_lead_to_their_interactions_of_the_month(known: sites.Site, page: str) -> None:
    found = rows(page, "dearest")
    assert found[0] == ["u-120", "1", "$1.20", "1.7 %", "2.0 ×"]
    assert [row[0] for row in found] == [f"u-{n}" for n in range(120, 112, -1)]
    (address,) = re.findall(r'href="([^"]*q=u-119[^"]*)"', page)
    with sites.client(known.web, known.owner) as asking:
        listed = asking.get(htmllib.unescape(address)).text
    assert f"id=u-119-{MONTH + DAY}" in listed
    assert "id=u-120" not in listed


def test_the_lorenz_curve_is_drawn_beside_equality_with_its_table(known: sites.Site, page: str) -> None:
    panel = page.split('id="panel-lorenz"')[1].split("</section>", maxsplit=1)[0]
    assert "data-figure" in panel
    assert (
        "Cost by user: top 1 % = 3.3 %" in plain(panel.split('aria-label="Cost by user')[0])
        or "top 1\u00a0% = 3.3\u00a0%" in panel
    )
    with sites.client(known.web, known.owner) as asking:
        lines = asking.get(f"{known.url}cost/", params={**WHOLE, "csv": "lorenz"}).text.split()
    assert lines[-1] == "1.0,1.0"
    assert 90 <= len(lines) <= 120


def test_months_stand_beside_what_many_more_users_would_cost(page: str) -> None:
    found = rows(page, "scale")
    assert [row[1:] for row in found[:2]] == [["60", "$72.00", "$1.20"], ["120", "$120.00", "$1.00"]]
    assert found[-3:] == [
        ["At 10 times the users", "1,200", "$2,394", "$2.00"],
        ["At 100 times the users", "12,000", "$47,773", "$3.98"],
        ["At 1,000 times the users", "120,000", "$953,194", "$7.94"],
    ]
    assert "trend: Learning · 2 of 3 whole months" in plain(page)


def test_a_cache_that_answered_is_told_and_others_are_not_sent(page: str) -> None:
    equal, similar, prompts = rows(page, "cache_savings")
    assert equal[1] == "0.83 % of calls"
    assert equal[2].startswith("$0.")
    assert similar[1:] == prompts[1:] == ["not sent", "—", "—"]


def test_a_cache_without_a_price_is_named_beside_the_sum_that_lacks_it(known: sites.Site) -> None:
    hits, saved, unknown = Reading(Known.OK, 0.25, None, 40), Reading(Known.OK, 1.5, None, 10), Reading(Known.NO_DATA)
    equal, similar, prompts = caches.CACHES
    with project_scope(known.project.pk):
        view = View(RequestFactory().get("/"), known.project, "owner", NOW)
        found = [caches.Held(equal, hits, saved), caches.Held(similar, hits, unknown), caches.Held(prompts, None, None)]
        told = caches.tile(view, found)
    assert told.value == "$1.50"
    assert [plain(line) for line in told.lines] == [
        "equal questions: 25.0 % of calls",
        "similar questions: 25.0 % of calls, not in the sum: no price is known",
    ]


def test_what_nobody_sent_is_said_with_the_field_and_its_place_in_the_manual(web: str, project: Any, post: Any) -> None:
    at = (timeline.now() - HOUR).isoformat()
    assert (
        post("interactions", [{"feature": "chat", "occurred_at": at, "cost_usd": "0.5"} for _ in range(3)]).status_code
        == 200
    )
    sites.roll(project)
    with sites.client(web, sites.person(project)) as asking:
        told = asking.get(f"/{project.slug}/cost/").text
    assert "could not be computed" not in told
    fields = {
        "cost_per_mau": "user_id", "user_cost_max_multiple": "user_id", "cost_per_outcome": "outcome",
        "cost_share_of_revenue": "revenue_usd", "cache_savings": "cached_input_tokens",
    }  # fmt: skip
    for name, field in fields.items():
        assert "Not sent yet —" in tile(told, name), name
        assert field in tile(told, name), name
        assert (
            f'href="{asks.USERS.link.url.partition("#")[0]}#post_'
            in told.split(f'id="tile-{name}"')[1].split("</dl>")[0]
        )
        assert not re.search(r"[$\d]", tile(told, name).split("Not sent yet")[1]), name
    tiers = told.split('id="table-tiers"')[1].split("</section>")[0]
    assert "&quot;name&quot;: &quot;revenue_usd&quot;" in tiers
    assert "No call with a user in this month." in told.split('id="panel-lorenz"')[1].split("</section>")[0]


def test_a_forecast_that_fails_takes_no_more_than_its_own_panels(known: sites.Site, monkeypatch: Any) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no forecast today")

    monkeypatch.setattr(forecasts, "current", fail)
    request = RequestFactory().get(f"{known.url}cost/", WHOLE)
    request.user = known.owner
    with project_scope(known.project.pk):
        answer = inspect.unwrap(cost.cost)(View(request, known.project, "owner", timeline.now()))
    told = answer.content.decode()
    failed = re.findall(r'id="panel-(\w+)"(?:(?!</section>).)*This panel could not be computed', told, re.DOTALL)
    assert failed == ["forecast", "scenarios"]
    assert rows(told, "scale")[-3][0] == "At 10 times the users"
    assert "$1.00" in tile(told, "cost_per_mau")


def test_a_page_shows_the_month_of_its_last_whole_day(known: sites.Site) -> None:
    def shown(**query: str) -> shown_month.ShownMonth:
        request = RequestFactory().get("/", query)
        with project_scope(known.project.pk):
            return shown_month.shown_month(View(request, known.project, "owner", now))

    now = timeline.day_start(MONTH, "UTC") + 5 * HOUR
    assert shown().first == BEFORE, "of the first of a month only hours are known"
    now += DAY
    assert (shown().first, shown().words) == (MONTH, f"{MONTH:%b} so far")
    assert shown(**{"from": f"{BEFORE}", "to": f"{BEFORE}"}).first == BEFORE


def test_a_value_takes_the_state_of_the_worst_limit_it_reaches() -> None:
    limits = [Limit(5, "warning"), Limit(20, "critical")]
    found = [judged.beyond(limits, value) for value in (None, 4.9, 5.0, 21.0)]
    assert found == [None, None, State.WARNING, State.CRITICAL]
    assert judged.beyond([], 99.0) is None


def test_the_top_of_few_users_is_read_off_their_curve() -> None:
    frame = Frame(NOW, NOW + DAY, timedelta(days=1), timeline.zone("UTC"))
    curve = [(0.0, 0.0), (0.5, 0.1), (1.0, 1.0)]
    assert "top 10\u00a0% = 18.0\u00a0%" in lorenz("Cost", curve, frame, 0.1).label
    assert "top 1\u00a0% = 40.0\u00a0%" in lorenz("Cost", curve, frame, 0.01, 0.4).label
