"""What a phone cuts off, and what a label or a button may not cover."""

import pytest

from tests.dashboards import site as sites

PHONE = {"viewport": {"width": 390, "height": 844}}
CUT = """(selector) => [...document.querySelectorAll(selector)].filter((one) => {
  const own = one.getBoundingClientRect(), box = one.closest('.scroll')?.getBoundingClientRect();
  return own.width && (own.right > innerWidth || (box && own.right > box.right + 1) || one.scrollWidth > one.clientWidth + 1);
}).map((one) => one.textContent.trim())"""
UNSAID = """() => [...document.querySelectorAll('.scroll')]
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => getComputedStyle(one).backgroundAttachment)
  .filter((said) => said !== 'local, local, scroll, scroll')"""
CROPPED = """(selector) => [...document.querySelectorAll(selector)]
  .filter((one) => one.scrollHeight > one.clientHeight + 1).map((one) => one.textContent.trim())"""
TOPS = "all => all.map((one) => Math.round(one.getBoundingClientRect().top))"


@pytest.fixture(scope="module")
def site(web):
    return sites.shared(web)


def test_on_a_phone_no_button_of_a_receiver_is_cut(project, sign_in):
    from alerts import receivers
    from ingest import timeline
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        receivers.add_recipient("a.rather.long.address.of.somebody@example.com", timeline.now())
    page = sign_in(sites.person(project), **PHONE).see(f"/{project.slug}/settings/receivers/")
    assert page.locator(".stacked button").count() >= 2
    assert page.evaluate(CUT, "button, .status") == []


def test_on_a_phone_a_cut_table_says_so(site, sign_in):
    watched = sign_in(site.owner, **PHONE)
    for path in ("settings/keys/", "drift/"):
        assert watched.see(site.url + path).evaluate(CUT, ".stacked :is(button, .status, .gauge)") == [], path
    for path in ("interactions/?range=90d", "quality/", "status/"):
        page = watched.see(site.url + path)
        assert page.evaluate(UNSAID) == [], path
    page = watched.see(f"{site.url}interactions/?range=90d")
    assert page.evaluate("document.querySelector('.scroll').scrollWidth") > 390, "nothing was cut: nothing was tried"


@pytest.mark.parametrize("width", [390, 1440])
def test_commands_that_send_what_is_missing_are_cut_nowhere(site, sign_in, width):
    watched = sign_in(site.owner, viewport={"width": width, "height": 844})
    for path in ("", "quality/"):
        page = watched.see(site.url + path)
        page.locator("details.ask").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        assert page.locator(".sample").count() >= 2, path
        assert page.evaluate(CUT, ".sample") == [], path
        assert page.evaluate(CROPPED, ".placeholder, .sample") == [], path


def test_a_copy_button_stands_above_its_code(site, sign_in):
    watched = sign_in(site.owner, **PHONE)
    page = watched.see("/api/docs/")
    button = page.locator(".copyable > button").first.bounding_box()
    code = page.locator(".copyable > pre").first.bounding_box()
    assert button["height"] > 0
    assert button["y"] + button["height"] <= code["y"]


def test_an_error_lifts_no_label_of_its_row(site, sign_in):
    page = sign_in(site.owner).see(f"{site.url}settings/rules/")
    form = page.locator("li", has_text="Error rate").locator("form[data-kind=line]").first
    page.locator("li", has_text="Error rate").locator("summary").first.click()
    form.locator("input[name$=warning]").fill("0.09")
    form.locator("input[name$=critical]").fill("0.05")
    form.locator("button").click()
    page.wait_for_selector(".error")
    row = page.locator("form[data-kind=line]:has(.error)")
    assert len(set(row.locator("label").evaluate_all(TOPS))) == 1
    assert len({*row.locator("input:not([type=hidden]), button").evaluate_all(TOPS)}) == 1


def test_a_table_of_cohorts_scrolls_in_its_own_box_and_a_part_that_does_not_come_says_so(site, sign_in):
    watched = sign_in(site.owner, viewport={"width": 320, "height": 844})
    page = watched.see(f"{site.url}engagement/?cohorts=week")
    box, name = page.locator("#panel-stays .scroll"), page.locator("#panel-stays tbody th").first
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert box.evaluate("one => one.scrollWidth - one.clientWidth") > 40, "nothing was cut: nothing was tried"
    before = name.bounding_box()["x"]
    box.evaluate("one => one.scrollBy(40, 0)")
    assert abs(name.bounding_box()["x"] - before) <= 2, "the first column stays"
    assert watched.problems == []
    page.route("**/*part=stays*", lambda route: route.fulfill(status=200, body="<!doctype html><h1>Sign in</h1>"))
    page.route("**/*part=people*", lambda route: route.abort())
    watched.see(f"{site.url}engagement/")
    for id in ("panel-stays", "panel-people"):
        assert "Load the page again" in page.locator(f"#{id}").inner_text()
    assert page.locator("h1").count() == 1


def test_the_head_of_every_page_wraps_alike_on_a_phone(site, sign_in):
    watched = sign_in(site.owner, **PHONE)
    tops = {
        path: watched.see(site.url + path).locator(".topbar > *").evaluate_all(TOPS)
        for path in ("health/", "status/", "settings/")
    }
    assert tops["status/"] == tops["health/"]
    assert tops["settings/"] == tops["health/"]
