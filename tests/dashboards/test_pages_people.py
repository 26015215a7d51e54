"""Who may see and who may change: members see, viewers change nothing, strangers learn nothing."""

import httpx2
import pytest

from tests.dashboards import site as sites

WRITES = (
    "incidents/{incident}/acknowledge/", "incidents/{incident}/resolve/", "settings/", "settings/keys/", "settings/features/",
    "settings/data/", "settings/receivers/", "settings/rules/", "settings/keys/1/revoke/", "settings/rules/1/switch/",
    "settings/receivers/recipient/1/test/", "settings/receivers/webhook/1/switch/",
)  # fmt: skip


def addresses(site):
    return [*sites.PAGES, f"drift/{site.finding}/", f"incidents/{site.incident}/", "interactions/one/?id=i-40-3"]


def test_every_page_opens_for_its_owner(site):
    with sites.client(site.web, site.owner) as asking:
        for page in addresses(site):
            answer = asking.get(site.url + page)
            assert answer.status_code == 200, page
            assert "could not be computed" not in answer.text, page
            assert "<title>" in answer.text
            assert f"· {site.project.name}</title>" in answer.text, page


def test_a_viewer_sees_everything_and_no_button_that_writes(site):
    with sites.client(site.web, sites.person(site.project, "viewer")) as asking:
        for page in addresses(site):
            answer = asking.get(site.url + page)
            assert answer.status_code == 200, page
            forms = answer.text.count('method="post"') - answer.text.count('method="post" action="/sign-out/"')
            assert forms == 0, page


def test_a_viewer_cannot_write_by_any_door(site):
    with sites.client(site.web, sites.person(site.project, "viewer")) as asking:
        token = sites.token_in(asking.get(site.url).text)
        for path in WRITES:
            answer = asking.post(
                site.url + path.format(incident=site.incident), data={"csrfmiddlewaretoken": token, "name": "x"}
            )
            assert answer.status_code == 403, path


def test_a_stranger_learns_nothing(site, project):
    with sites.client(site.web, sites.person(project)) as asking:
        for page in addresses(site):
            assert asking.get(site.url + page).status_code == 404, page


def test_nobody_is_sent_to_the_sign_in_and_back(site):
    answer = httpx2.get(f"{site.web}{site.url}quality/?feature=write-draft")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/sign-in/?next=")


@pytest.mark.parametrize("path", ["settings/keys/", "settings/rules/"])
def test_a_post_without_its_token_is_refused(site, path):
    with sites.client(site.web, site.owner) as asking:
        assert asking.post(site.url + path, data={"label": "x", "scopes": "ingest"}).status_code == 403


def test_pages_are_under_the_strict_policy(site):
    with sites.client(site.web, site.owner) as asking:
        policy = asking.get(site.url).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
