"""Searching texts and listing what stands out, on the Interactions page."""

import html as htmllib
import os
import re
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import pytest

from tests.dashboards import site as sites


def read(project):
    from ingest import timeline
    from ingest.digest import reader

    reader.read(timeline.now(), only=[project.id], everything=True)
    sites.roll(project)


def ids_in(text):
    return re.findall(r'/interactions/one/\?id=([\w-]+)"', text)


def link(text, rel):
    found = re.search(rf'rel="{rel}" href="([^"]+)"', text)
    return htmllib.unescape(found.group(1)) if found else ""


@dataclass(frozen=True)
class Talks:
    """A project with interactions that were read, and a member who looks at it."""

    page: str
    asking: httpx2.Client
    ids: list[str]

    def ask(self, path="", **query):
        answer = self.asking.get(self.page + path, params=query)
        assert answer.status_code == 200
        return answer.text


def items(now):
    yield from (
        {
            "id": f"i-{number:03}", "feature": "chat" if number % 2 else "draft", "model": "m", "user_id": "needle-user",
            "occurred_at": (now - timedelta(hours=number)).isoformat(), "output": f"The needle number {number}.",
        }
        for number in range(120)
    )  # fmt: skip
    yield {"id": "empty", "feature": "chat", "output": ""}
    yield {"id": "refusal", "feature": "chat", "output": "I'm sorry, but I can't tell you <b>that</b>."}
    words = {"prompt": "How are you today, my friend?", "output": "Fine, thank you very much indeed!"}
    yield {"id": "guess", "feature": "chat", "model": "gpt-4o", **words}


@pytest.fixture(scope="module")
def talks(web):
    from ingest import records, timeline
    from ingest.projects.models import Project
    from tests.ingest.record import take

    now = timeline.now()
    sent = list(items(now))
    project = Project.objects.create(slug=f"talks-{os.getpid()}", name="Talks", created_at=now - timedelta(days=90))
    take(project, records.INTERACTIONS, [{"occurred_at": now.isoformat(), **item} for item in sent])
    read(project)
    with sites.client(web, sites.person(project)) as client:
        yield Talks(f"/{project.slug}/interactions/", client, [item["id"] for item in sent[:120]])


def test_words_lead_to_texts_and_pages_go_both_ways(talks):
    address, seen, texts = f"{talks.page}?q=needle+number", [], []
    while address:
        text = talks.asking.get(address).text
        texts.append(text)
        seen.append(ids_in(text))
        address = link(text, "next")
    assert [id for page in seen for id in page] == talks.ids
    assert [len(page) for page in seen] == [50, 50, 20]
    assert "Only those whose texts hold needle number." in texts[0]
    assert 'value="needle number"' in texts[0]
    back = link(texts[-1], "prev")
    assert ids_in(talks.asking.get(back).text) == seen[1]


def test_filters_hold_beside_words(talks):
    text = talks.ask(q="needle", feature="chat", range="24h")
    assert ids_in(text) == [id for id in talks.ids[:24] if int(id[2:]) % 2]
    assert ids_in(talks.ask(q='"needle number 7"', status="ok", thumb="none")) == ["i-007"]
    assert ids_in(talks.ask(q="needle", thumb="up")) == []


def test_a_name_goes_before_words(talks):
    text = talks.ask(q="needle-user")
    assert "Only those whose user, session or trace is “needle-user”." in text
    assert len(ids_in(text)) == 50


@pytest.mark.parametrize(
    ("q", "said"),
    [
        ("haystack", "Only those whose texts hold haystack."),
        ("!!!", "there is no word in it"),
        ("<script>alert(1)</script>", "Only those whose texts hold &lt;script&gt;alert(1)&lt;/script&gt;."),
        ("' or 1=1 --", "Only those whose texts hold &#x27; or 1=1 --."),
    ],
)
def test_what_finds_nothing_says_how_it_was_understood(talks, q, said):
    text = talks.ask(q=q)
    assert said in text
    assert "Nothing in this window" in text


def test_a_search_for_what_is_no_text_at_all_shows_the_list(talks):
    assert len(ids_in(talks.ask(q="\0"))) == 50


def test_marked_interactions_are_listed_and_say_why(talks):
    text = talks.ask(mark="any")
    assert set(ids_in(text)) == {"empty", "refusal"}
    assert "Answered, empty output" in text
    assert ids_in(talks.ask(mark="refusal")) == ["refusal"]
    assert ids_in(talks.ask(mark="refusal", q="sorry")) == ["refusal"]
    assert "It stands out: refusal." in talks.ask("one/", id="refusal")


def test_what_was_estimated_or_detected_is_shown_as_such(talks):
    text = talks.ask(q='"my friend"')
    assert ids_in(text) == ["guess"]
    assert "≈\xa0$" in text
    text = talks.ask("one/", id="guess")
    assert re.search(r"exactly as stored, ≈\xa0\d+ tokens in, ≈\xa0\d+ out", text)
    assert "are estimated from the texts" in text
    assert "<dt>Language</dt><dd>en (detected)</dd>" in text


def test_where_texts_are_not_stored_the_search_says_so(web, make_project):
    from ingest import timeline
    from tests import factories

    project = make_project(text_policy="hashed")
    factories.interactions(project, [{"at": timeline.now(), "feature": "chat"}])
    sites.roll(project)
    with sites.client(web, sites.person(project)) as asking:
        text = asking.get(f"/{project.slug}/interactions/", params={"q": "needle"}).text
    assert "Texts are not stored by policy" in text


def test_what_waits_to_be_read_is_told_by_the_search_and_by_the_status_page(web, post, project):
    post("interactions", {"feature": "chat", "output": "needle"})
    read(project)
    with sites.client(web, sites.person(project)) as asking:
        assert "all read" in asking.get(f"/{project.slug}/status/").text
        post("interactions", [{"id": "new", "feature": "chat", "output": "needle"}, {"feature": "chat"}])
        text = asking.get(f"/{project.slug}/interactions/", params={"q": "needle"}).text
        assert "are not all read yet" in text
        assert "new" not in ids_in(text)
        assert "the oldest came in" in asking.get(f"/{project.slug}/status/").text


def test_how_far_what_an_upgrade_found_is_read_is_told_as_well(web, post, project):
    from django.db import connection

    from ingest import timeline

    now = timeline.now()
    post("interactions", {"feature": "chat", "output": "needle", "occurred_at": (now - timedelta(days=9)).isoformat()})
    read(project)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO unread_past (project_id, until) VALUES (%s, %s)", [project.id, now])
    with sites.client(web, sites.person(project)) as asking:
        assert "read up to 9\u00a0d ago" in asking.get(f"/{project.slug}/status/").text
        found = asking.get(f"/{project.slug}/interactions/", params={"q": "needle"}).text
        assert re.search("came in within the last 9\\D+ are not all read yet", found)
        read(project)
        assert "read up to" not in asking.get(f"/{project.slug}/status/").text
