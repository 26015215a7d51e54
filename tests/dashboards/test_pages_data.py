"""What a project decides about its data: the page that sets it, and what pages say where a text was not stored."""

import html
import os
import re

import httpx2
import pytest

from ingest.projects.origins import read_origins
from tests.dashboards import site as sites

MAIL = "jane.doe@example.com"
KEEPING = {"part": "keeping", "text_days": "180", "raw_days": "400", "rollup_days": ""}


@pytest.fixture
def asking(web, project):
    with sites.client(web, sites.person(project)) as client:
        yield client


@pytest.fixture
def page(project):
    return f"/{project.slug}/settings/data/"


@pytest.fixture(scope="module")
def refusing(web):
    """A signed-in member's way to send what must be refused, to the one project that none of it changes."""
    from ingest import timeline
    from ingest.projects.models import Project

    project = Project.objects.create(slug=f"steady-{os.getpid()}", name="Steady", created_at=timeline.now())
    with sites.client(web, sites.person(project)) as client:

        def refused(sent, status=400):
            answer = sites.submit(client, f"/{project.slug}/settings/data/", sent)
            assert answer.status_code == status
            project.refresh_from_db()
            kept = (project.text_policy, project.text_days, project.raw_days, project.rollup_days)
            assert kept == ("full", 180, 400, None)
            assert (project.cors_origins, project.events_per_second, project.bytes_per_second) == ("", None, None)
            return answer

        yield refused


