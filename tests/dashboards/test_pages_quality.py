"""Quality: what evaluators and people say where they do, what stands out, and what numbers are held against."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboards import comparing, filters, judgements, present
from dashboards.charts.data import Bin
from dashboards.filters import COMPARISONS
from ingest import timeline
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window
from observatory.metrics import distributions
from observatory.metrics.reader import Reader
from observatory.metrics.reading import Comparison
from observatory.metrics.statistics import GAMMA, bucket_of
from tests.dashboards import site as sites
from tests.dashboards.test_pages_engagement import rows, words
from tests.dashboards.told import tile

NOON = datetime(2026, 8, 26, 12, 0, tzinfo=UTC)
ASKED = {"now": NOON, "zone_name": "UTC", "features": ["chat"], "models": []}


def bins(*ratings: float) -> list[distributions.Bin]:
    """The bins that a histogram keeps of single ratings."""
    places = [bucket_of(rating) for rating in ratings if rating]
    zeros = [distributions.Bin(0.0, 0.0, 1) for rating in ratings if not rating]
    return [*zeros, *(distributions.Bin(GAMMA ** (place - 1), GAMMA**place, 1) for place in places)]


def test_stars_are_shares_beside_those_before() -> None:
    found = judgements.by_stars(bins(1.0, 1.0, 0.2, 0.0), bins(0.6))
    assert found[4] == Bin("5", 0.0, 0.5)
    assert found[2] == Bin("3", 1.0, 0.0)
    assert found[0] == Bin("1", 0.0, 0.5)


def test_a_pinned_baseline_is_called_by_its_name_and_not_the_period_before() -> None:
    week = Window(NOON - 7 * DAY, NOON)
    for kind, words_ in {
        "baseline:canary": "baseline “canary”",
        "baseline:before the launch of everything": "baseline “before the launch of everyt…”",
        "baseline": "baseline",
        "previous": "the period before",
    }.items():
        assert present.reference_words(Comparison(kind, week, 0.5, None, None, 1), week) == words_


@pytest.mark.parametrize(
    ("asked", "expected", "note"),
    [
        ("", "", ""),
        *((kind, kind, "") for kind in COMPARISONS),
        ("baseline:canary", "baseline:canary", ""),
        ("baseline:gone", "", "no frozen baseline “gone” of chat"),
        ("yesterday", "", "no comparison “yesterday”"),
        ("baseline:", "", "no frozen baseline “” of chat"),
    ],
)
def test_a_comparison_is_read_from_the_address_or_noted(asked: str, expected: str, note: str) -> None:
    names = {"chat": ["canary"]}
    found = filters.read({"feature": "chat", "compare": asked}, **ASKED, pinned=lambda feature: names.get(feature, []))
    assert found.compare == expected
    assert note in " ".join(found.notes)
    assert bool(found.notes) is bool(note)
    assert found.parameters().get("compare", "") == expected
    assert "compare" not in found.parameters(compare=None)


def test_the_window_before_has_as_many_days_over_a_change_of_the_clocks() -> None:
    zone = "Europe/Berlin"
    week = filters.relative(7 * DAY, datetime(2026, 10, 28, 12, tzinfo=UTC), zone)
    before = comparing.earlier(week, "previous", "1d", zone)
    assert (week.length, before.length) == (7 * DAY + HOUR, 7 * DAY)
    assert before.end == week.start
    weekdays = comparing.earlier(week, "weekday", "1d", zone)
    assert timeline.local_day(weekdays.start, zone) == timeline.local_day(week.start, zone) - 7 * DAY
    hour = Window(NOON - HOUR, NOON)
    assert comparing.earlier(hour, "previous", "1m", zone) == Window(NOON - 2 * HOUR, NOON - HOUR)


@pytest.fixture(scope="module")
def asking(site: sites.Site):
    with sites.client(site.web, site.owner) as client:
        yield client


def test_the_choice_of_a_comparison_is_offered_and_followed(site: sites.Site, asking) -> None:
    html = asking.get(f"{site.url}quality/?feature=write-draft&compare=weekday").text
    select = html.split('id="filter-compare"')[1].split("</select>")[0]
    for kind, text in {"": "Usual comparison", **COMPARISONS}.items():
        assert f'value="{kind}"' in select
        assert text in select
    assert re.search(r'value="weekday" selected', select)
    thumbs = words(html.split('id="tile-thumbs_up_rate"')[1].split("</dl>")[0])
    assert "the same days a week before" in thumbs
    assert "baseline" not in thumbs
    figure = html.split('id="fig-thumbs_up_rate"')[1].split("</script>")[0]
    assert "weeks before" in figure
    usual = asking.get(f"{site.url}quality/?feature=write-draft").text
    assert "weeks before" not in usual.split('id="fig-thumbs_up_rate"')[1].split("</script>")[0]
    assert "compare=weekday" in html.split('id="panel-thumbs_up_rate"')[1].split("</section>")[0]


def test_sums_are_never_held_against_a_longer_baseline(site: sites.Site, asking) -> None:
    html = asking.get(f"{site.url}engagement/?compare=baseline").text
    assert '"baseline' not in html.split('id="fig-calls"')[1].split("</script>")[0]
    assert '"baseline' in html.split('id="fig-dau"')[1].split("</script>")[0]


def test_what_evaluators_and_people_never_sent_is_named_at_the_end(site: sites.Site, asking) -> None:
    html = asking.get(f"{site.url}quality/").text
    section = html.split('id="not-sent"')[1].split("</section>")[0]
    for title in ("Rating", "Evaluation score", "Retrieval score"):
        assert title in words(section)
    assert 'href="/api/docs/#post_feedback"' in section
    for id in ("rating_mean", "ratings", "evaluation_score", "retrieval_score_mean"):
        assert f'id="panel-{id}"' not in html
    for kind in ("rating", "evaluation"):
        assert f"Not sent yet: feedback of kind {kind}" not in html


def test_several_metrics_read_together_are_what_each_is_alone(site: sites.Site) -> None:
    names = ["calls", "thumbs_up_rate", "error_rate", "flag_rate", "rating_mean", "outlier_rate", "latency_p95"]
    now = timeline.now()
    for length in (20 * DAY, 6 * HOUR):
        window = Window(timeline.floor(now, HOUR) - length, timeline.floor(now, HOUR))
        with project_scope(site.project.id):
            for where in ({}, {"model": "gpt-3.5-turbo"}):
                together = Reader(now).readings(names, window, where=where)
                assert together == {name: Reader(now).reading(name, window, where=where) for name in names}
    assert together["thumbs_up_rate"].value is None


@pytest.fixture
def judged(web, post, project) -> Iterator[tuple]:
    """A project with ratings, a judge and retrieval; three days old, so that feedback counts."""
    at = (timeline.now() - 3 * DAY).isoformat()
    calls = [
        {"id": f"c-{n}", "feature": "chat", "occurred_at": at, "output": "An answer.", "retrieval": {"documents": [{"id": "d", "score": 0.5}]}}
        for n in range(40)
    ]  # fmt: skip
    said = [{"interaction_id": f"c-{n}", "kind": "rating", "value": 5 if n < 30 else 1, "occurred_at": at} for n in range(40)]  # fmt: skip
    said += [{"interaction_id": f"c-{n}", "kind": "evaluation", "name": "helpful", "score": 3.5, "occurred_at": at} for n in range(40)]  # fmt: skip
    said += [{"interaction_id": "c-1", "kind": "flag", "category": "wrong", "occurred_at": at}]
    assert post("interactions", calls).status_code == 200
    assert post("feedback", said).status_code == 200
    sites.roll(project)
    with sites.client(web, sites.person(project)) as client:
        yield client, f"/{project.slug}/quality/"


def test_what_evaluators_and_people_send_is_drawn(judged) -> None:
    asking, url = judged
    html = asking.get(url).text
    for id in ("rating_mean", "ratings", "evaluation_score", "retrieval_score_mean", "no_result_rate"):
        assert "data-figure" in html.split(f'id="panel-{id}"')[1].split("</section>")[0], id
    assert 'id="not-sent"' not in html
    stars = asking.get(f"{url}?csv=ratings").text.splitlines()
    assert [line.split(",")[2] for line in stars[1:]] == ["0.25", "0.0", "0.0", "0.0", "0.75"]
    scores = [line.split(",") for line in asking.get(f"{url}?csv=evaluation_score").text.splitlines()]
    assert "3.5" in {line[1] for line in scores}
    flags = rows(html, "table-flags")
    assert flags["Flagged in any way"][::2] == ["2.5 %", "1"]
    assert flags["Wrong"][2] == "1"
    assert flags["Irrelevant"][2] == "0"


def test_what_was_changed_and_who_gave_up_stand_beside_the_other_rates(
    web: str, post: Callable[..., Any], project: Any
) -> None:
    noon = timeline.now() - 3 * DAY
    calls = [{"id": f"c-{n}", "feature": "chat", "output": "one two three four", "occurred_at": noon.isoformat()} for n in range(4)]  # fmt: skip
    said = [{"interaction_id": f"c-{n}", "kind": "correction", "final_text": "one two three five", "occurred_at": noon.isoformat()} for n in range(2)]  # fmt: skip
    said += [{"kind": "escalation", "feature": "chat", "occurred_at": (timeline.now() - HOUR).isoformat()} for _ in range(3)]  # fmt: skip
    assert post("interactions", calls).status_code == 200
    assert post("feedback", said).status_code == 200
    sites.roll(project)
    with sites.client(web, sites.person(project)) as asking:
        page = asking.get(f"/{project.slug}/quality/").text
    assert "Edit ratio, mean of 7 d 25.0 %" in tile(page, "edit_ratio")
    assert "n = 2" in tile(page, "edit_ratio")
    assert "Escalations, 24 h 3" in tile(page, "escalations_24h")


def test_without_corrections_quality_says_how_to_send_them(site: sites.Site) -> None:
    with sites.client(site.web, site.owner) as asking:
        page = asking.get(f"{site.url}quality/").text
    assert "Not sent yet — Send feedback of kind correction. How to send it" in tile(page, "edit_ratio")
