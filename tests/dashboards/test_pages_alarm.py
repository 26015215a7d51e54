"""Pages under an open incident: its state until it ends, the interactions behind it, its hours, its place in the chart."""

import html as htmllib
import json
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from ingest import timeline
from ingest.timeline import DAY, QUARTER, floor
from tests.dashboards import site as sites
from tests.dashboards.told import plain

CALLS = 120
HOUR_AND_MINUTE = re.compile(r"\b\d\d:\d\d\b")


@dataclass
class Alarm:
    """A site on which every third of 120 calls timed out, in the ten minutes from `begin` on; then nothing came."""

    site: sites.Site
    begin: datetime
    now: datetime
    rule: int


@pytest.fixture(scope="module")
def alarm(web):
    from alerts import evaluation, rules
    from alerts.limits import Measure, Terms
    from alerts.models import Incident, RuleState
    from alerts.severity import Certainty, Side
    from ingest.projects.models import Project
    from ingest.projects.scope import project_scope

    now = timeline.now()
    begin = floor(now, QUARTER) - timedelta(minutes=60)
    project = Project.objects.create(slug=f"alarm-{os.getpid()}", name="Alarm", created_at=now - 2 * DAY)
    site = sites.Site(web, project, sites.person(project), sites.make_key(project), 0, 0)
    failed = {"status": "error", "error_class": "timeout"}
    site.post(
        "interactions",
        [
            {"id": f"i-{n}", "feature": "f", "occurred_at": (begin + n * timedelta(seconds=5)).isoformat(), **({} if n % 3 else failed)}
            for n in range(CALLS)
        ],
    )  # fmt: skip
    sites.roll(project)
    with project_scope(project.id):
        rule = rules.create(
            name="Timeout rate", metric="timeout_rate", feature="f", now=now, windows=rules.Windows(15, 5), active_from=begin,
            terms=Terms(Side.ABOVE, 0.01, 0.03, 50, Measure.VALUE, Certainty.INTERVAL),
        )  # fmt: skip
    now = timeline.now()
    while evaluation.evaluate(now, only=[project.id], budget_s=5).left:
        pass
    with project_scope(project.id):
        incident = Incident.objects.get()
        assert (incident.severity, incident.resolved_at) == ("critical", None)
        assert RuleState.objects.get(rule=rule).state in {"no_data", "unknown"}
        site.incident = incident.pk
    return Alarm(site, begin, now, rule.pk)


@pytest.fixture
def asking(alarm):
    with sites.client(alarm.site.web, alarm.site.owner) as client:
        yield client


def part(page: str, id: str) -> str:
    return page.split(f'id="{id}"')[1].split("</section>", maxsplit=1)[0]


def test_an_open_incident_is_its_dashboards_state_whatever_its_rule_saw_since(alarm, asking):
    page = asking.get(alarm.site.url).text
    card = page.split('id="card-health"')[1].split("</article>")[0]
    assert 'data-state="critical"' in card.split("</header>")[0]
    assert "Health" not in plain(part(page, "verdict"))
    health = asking.get(f"{alarm.site.url}health/").text
    assert 'data-state="critical"' in health.split('id="table-features"')[1].split("</table>")[0]
    rules = asking.get(f"{alarm.site.url}settings/rules/").text
    assert 'data-state="critical"' in rules.split(f'id="rule-{alarm.rule}"')[1].split("</li>")[0]


def test_an_incident_leads_to_the_failed_calls_of_its_window(alarm, asking):
    page = asking.get(f"{alarm.site.url}incidents/{alarm.site.incident}/").text
    found = re.search(r'href="([^"]*interactions/\?[^"]+)">The interactions behind this number', page)
    assert found, "no link"
    shown = asking.get(htmllib.unescape(found.group(1))).text
    assert "Failed: timeout" in shown
    assert "Answered</span>" not in shown.split("<tbody")[1]


def test_an_incident_says_its_limit_and_not_its_rules_name_again(alarm, asking):
    verdict = plain(part(asking.get(f"{alarm.site.url}incidents/{alarm.site.incident}/").text, "verdict"))
    assert verdict.count("Timeout rate") == 1
    assert "critical limit is 3.0 %, over 15 min" in verdict


def test_what_happened_to_an_incident_has_its_hour(alarm, asking):
    events = part(asking.get(f"{alarm.site.url}incidents/{alarm.site.incident}/").text, "events")
    shown = re.findall(r"<time[^>]*>([^<]*)</time>", events)
    assert shown
    assert all(HOUR_AND_MINUTE.search(one) for one in shown), shown


def incident_blocks(page: str, name: str) -> list[dict[str, str]]:
    figure = json.loads(page.split(f'id="fig-{name}"')[1].split(">", 1)[1].split("</script>", maxsplit=1)[0])
    return [one for one in figure["layout"]["shapes"] if one.get("fillcolor") == "@mark"]


def test_an_open_incident_covers_its_bad_window_and_ends_now(alarm, asking):
    blocks = incident_blocks(asking.get(f"{alarm.site.url}incidents/{alarm.site.incident}/").text, "metric")
    assert len(blocks) == 1
    assert blocks[0]["x0"] <= f"{alarm.begin:%Y-%m-%d %H:%M}"
    assert f"{alarm.now:%Y-%m-%d %H:%M}" <= blocks[0]["x1"]
    assert datetime.fromisoformat(f"{blocks[0]['x1']}+00:00") <= timeline.now()


def test_an_open_incident_ends_now_on_its_dashboard_too(site):
    with sites.client(site.web, site.owner) as asking:
        blocks = incident_blocks(asking.get(f"{site.url}quality/?range=28d").text, "thumbs_up_rate")
    assert blocks
    assert all(datetime.fromisoformat(f"{one['x1']}+00:00") <= timeline.now() for one in blocks)
