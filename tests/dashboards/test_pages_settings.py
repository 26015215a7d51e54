"""What people change on the pages, through the forms that they see."""

import re
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.dashboards import site as sites


@pytest.fixture
def asking(web, project):
    with sites.client(web, sites.person(project)) as client:
        yield client


@pytest.fixture
def rules_of(project):
    from alerts import presets
    from alerts.models import AlertRule
    from ingest import timeline
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        presets.install(project.id, timeline.now())

    def read():
        with project_scope(project.id):
            return {rule.preset: rule for rule in AlertRule.objects.all()}

    return read


def test_a_key_is_shown_once_works_and_ends(asking, web, project):
    page = f"/{project.slug}/settings/keys/"
    made = sites.submit(asking, page, {"label": "laptop", "scopes": ["ingest"]})
    text = re.search(r'id="new-key">([^<]+)<', made.text).group(1)
    assert made.headers["cache-control"] == "no-store"
    assert text not in asking.get(page).text

    def send():
        headers = {"Authorization": f"Bearer {text}"}
        return httpx2.post(f"{web}/api/v1/interactions", json={"feature": "f"}, headers=headers).status_code

    assert send() == 200
    address = re.search(r'action="([^"]+/revoke/)"', asking.get(page).text).group(1)
    assert sites.submit(asking, page, {}, to=address).status_code == 302
    assert "Revoked" in asking.get(page).text


def test_the_page_says_where_keys_for_erasing_are_made(asking, project):
    page = asking.get(f"/{project.slug}/settings/keys/").text
    assert f"manage.py create_key {project.slug} --scopes admin" in page


def test_a_key_without_a_scope_is_refused_beside_its_field(asking, project):
    answer = sites.submit(asking, f"/{project.slug}/settings/keys/", {"label": "x"})
    assert answer.status_code == 400
    assert "This field is required" in answer.text


def test_rules_are_listed_compactly_with_their_words(asking, project, rules_of):
    rules = rules_of()
    html = asking.get(f"/{project.slug}/settings/rules/").text
    assert "warning 2.0\xa0%, critical 5.0\xa0%, at least 50 events" in html
    assert f'id="rule-{rules["error-rate"].pk}"' in html
    paused = html.split('<details class="panel"')[1]
    assert "not instrumented" in paused
    assert f'name="rule" value="{rules["soft-limit"].pk}"' not in html, "a rule without a metric has no form"


def test_limits_that_stay_as_shown_are_kept_to_the_last_digit(asking, project, rules_of):
    from alerts.models import AlertRule
    from ingest.projects.scope import project_scope

    rule = rules_of()["error-rate"]
    with project_scope(project.id):
        AlertRule.objects.filter(pk=rule.pk).update(warning=0.0123456)
    name = f"rule-{rule.pk}"
    sent = {"rule": rule.pk, f"{name}-warning": "0.0123", f"{name}-critical": "0.07", f"{name}-minimum_sample": "60"}
    answer = sites.submit(asking, f"/{project.slug}/settings/rules/", sent)
    assert answer.status_code == 302
    assert answer.headers["location"].endswith(f"#{name}")
    changed = rules_of()["error-rate"]
    assert (changed.warning, changed.critical, changed.minimum_sample) == (0.0123456, 0.07, 60)


@pytest.mark.parametrize(
    ("warning", "critical", "sample"),
    [("0.1", "0.05", "50"), ("", "", "50"), ("nan", "0.5", "50"), ("x", "0.5", "50"), ("0.1", "0.5", "-1"), ("1e999", "", "1")],
)  # fmt: skip
def test_limits_that_cannot_be_change_nothing(asking, project, rules_of, warning, critical, sample):
    rule = rules_of()["error-rate"]
    name = f"rule-{rule.pk}"
    sent = {"rule": rule.pk, f"{name}-warning": warning, f"{name}-critical": critical, f"{name}-minimum_sample": sample}
    answer = sites.submit(asking, f"/{project.slug}/settings/rules/", sent)
    assert answer.status_code == 400
    assert (rules_of()["error-rate"].warning, rules_of()["error-rate"].minimum_sample) == (0.02, 50)


@pytest.mark.parametrize("number", ["", "x", "0", "9" * 5000, "٣", "1\x00"])
def test_a_rule_that_is_none_is_a_404(asking, project, rules_of, number):
    assert sites.submit(asking, f"/{project.slug}/settings/rules/", {"rule": number}).status_code == 404


def test_a_rule_is_paused_and_watched_again(asking, project, rules_of):
    page = f"/{project.slug}/settings/rules/"
    rule = rules_of()["error-rate"]
    for is_paused in (True, False):
        assert sites.submit(asking, page, {}, to=f"{page}{rule.pk}/switch/").status_code == 302
        assert rules_of()["error-rate"].is_paused is is_paused