def words(answer):
    """What a person reads."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_a_text_policy_is_chosen_and_holds_for_what_comes_next(asking, page, project, post):
    assert post("interactions", {"id": "before", "feature": "chat", "prompt": MAIL}).status_code == 200
    assert sites.submit(asking, page, {"part": "texts", "text_policy": "hashed"}).status_code == 302
    project.refresh_from_db()
    assert project.text_policy == "hashed"
    assert re.search(r'value="hashed"[^>]*checked', asking.get(page).text)
    shown = words(asking.get(f"/{project.slug}/interactions/one/?id=before"))
    assert MAIL in shown, "what is stored stays"


def test_each_part_is_saved_alone(asking, page, project):
    assert sites.submit(asking, page, {"part": "texts", "text_policy": "masked", "raw_days": "7"}).status_code == 302
    sent = {
        "part": "sending",
        "cors_origins": "https://App.Example.com/ \n http://localhost:5173",
        "events_per_second": "50",
    }
    assert sites.submit(asking, page, sent).status_code == 302
    assert (
        sites.submit(asking, page, {**KEEPING, "text_days": "30", "rollup_days": "800", "is_agreed": "on"}).status_code
        == 302
    )
    project.refresh_from_db()
    assert (project.text_policy, project.text_days, project.raw_days, project.rollup_days) == ("masked", 30, 400, 800)
    assert (project.cors_origins, project.events_per_second, project.bytes_per_second) == (
        "https://app.example.com http://localhost:5173", 50, None,
    )  # fmt: skip
    assert "https://app.example.com\nhttp://localhost:5173</textarea>" in asking.get(page).text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"text_days": "500"}, "cannot be kept longer than its interaction: at most 400 days"),
        ({"text_days": "0"}, "greater than or equal to 1"),
        ({"raw_days": "3"}, "greater than or equal to 7"),
        ({"raw_days": "4000"}, "less than or equal to 3650"),
        ({"raw_days": "x"}, "Enter a whole number"),
        ({"rollup_days": "100"}, "at least 400 days, or empty for ever"),
        ({"text_days": "90"}, "beginning at once: tick “Delete what is older than a shorter time”"),
        ({"rollup_days": "900"}, "Something would be deleted, beginning at once: tick"),
        ({"text_days": "90", "raw_days": "300"}, "Something would be deleted, beginning at once: tick"),
    ],
)
def test_days_that_cannot_be_or_were_not_meant_change_nothing(refusing, sent, said):
    assert said in words(refusing({**KEEPING, **sent}))


def test_the_confirmation_says_that_nobody_has_a_day_to_change_their_mind(asking, page):
    assert "it begins within seconds of Save and cannot be undone" in words(asking.get(page))


@pytest.mark.parametrize("sent", [{"cors_origins": "*"}, {"cors_origins": "https://a.example/path"}, {"events_per_second": "0"}, {"bytes_per_second": "x"}])  # fmt: skip
def test_what_cannot_be_said_about_sending_changes_nothing(refusing, sent):
    refusing({"part": "sending", **sent})


@pytest.mark.parametrize("part", ["", "nothing", "texts\x00"])
def test_a_part_that_is_none_is_a_404(refusing, part):
    refusing({"part": part}, 404)


def test_an_unknown_policy_is_refused(refusing):
    refusing({"part": "texts", "text_policy": "none"})


def test_a_viewer_reads_what_was_decided(web, project, page):
    project.text_policy, project.cors_origins = "masked", "https://app.example.com"
    project.save()
    with sites.client(web, sites.person(project, "viewer")) as asking:
        shown = asking.get(page)
        assert "Masked: e-mail addresses" in words(shown)
        assert "Feedback from https://app.example.com" in words(shown)
        assert 'name="part"' not in shown.text


ASKED = {
    "id": "i-1",
    "feature": "chat",
    "model": "gpt-4o",
    "prompt": f"Write to {MAIL}.",
    "output": "Dear Jane, all is well.",
    "session_id": "s",
}
SAID = {
    "interaction_id": "i-1",
    "kind": "correction",
    "final_text": "Dear Jane, all is well now.",
    "comment": f"{MAIL} asked",
}


def test_pages_say_that_a_text_was_not_stored_and_show_what_was(make_project, make_key, web, post):
    project = make_project(text_policy="hashed")
    key = make_key(project)
    for path, item in (("interactions", ASKED), ("feedback", SAID)):
        assert post(path, item, key=key).status_code == 200
    with sites.client(web, sites.person(project)) as asking:
        shown = asking.get(f"/{project.slug}/interactions/one/?id=i-1")
    read = words(shown)
    assert read.count("Text not stored by policy. It had") == 2
    assert "exactly as stored" not in read
    assert f"It had {len(ASKED['prompt'])} characters" in read
    assert "Correction, 33.3" in read
    assert "(text not stored by policy)" in read
    assert MAIL not in shown.text
    assert "hmac" not in shown.text, "a hash is never shown as if it were the text"


def test_the_api_gives_no_text_but_its_hash(make_project, make_key, web, post):
    project = make_project(text_policy="hashed")
    key = make_key(project)
    for number in (1, 2):
        assert post("interactions", {**ASKED, "id": f"i-{number}"}, key=key).status_code == 200
    headers = {"Authorization": f"Bearer {key}"}
    items = httpx2.get(f"{web}/api/v1/interactions", headers=headers).json()["items"]
    assert [(item["prompt"], item["output"]) for item in items] == [(None, None)] * 2
    assert items[0]["text_hash"] == items[1]["text_hash"]
    assert {name: len(value) for name, value in items[0]["text_hash"].items()} == {"prompt": 32, "output": 32}
    assert "text_hashed" in items[0]["flags"]


def test_masked_words_stand_in_the_text_and_the_page_says_why(make_project, make_key, web, post):
    project = make_project(text_policy="masked")
    assert post("interactions", ASKED, key=make_key(project)).status_code == 200
    with sites.client(web, sites.person(project)) as asking:
        read = words(asking.get(f"/{project.slug}/interactions/one/?id=i-1"))
    assert "Write to [email]." in read
    assert "Personal data was masked before this was stored" in read


def test_where_no_text_is_stored_only_what_stands_beside_is_called_masked(make_project, make_key, web, post):
    project = make_project(text_policy="hashed")
    assert post("interactions", {**ASKED, "metadata": {MAIL: "asked"}}, key=make_key(project)).status_code == 200
    with sites.client(web, sites.person(project)) as asking:
        read = words(asking.get(f"/{project.slug}/interactions/one/?id=i-1"))
    assert MAIL not in read
    assert "Personal data was masked in what is stored beside the texts, as in the metadata" in read
    assert "masked before this was stored" not in read


def test_examples_beside_a_finding_say_it_too():
    from dashboards.examples import _short
    from ingest.dimensions import Flag
    from ingest.models import Interaction

    assert _short(None, Interaction(flags=Flag.TEXT_HASHED)) == "text not stored by policy"
    assert _short(None, Interaction(flags=0)) == "no text was stored"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", []),
        ("https://App.Example.com/, https://app.example.com", ["https://app.example.com"]),
        (
            "https://a.test:443 http://a.test:80 https://a.test:8443",
            ["https://a.test", "http://a.test", "https://a.test:8443"],
        ),
        ("https://münchen.example", ["https://xn--mnchen-3ya.example"]),
        ("http://[::1]:3000", ["http://[::1]:3000"]),
    ],
)
def test_origins_are_written_as_browsers_write_them(text, read):
    assert read_origins(text) == read


@pytest.mark.parametrize("text", ["*", "null", "app.example.com", "https://", "ftp://a.test", "https://a.test/x", "https://u@a.test", "https://a.test:x", "https://a.test?x", "https://a b", "https://-", " ".join(f"https://h{n}.test" for n in range(51))])  # fmt: skip
def test_what_is_no_origin_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"origin"):
        read_origins(text)
