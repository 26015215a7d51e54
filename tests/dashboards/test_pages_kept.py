"""The Status page says how far everything reaches; an interaction whose texts are gone says why."""

import re
from datetime import timedelta

import pytest

from dashboards import kept
from dashboards.pages.status import WORK
from ingest import duties, records, timeline
from ingest.dimensions import Facts
from ingest.duties import Duty
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention import accounts, horizons
from observatory.metrics import store
from observatory.metrics.sheets import Family
from observatory.metrics.windows import Level
from tests.dashboards import site as sites
from tests.ingest.record import take
from tests.ingest.retained import post_past, retain, roll

DAY = timedelta(days=1)
NOW = timeline.now()


@pytest.fixture
def asking(web, project):
    with sites.client(web, sites.person(project)) as client:
        yield client


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def row(text: str, name: str) -> str:
    """The table's row that begins with a name, up to the next row."""
    names = (
        "Interactions, feedback, costs",
        "Oldest interaction",
        "Texts",
        "Charts",
        "Late events",
        "Room for",
        "Last run",
    )
    found = text[text.index(f" {name} ", text.index("How long things are kept")) :]
    ends = [at for other in names if other != name and (at := found.find(f" {other} ")) > 0]
    return found[: min(ends, default=300)]


def test_the_status_page_says_how_far_things_reach(asking, project):
    post_past(project, NOW, (50, 20, 2))
    late = {"feature": "draft", "occurred_at": "1970-01-01T00:00:00Z"}
    take(project, records.INTERACTIONS, [late, late, late], NOW)
    project.raw_days, project.text_days = 30, 10
    project.save(update_fields=["raw_days", "text_days"])
    before = words_of(asking.get(f"/{project.slug}/status/").text)
    assert "not yet" in row(before, "Last run")
    assert "3 in the last 30 days" in row(before, "Late events")
    roll(project, NOW)
    retain(project, NOW - horizons.ANNOUNCED_FOR)
    after = words_of(asking.get(f"/{project.slug}/status/").text)
    assert "30 days" in row(after, "Interactions, feedback, costs")
    assert "10 days" in row(after, "Texts")
    assert "for ever" in row(after, "Charts")
    assert "made for at least 7 days ahead" in row(after, "Room for")
    assert "went through" in row(after, "Last run")
    assert "OK" in row(after, "Last run")


def test_every_duty_has_its_line_and_one_that_stopped_is_critical(asking, project):
    assert list(WORK) == list(Duty)
    for duty in Duty:
        duties.beat(duty, timeline.now() - timedelta(hours=5), {})
    page = words_of(asking.get(f"/{project.slug}/status/").text)
    for duty, work in WORK.items():
        assert f"{duty.name.lower()} Critical {work}" in page


def test_a_first_horizon_that_cannot_move_is_no_longer_ok(asking, project):
    post_past(project, NOW, (50, 2))
    project.raw_days = project.text_days = 30
    project.save(update_fields=["raw_days", "text_days"])

    def said(announced: timedelta) -> str:
        (standing,) = accounts.standings([project.pk])
        accounts.announce(project.pk, standing.raw_wanted(NOW), NOW - announced)
        return row(words_of(asking.get(f"/{project.slug}/status/").text), "Interactions, feedback, costs")

    assert "OK" in said(horizons.ANNOUNCED_FOR)
    stuck = said(kept.MOVES_WITHIN + timedelta(minutes=1))
    assert "Warning" in stuck
    assert "waits for rollups to be counted" in stuck
    Project.objects.filter(pk=project.pk).update(raw_days=400)
    assert "OK" in row(words_of(asking.get(f"/{project.slug}/status/").text), "Interactions, feedback, costs")
    Project.objects.filter(pk=project.pk).update(raw_days=30)
    roll(project, NOW)
    retain(project, NOW)
    moved = said(kept.MOVES_WITHIN + timedelta(minutes=1))
    assert "OK" in moved
    assert "waits" not in moved


def test_an_interaction_whose_texts_are_gone_says_so(asking, project):
    post_past(project, NOW, (20, 2))
    project.text_days = 10
    project.save(update_fields=["text_days"])
    roll(project, NOW)
    address = f"/{project.slug}/interactions/one/?id="
    assert "prompt of i-20-0" in asking.get(f"{address}i-20-0").text
    retain(project, NOW - horizons.ANNOUNCED_FOR)
    gone = words_of(asking.get(f"{address}i-20-0").text)
    assert "Texts are kept for 10 days: the time of this one's is over" in gone.replace("&#x27;", "'")
    assert "prompt of" not in gone
    assert "prompt of i-2-0" in asking.get(f"{address}i-2-0").text


def test_past_days_that_are_not_merged_yet_are_counted(asking, project):
    def told() -> str | None:
        found = re.search(r"past days to merge: (\d+)", words_of(asking.get(f"/{project.slug}/status/").text))
        return found and found[1]

    assert told() is None
    with project_scope(project.id):
        store.set_unmerged(Level.DAY, Facts.FEEDBACK, [NOW - 40 * DAY, NOW])
        store.set_unmerged(Level.DAY, Facts.FEEDBACK, [NOW - 40 * DAY, NOW - 50 * DAY], Family.WIDE)
        store.set_unmerged(Level.HOUR, Facts.FEEDBACK, [NOW - 60 * DAY], Family.WIDE)
    assert told() == "2"
