"""Engagement: users against the product's, who stays, who recommends, tickets; and what has not been sent."""

import html as htmllib
import re
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from dashboards import asks, formatting
from ingest import timeline
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR
from observatory.metrics import series
from tests.dashboards import site as sites

SCRIPT = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def asking(site):
    """Signed in once: a password takes its time."""
    with sites.client(site.web, site.owner) as client:
        yield client


def words(html: str) -> str:
    """What a person reads of it."""
    return " ".join(htmllib.unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ").split())


def part(asking, url: str, name: str, query: str = "") -> str:
    answer = asking.get(f"{url}engagement/?part={name}{query}", headers=SCRIPT)
    assert answer.status_code == 200
    assert answer.text.startswith("<section")
    assert f'id="panel-{name}"' in answer.text
    return answer.text


def tile(html: str, name: str) -> str:
    return words(html.split(f'id="tile-{name}"')[1].split("</dl>", maxsplit=1)[0])


def rows(html: str, id: str) -> dict[str, list[str]]:
    table = html.split(f'id="{id}"')[1].split("</table>", maxsplit=1)[0]
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table.split("<tr")[1:]]
    return {words(row[0]): [words(cell) for cell in row[1:]] for row in found}


def test_what_takes_long_comes_after_the_page_and_alone(site, asking):
    page = asking.get(f"{site.url}engagement/").text
    for name in ("people", "adoption_rate", "beside", "stays"):
        address = re.search(rf'hx-get="([^"]*part={name}[^"]*)"', page).group(1).replace("&amp;", "&")
        assert asking.get(address, headers=SCRIPT).text.startswith("<section"), name
    assert "Still there" not in page
    assert asking.get(f"{site.url}engagement/?part=nope", headers=SCRIPT).status_code == 404


def test_without_a_script_the_link_of_a_part_leads_to_the_page_with_it(site, asking):
    page = asking.get(f"{site.url}engagement/?feature=write-draft").text
    links = re.findall(r'<noscript><p><a href="([^"]*part=stays[^"]*)"', page)
    whole = asking.get(links[0].replace("&amp;", "&")).text
    assert "</html>" in whole
    assert "Still there after 30 days" in whole
    assert "feature=write-draft" in links[0]


def test_cohorts_are_those_of_the_read_api_with_what_is_ahead_empty(site, asking):
    html = part(asking, site.url, "stays", "&cohorts=week")
    csv = asking.get(f"{site.url}engagement/?csv=stays&cohorts=week").text.splitlines()
    with project_scope(site.project.id):
        found = series.cohorts(period="week", count=12, now=timeline.now())
    cohorts = [cohort for cohort in found.cohorts if cohort.n]
    first = cohorts[0]
    name, cells = next((name, cells) for name, cells in rows(html, "panel-stays").items() if cells[0] == str(first.n))
    assert name.startswith(str(first.first.day))
    assert cells[1] == f"{100 * first.active[0] / first.n:.0f} %"
    assert cells[-1].endswith(", so far")
    assert f'title="{first.active[1]} of {first.n} users"' in html
    assert csv[1].startswith(f"{first.first},{first.last},{first.n},{first.active[0]},")


def test_cohorts_that_only_activations_tell_of_are_by_month_and_named_where_they_are_not_shown(web, post, project):
    now = timeline.now()
    calls = [{"feature": "chat", "user_id": f"u-{n}", "occurred_at": (now - 2 * DAY).isoformat()} for n in range(3)]
    ages = [100, 100, *[390] * 4]
    came = [{"user_id": f"u-{n}", "event": "activated", "occurred_at": (now - age * DAY).isoformat()} for n, age in enumerate(ages)]  # fmt: skip
    assert post("users", came).status_code == 200
    assert post("interactions", calls).status_code == 200
    sites.roll(project)
    url = f"/{project.slug}/"
    with sites.client(web, sites.person(project)) as client:
        usual, weeks = part(client, url, "stays"), part(client, url, "stays", "&cohorts=week")
    assert 'aria-current="true">by month<' in usual
    assert re.search(r"Older cohorts, before \w{3} \d{4}: 4 users, not in this table\.", words(usual))
    assert re.search(r"Older cohorts, before \d+ \w{3}: 6 users, by month\.", words(weeks))