def test_receivers_are_added_tried_and_switched_off(asking, project):
    page = f"/{project.slug}/settings/receivers/"
    added = sites.submit(
        asking, page, {"kind": "recipient", "recipient-email": "a@example.com", "recipient-minimum_severity": "warning"}
    )
    assert added.status_code == 302, added.text
    html = asking.get(page).text
    for action, shown in (("test", "test, pending"), ("switch", "Switch on")):
        address = re.search(rf'action="([^"]+/recipient/\d+/{action}/)"', html).group(1)
        assert sites.submit(asking, page, {}, to=address).status_code == 302
        assert shown in asking.get(page).text
    wrong = sites.submit(asking, page, {"kind": "recipient", "recipient-email": "a@", "recipient-minimum_severity": "warning"})  # fmt: skip
    assert wrong.status_code == 400


def test_project_and_features_are_described(asking, project, post):
    from ingest.projects.models import Feature
    from ingest.projects.scope import project_scope

    assert post("interactions", {"feature": "chat", "prompt": "Hi"}).status_code == 200
    page = f"/{project.slug}/settings/"
    said = {"name": "Support", "description": "Ours", "time_zone": "UTC"}
    assert sites.submit(asking, page, said).status_code == 302
    assert sites.submit(asking, page, {**said, "name": " "}).status_code == 400
    assert "· Support</title>" in asking.get(page).text
    with project_scope(project.id):
        number = Feature.objects.get(name="chat").number
    sent = {
        f"{number}-type": "inline",
        f"{number}-stakes": "high",
        f"{number}-owner": "Maya",
        f"{number}-maturity_hours": "2",
    }
    assert sites.submit(asking, f"{page}features/", {"feature": number, **sent}).status_code == 302
    with project_scope(project.id):
        feature = Feature.objects.get(name="chat")
    assert (feature.type, feature.stakes, feature.owner, feature.maturity_hours) == ("inline", "high", "Maya", 2)
    sent[f"{number}-maturity_hours"] = "-1"
    assert sites.submit(asking, f"{page}features/", {"feature": number, **sent}).status_code == 400


def days_of(web, key):
    read = {"headers": {"Authorization": f"Bearer {key}"}, "params": {"window": "7d", "grain": "1d"}, "timeout": 30}
    series = httpx2.get(f"{web}/api/v1/metrics/calls", **read).json()["series"]
    return {point["from"]: point["value"] for point in series if point["value"]}


def test_an_owner_changes_the_time_zone_and_the_days_with_it(asking, web, project, key, post):
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    at = yesterday + timedelta(hours=20)
    assert post("interactions", {"feature": "chat", "occurred_at": at.isoformat()}).status_code == 200
    sites.roll(project)
    assert days_of(web, key) == {f"{yesterday:%Y-%m-%d}T00:00:00Z": 1}
    page = f"/{project.slug}/settings/"
    shown = asking.get(page).text
    assert '<option value="UTC" selected>' in shown
    assert "charts by day are counted again" in shown
    kept = {"name": "Support", "description": ""}
    assert sites.submit(asking, page, {**kept, "time_zone": "Asia/Kathmandu"}).status_code == 302
    assert "days are local days of Asia/Kathmandu" in asking.get(page).text
    sites.roll(project)
    assert days_of(web, key) == {f"{yesterday:%Y-%m-%d}T18:15:00Z": 1}
    for wrong in ("Mars/Olympus", "", "../UTC"):
        assert sites.submit(asking, page, {**kept, "time_zone": wrong}).status_code == 400
    project.refresh_from_db()
    assert project.time_zone == "Asia/Kathmandu"


def test_an_editor_does_not_move_the_days(web, project):
    with sites.client(web, sites.person(project, "editor")) as asking:
        page = f"/{project.slug}/settings/"
        assert 'name="time_zone"' not in asking.get(page).text
        sent = {"name": "Ours", "description": "", "time_zone": "Asia/Kathmandu"}
        assert sites.submit(asking, page, sent).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.time_zone) == ("Ours", "UTC")


def test_an_incident_is_acknowledged_and_resolved_by_a_person(web):
    own = sites.build(web)
    page = f"{own.url}incidents/{own.incident}/"
    with sites.client(web, own.owner) as asking:
        assert sites.submit(asking, page, {}, to=f"{page}acknowledge/").status_code == 302
        html = asking.get(page).text
        assert f"acknowledged by {own.owner.username}" in html
        assert "acknowledge/" not in html
        assert sites.submit(asking, page, {}, to=f"{page}resolve/").status_code == 302
        html = asking.get(page).text
        assert f"Resolved by {own.owner.username}" in html
        assert "No incident is open" in asking.get(f"{own.url}incidents/").text
