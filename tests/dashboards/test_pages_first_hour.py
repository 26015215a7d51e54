"""The first hour of a project: nothing is called well before it is judged, and what waits says how long."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from alerts.models import AlertRule, RuleState
from dashboards import judged
from dashboards.components import Card, State, Tile
from dashboards.pages.overview import unalarmed
from ingest.timeline import HOUR
from tests.dashboards import site as sites
from tests.dashboards.told import plain, tile


@pytest.fixture
def asking(web, project):
    with sites.client(web, sites.person(project)) as client:
        yield client


@pytest.fixture
def begun(post, project):
    """Eighteen calls of the last half hour; when the first was, and the first thumb's."""
    from ingest import timeline

    now = timeline.now()
    items = [
        {"id": f"i-{n}", "feature": "chat", "latency_ms": 300, "occurred_at": (now - timedelta(minutes=30 - n)).isoformat()}
        for n in range(18)
    ]  # fmt: skip
    assert post("interactions", items).status_code == 200
    assert post("feedback", {"interaction_id": "i-0", "kind": "thumb", "value": "up"}).status_code == 200
    sites.roll(project)
    return now - timedelta(minutes=30)


def verdict(page: str) -> str:
    return plain(page.split('id="verdict"')[1].split("</section>", maxsplit=1)[0])


def card(page: str, name: str) -> str:
    return plain(page.split(f'id="card-{name}"')[1].split("</article>", maxsplit=1)[0])


def test_nothing_is_well_before_it_is_judged(asking, begun, project):
    page = asking.get(f"/{project.slug}/").text
    assert "well" not in verdict(page)
    assert "Not judged yet." in verdict(page)
    assert "Health" in verdict(page)


def test_history_that_is_being_counted_is_told_on_every_page_until_it_is(asking, begun, post, project):
    from ingest import timeline

    at = timeline.now() - timedelta(days=9)
    told = "is being counted"
    assert told not in plain(asking.get(f"/{project.slug}/quality/").text)
    old = {"id": "old", "feature": "chat", "occurred_at": at.isoformat()}
    assert post("interactions", [old]).status_code == 200
    for page in ("", "quality/", "strip/"):
        found = re.search(
            r"history from (\d+ \w+)[^·]* is being counted", plain(asking.get(f"/{project.slug}/{page}").text)
        )
        assert found, page
        assert found.group(1).startswith(f"{at.day} {at:%b}")
    assert "Not sent yet" not in tile(asking.get(f"/{project.slug}/quality/").text, "flag_rate")
    sites.roll(project)
    page = asking.get(f"/{project.slug}/quality/").text
    assert told not in plain(page)
    assert "Not sent yet" in tile(page, "flag_rate")


def cards(*marks):
    names = ("Health", "Quality", "Cost", "Engagement")
    return [Card(name, Tile("", ""), state, word=word) for name, (state, word) in zip(names, marks, strict=True)]


OK, BAD, EMPTY = (State.OK, ""), (State.CRITICAL, ""), (State.NO_DATA, "")
WAITS, YOUNG, FEW = judged.NOT_YET, (State.LEARNING, "Learning · 18 of 20"), judged.TOO_FEW
NOTHING, UNWATCHED = judged.NOTHING_TO_JUDGE, judged.NOT_WATCHED


@pytest.mark.parametrize(
    ("marks", "state", "lead", "reason"),
    [
        ((OK, OK, OK, OK), State.OK, "All is well.", ""),
        ((OK, EMPTY, OK, WAITS), State.OK, "Health and Cost are OK.", "Engagement is not judged yet. Quality is without data."),
        ((WAITS, EMPTY, WAITS, WAITS), State.LEARNING, "Not judged yet.", "Health, Cost and Engagement are not judged yet. Quality is without data."),
        ((BAD, OK, OK, WAITS), State.CRITICAL, "Not all is well.", "Health is critical. Engagement is not judged yet. Quality and Cost are OK."),
        ((FEW, OK, FEW, NOTHING), State.OK, "Quality is OK.", "Health and Cost have too few events to judge. Engagement has nothing that a rule could judge."),
        ((YOUNG, WAITS, OK, UNWATCHED), State.OK, "Cost is OK.", "Health and Quality are not judged yet. Engagement is watched by no rule."),
    ],
)  # fmt: skip
def test_a_head_without_an_alarm_calls_well_what_was_judged(marks, state, lead, reason):
    verdict = unalarmed(cards(*marks))
    assert (verdict.state, verdict.lead, verdict.reason) == (state, lead, reason)


NOW = datetime(2026, 3, 2, tzinfo=UTC)


def rule_state(state, since=NOW, metric="error_rate"):
    return RuleState(rule=AlertRule(metric=metric), state=state, since=since)


@pytest.mark.parametrize(
    ("states", "mark"),
    [
        ([], UNWATCHED),
        ([rule_state("paused")], UNWATCHED),
        ([rule_state("learning", metric="mau")], UNWATCHED),
        ([rule_state("learning", since=None)], WAITS),
        ([rule_state("no_data"), rule_state("learning", since=None)], WAITS),
        ([rule_state("learning"), rule_state("learning", since=None), rule_state("no_data")], FEW),
        ([rule_state("no_data"), rule_state("unknown"), rule_state("paused", since=None)], NOTHING),
    ],
)
def test_rules_without_a_verdict_say_why(states, mark):
    assert judged.silence(states, ("error_rate", "timeout_rate")) == mark


def test_feedback_that_waits_says_until_when(asking, begun, project):
    matures = begun + 24 * HOUR
    page = asking.get(f"/{project.slug}/").text
    for told in (card(page, "quality"), tile(asking.get(f"/{project.slug}/quality/").text, "thumbs_up_rate")):
        assert "No data" not in told
        found = re.search(
            r"feedback matures for 24 h: what waits is judged from (\d+ \w+(?: \d{4})? \d\d:\d\d) on", told
        )
        assert found, told
        said = found.group(1).split(" ")
        assert f"{said[0]} {said[1]}" in {f"{at.day} {at:%b}" for at in (matures, matures + HOUR)}


def test_too_few_calls_say_how_many_of_how_many(asking, begun, project):
    told = card(asking.get(f"/{project.slug}/").text, "health")
    assert "Learning · 18 of 20" in told
    assert "n = 18 of 20" in told
    assert re.search(r"Error rate, \S+ \w — 18 of 20", told), told


@pytest.mark.parametrize(("page", "name", "kind"), [("quality", "rejection_rate", "acceptance"), ("quality", "task_completion_rate", "outcome"), ("quality", "flag_rate", "flag"), ("engagement", "task_completion_rate", "outcome")])  # fmt: skip
def test_a_tile_without_data_says_what_to_send_and_where_to_read_of_it(asking, begun, project, page, name, kind):
    html = asking.get(f"/{project.slug}/{page}/").text
    assert f"Not sent yet — Send feedback of kind {kind}" in tile(html, name)
    assert "not instrumented yet" not in plain(html)
    assert 'href="/api/docs/#post_feedback"' in html.split(f'id="tile-{name}"')[1].split("</dl>")[0]


def test_a_card_without_data_leads_to_how_to_send_it(asking, begun, project):
    html = asking.get(f"/{project.slug}/").text.split('id="card-cost"')[1].split("</article>")[0]
    assert "Send tokens or cost_usd" in plain(html)
    assert 'href="/api/docs/#post_interactions"' in html