def test_retention_too_young_says_from_when_on(site, asking):
    told = words(part(asking, site.url, "stays"))
    # Calls go 42 days back: nobody came 60 days before.
    assert re.search(r"Still there after 60 days No data — too young: from \d+ \w{3} on", told)
    assert "control group not sent yet: user events seen with is_control" in told


def test_numbers_of_users_say_of_when_they_are_while_users_wait(site, asking):
    now = timeline.now()
    quarter = timeline.floor(now, timeline.QUARTER) - HOUR
    with project_scope(site.project.id):
        made_at = series.coverage(now).complete_to - 12 * timeline.MINUTE
    mark = "INSERT INTO dirty_user (project_id, quarter, cluster, marked_at) VALUES (%s, %s, 'u-1', %s)"
    before = asking.get(f"{site.url}engagement/").text
    with project_scope(site.project.id), connection.cursor() as cursor:
        cursor.execute(mark, [site.project.id, quarter, made_at])
    try:
        page = asking.get(f"{site.url}engagement/").text
    finally:
        with project_scope(site.project.id), connection.cursor() as cursor:
            cursor.execute("DELETE FROM dirty_user WHERE project_id = %s AND quarter = %s", [site.project.id, quarter])
    moment = words(formatting.moment(made_at, ZoneInfo(site.project.time_zone), now))
    assert "users to" not in words(before)
    assert "as of" not in words(before)
    assert f"users to {moment}" in words(page)
    for name in ("dau", "wau", "mau"):
        assert f"as of {moment}" in tile(page, name), name
    assert "as of" not in tile(page, "ticket_rate")


def test_what_nobody_sent_is_named_with_where_to_read_of_it_and_never_zero(site, asking):
    page, people = asking.get(f"{site.url}engagement/").text, part(asking, site.url, "people")
    assert tile(people, "adoption_rate").endswith("Not sent yet — Send the figure active_users. How to send it")
    assert 'href="/api/docs/#post_figures"' in people
    assert "Send feedback of kind survey" in tile(people, "satisfaction")
    assert "Send user events activated, opted_out" in tile(people, "opt_out_rate")
    assert "Not sent yet — Send feedback of kind ticket" in tile(page, "ticket_rate")
    for id in ("table-nps", "table-tickets"):
        panel = words(page.split(f'id="{id}"')[1].split("</section>")[0])
        assert "Not sent yet: feedback of kind" in panel, id
        assert panel.endswith("How to send it")


