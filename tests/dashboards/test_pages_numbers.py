"""Numbers on pages: fairly compared, said to be too few where they are, and empty with a reason."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from dashboards import judged, panels, present
from dashboards.components import State
from dashboards.pages.status import report_words
from ingest.timeline import DAY, Window
from observatory.metrics.definitions import METRICS
from observatory.metrics.reading import Comparison, Point, Reading
from observatory.metrics.reading import State as Known
from tests.dashboards import site as sites

NOON = datetime(2026, 8, 26, 12, 0, tzinfo=UTC)


def points(*samples, minimum=20):
    return [
        Point(Window(NOON, NOON + DAY), Reading(Known.OK if n >= minimum else Known.LEARNING, 0.5 if n >= minimum else None, None, n), True, True)
        for n in samples
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "expected"),
    [((), True), ((0, 0), True), ((5, 5, 30), False), ((5, 30), True), ((0, 0, 0, 30), True), ((3,), False)],
)
def test_a_series_is_readable_when_half_of_its_busy_buckets_have_a_value(samples, expected):
    assert panels.is_readable(points(*samples)) is expected


def test_a_sum_over_an_open_day_is_compared_with_the_same_part_of_the_days_before():
    week = Window(NOON.replace(hour=0) - 6 * DAY, NOON.replace(hour=0) + DAY)
    assert present.fair(METRICS["cost_total"], week, "previous", NOON) == (Window(week.start, NOON), "weekday")
    assert present.fair(METRICS["error_rate"], week, "previous", NOON) == (week, "previous")
    assert present.fair(METRICS["calls"], Window(NOON - DAY, NOON), "previous", NOON)[1] == "previous"
    ended = Window(week.start - 30 * DAY, week.end - 30 * DAY)
    assert present.fair(METRICS["cost_total"], ended, "previous", NOON) == (ended, "previous")


def test_weeks_are_counted_by_how_far_back_the_other_window_lies() -> None:
    judged = Window(NOON - 7 * DAY - timedelta(minutes=3), NOON)
    for weeks, words in ((1, "the same days a week before"), (2, "the same days 2 weeks before")):
        other = Window(judged.start - 7 * weeks * DAY, judged.end - 7 * weeks * DAY)
        found = Comparison("weekday", other, 1.0, None, None, 1)
        assert present.reference_words(found, judged) == words


def stand(feature, state, metric="error_rate"):
    return SimpleNamespace(feature=feature, state=state, incident_severity="", rule=SimpleNamespace(metric=metric))


def test_a_feature_whose_rules_have_had_too_little_is_learning():
    states = [
        stand("a", "learning"),
        stand("a", "ok"),
        stand("b", "learning"),
        stand("c", "ok"),
        stand("c", "critical"),
        stand("c", "warning", "thumbs_up_rate"),
        stand("", "warning"),
    ]
    found = judged.states_by_feature(states, {"error_rate"})
    assert found == {"a": State.OK, "b": State.LEARNING, "c": State.CRITICAL}
    assert judged.states_by_feature(states, {"thumbs_up_rate"}) == {"c": State.WARNING}


def test_the_state_of_a_feature_is_that_of_what_its_dashboard_watches(site):
    with sites.client(site.web, site.owner) as asking:
        tables = {
            page: asking.get(f"{site.url}{page}/").text.split('id="table-features"')[1].split("</table>")[0]
            for page in judged.WATCHED
        }
    assert re.search(r'data-state="(warning|critical)"', tables["quality"]), "its incident is about thumbs"
    for page in ("health", "cost", "engagement"):
        assert not re.search(r'data-state="(warning|critical)"', tables[page]), page
    assert 'data-state="learning"' in tables["engagement"], "its rules look back for weeks"


def test_overview_and_drift_count_the_same_series(site):
    with sites.client(site.web, site.owner) as asking:
        overview, drift = (asking.get(site.url + page).text for page in ("", "drift/"))
    shown = re.search(r"finding in (\d+) series", overview).group(1)
    assert f" open in {shown} series" in drift


def test_a_duty_says_who_did_its_work():
    assert report_words({"by": "catch_up", "series": 6, "users": 0}) == "6 series, by catch_up"
    assert report_words({"users": 0, "left": True}) == "more is waiting"


@pytest.fixture
def asking(web, project):
    with sites.client(web, sites.person(project)) as client:
        yield client


def calls(count, every, **fields):
    from ingest import timeline

    now = timeline.now() - timedelta(minutes=5)
    return [
        {"id": f"i-{n}", "feature": "chat", "user_id": f"u-{n}", "occurred_at": (now - n * every).isoformat(), **fields}
        for n in range(count)
    ]


def test_little_traffic_is_drawn_in_wider_buckets_or_said_to_be_too_little(asking, post, project):
    assert post("interactions", calls(90, timedelta(minutes=2), latency_ms=300)).status_code == 200
    sites.roll(project)
    wide = asking.get(f"/{project.slug}/health/?range=24h").text
    error_rate = wide.split('id="panel-error_rate"')[1].split("</section>")[0]
    assert "hourly" in error_rate
    assert "data-figure" in error_rate
    thin = asking.get(f"/{project.slug}/health/?range=1h").text.split('id="panel-error_rate"')[1].split("</section>")[0]
    assert "of 20 calls in 15 minutes" in thin
    assert "Last 7 days" in thin


def test_counts_do_not_repeat_themselves_and_today_is_compared_with_nothing(asking, post, project):
    assert post("interactions", calls(30, timedelta(hours=20), cost_usd="0.5")).status_code == 200
    sites.roll(project)
    engagement = asking.get(f"/{project.slug}/engagement/").text
    assert "n = " not in engagement.split('id="tile-mau"')[1].split("</div>")[0]
    today = asking.get(f"/{project.slug}/cost/").text.split('id="tile-cost_today"')[1].split("</dl>")[0]
    assert "below" not in today
    assert "above" not in today


def test_what_belongs_to_no_feature_is_the_overhead_at_the_end(asking, post, project):
    assert post("interactions", calls(5, timedelta(hours=1), cost_usd="0.5")).status_code == 200
    cost = {"component": "infrastructure", "amount_usd": "9", "occurred_at": calls(1, DAY)[0]["occurred_at"]}
    assert post("costs", cost).status_code == 200
    sites.roll(project)
    table = asking.get(f"/{project.slug}/cost/").text.split('id="table-features"')[1].split("</tbody>")[0]
    assert table.index(">chat</a>") < table.index("no feature (overhead)")
    assert "(none)" not in table
    assert "overhead" not in asking.get(f"/{project.slug}/quality/").text.split('id="table-features"')[1]


def test_what_nobody_sends_says_how_to_send_it(asking, post, project):
    assert post("interactions", calls(5, timedelta(hours=1))).status_code == 200
    sites.roll(project)
    panel = (
        asking.get(f"/{project.slug}/quality/").text.split('id="panel-task_completion_rate"')[1].split("</section>")[0]
    )
    assert "Not sent yet: feedback of kind outcome." in panel
    assert "&quot;kind&quot;: &quot;outcome&quot;" in panel


@pytest.mark.parametrize("page", ["", "quality/", "engagement/", "interactions/", "drift/", "incidents/", "status/"])
def test_a_new_project_has_an_answer_on_every_page(asking, project, page):
    answer = asking.get(f"/{project.slug}/{page}")
    assert answer.status_code == 200
    if page in {"", "quality/", "engagement/", "interactions/"}:
        assert "Nothing has been received yet" in answer.text
        assert "/api/v1/interactions" in answer.text
        assert "settings/keys/" in answer.text


def test_the_strip_answers_304_until_something_moves(asking, post, project):
    assert post("interactions", calls(2, timedelta(hours=1))).status_code == 200
    sites.roll(project)
    address = f"/{project.slug}/strip/"
    version = asking.get(address).text.split('data-version="')[1].split('"')[0]
    for _ in range(3):
        assert asking.get(address, headers={"If-None-Match": f'"{version}"'}).status_code == 304
    sites.roll(project)
    assert asking.get(address, headers={"If-None-Match": f'"{version}"'}).status_code == 304
    assert post("interactions", {"feature": "chat", "prompt": "new"}).status_code == 200
    sites.roll(project)
    moved = asking.get(address, headers={"If-None-Match": f'"{version}"'})
    assert moved.status_code == 200
    assert version not in moved.text


def test_csv_holds_the_numbers_of_the_chart(site):
    with sites.client(site.web, site.owner) as asking:
        answer = asking.get(f"{site.url}quality/?csv=thumbs_up_rate&range=28d")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.strip().splitlines()
    assert len(lines) == 29
    assert lines[0].startswith("time") or "," in lines[0]