def test_everything_to_send_has_a_place_in_the_manual_and_an_example_that_is_taken(post, asking):
    manual = asking.get("/api/docs/").text
    wanted = {*asks.ASKS.values(), *(one for one in vars(asks).values() if isinstance(one, asks.Ask))}
    assert len(wanted) > 15
    for ask in wanted:
        assert f'id="{ask.link.url.split("#")[1]}"' in manual
        answer = post(ask.path, content=ask.body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200, (ask, answer.text)


@pytest.fixture
def full(web, post, project):
    """A project whose business sends everything: 30 users of the product's 120, a control group, answers, tickets."""
    now = timeline.now() - HOUR
    calls = [
        {"id": f"c-{user}-{call}", "feature": "chat", "user_id": f"u-{user}", "occurred_at": (now - (2 + 3 * call) * DAY).isoformat()}
        for user in range(30) for call in range(4)
    ]  # fmt: skip
    said = [{"kind": "nps", "user_id": f"u-{user}", "value": 10 if user % 3 else 3, "occurred_at": (now - DAY).isoformat()} for user in range(30)]  # fmt: skip
    said += [{"kind": "nps", "user_id": f"w-{user}", "value": 5, "occurred_at": (now - DAY).isoformat()} for user in range(25)]  # fmt: skip
    said += [{"kind": "ticket", "category": name, "feature": "chat", "occurred_at": (now - DAY).isoformat()} for name in ("accuracy", "accuracy", "<b>odd</b>")]  # fmt: skip
    seen = [{"user_id": f"w-{user}", "event": "seen", "is_control": True, "occurred_at": (now - 9 * DAY).isoformat()} for user in range(25)]  # fmt: skip
    month = f"{timeline.now():%Y-%m}"
    for path, items in (
        ("users", seen),
        ("interactions", calls),
        ("feedback", said),
        ("figures", [{"month": month, "name": "active_users", "value": 120}]),
    ):
        assert post(path, items).status_code == 200
    sites.roll(project)
    with sites.client(web, sites.person(project)) as asking:
        yield asking, f"/{project.slug}/"


def test_what_was_sent_is_drawn_with_its_samples_and_intervals(full):
    asking, url = full
    page, people = asking.get(f"{url}engagement/").text, part(asking, url, "people")
    adoption = tile(people, "adoption_rate")
    assert "25.0 %" in adoption
    assert "30 of 120 users of the product" in adoption
    assert re.search(r"too young: from \d+ \w{3}( \d{4})? on", tile(people, "mau_share_change_8w"))
    scores = rows(page, "table-nps")
    assert scores["AI users"][0] == "+33"
    assert scores["AI users"][2] == "30"
    assert scores["Without AI"][:3] == ["−100", "−100 to −86", "25"]
    assert scores["Everybody"][2] == "55"
    assert "AI users recommend it more" in words(page.split('id="table-nps"')[1].split("</section>")[0])
    tickets = rows(page, "table-tickets")
    assert tickets["accuracy"][:2] == ["2", "16.67"]
    assert tickets["All"] == ["3", "25.00", "8.50–73.51"]
    assert "&lt;b&gt;odd&lt;/b&gt;" in page
    assert "25.0" in tile(page, "ticket_rate")


def test_ai_users_stand_beside_those_without(full, post):
    asking, url = full
    at = (timeline.now() - DAY).isoformat()
    said = [{"kind": "survey", "user_id": f"{who}-{n}", "score": score + n % 2, "scale": 5, "occurred_at": at} for who, score in (("u", 4), ("w", 1)) for n in range(6)]  # fmt: skip
    said += [{"kind": "ticket", "category": "billing", "user_id": user, "occurred_at": at} for user in ("u-1", "u-2", "u-3", "w-1")]  # fmt: skip
    assert post("feedback", said).status_code == 200
    html = part(asking, url, "beside")
    found = rows(html, "panel-beside")
    assert [found["Satisfaction"][place] for place in (0, 2, 3, 5)] == ["90.0 %", "6", "30.0 %", "6"]
    assert [found["Tickets for 1,000 people"][place] for place in (0, 2, 3, 5)] == ["100", "30", "40.0", "25"]
    assert found["Tickets: billing"] == found["Tickets for 1,000 people"]
    assert "How to send it" not in words(html)


def test_the_table_beside_those_without_says_what_is_missing(site, asking, web, post, project):
    assert "Not sent yet: feedback of kind survey" in words(part(asking, site.url, "beside"))
    at = (timeline.now() - DAY).isoformat()
    assert post("interactions", [{"feature": "chat", "user_id": "u", "occurred_at": at}]).status_code == 200
    assert post("feedback", [{"kind": "survey", "user_id": "u", "score": 4, "scale": 5}]).status_code == 200
    sites.roll(project)
    with sites.client(web, sites.person(project)) as other:
        told = words(part(other, f"/{project.slug}/", "beside"))
    assert "Satisfaction Learning · 1 of 5" in told.replace("◌ ", "")
    assert "Not sent yet: user events seen with is_control" in told
