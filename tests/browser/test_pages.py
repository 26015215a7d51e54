"""The pages in a real browser: quiet console, no sideways scrolling, labelled, alive."""

import pytest
from playwright.sync_api import expect

from tests.dashboards import site as sites

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
# A page comes in the first colours and is then given the next, in which its charts are drawn anew.
VIEWS = {"desk": (DESK, ("dark", "light"), sites.BOARDS), "phone": (PHONE, ("light",), sites.PAGES)}
UNLABELLED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href], svg[role=img], [role=img]')]
  .filter((one) => !(one.labels?.length || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim() || one.closest('noscript')))
  .map((one) => one.outerHTML.slice(0, 200))"""
HEADINGS = "() => [...document.querySelectorAll('h1')].length"


@pytest.fixture(scope="module")
def site(web):
    return sites.shared(web)


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_is_quiet_fits_and_is_labelled(site, sign_in, view):
    viewport, schemes, paths = VIEWS[view]
    watched = sign_in(site.owner, path=site.url, viewport=viewport, color_scheme=schemes[0])
    details = [f"drift/{site.finding}/", f"incidents/{site.incident}/", "interactions/one/?id=i-40-3"]
    for path in [*paths, *details]:
        watched.page.emulate_media(color_scheme=schemes[0])
        page = watched.see(site.url + path)
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
            assert page.evaluate(UNLABELLED) == [], path
            assert page.evaluate(HEADINGS) == 1, path
            ids = page.eval_on_selector_all("[id]", "all => all.map((one) => one.id)")
            assert len(ids) == len(set(ids)), path
    assert watched.problems == []


def test_the_focus_is_always_seen(site, sign_in):
    page = sign_in(site.owner).see(f"{site.url}quality/")
    for _ in range(25):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]; }"
        )
        assert outline[0] != "none"
        assert outline[1] >= 2


def test_printing_leaves_the_controls_away(site, sign_in):
    page = sign_in(site.owner).see(f"{site.url}quality/")
    page.emulate_media(media="print")
    expect(page.locator("nav.dashboards")).to_be_hidden()
    expect(page.locator("form.filters")).to_be_hidden()
    expect(page.locator("#tile-thumbs_up_rate")).to_be_visible()


def test_the_filters_are_the_address_and_back_works(site, sign_in):
    page = sign_in(site.owner).see(f"{site.url}quality/")
    with page.expect_navigation():
        page.select_option("#filter-feature", "write-draft")
    assert page.url.endswith("/quality/?feature=write-draft&range=28d")
    page.click("h1")
    with page.expect_navigation():
        page.keyboard.press("]")
    assert "range=60d" in page.url
    page.go_back()
    expect(page.locator("#filter-range")).to_have_value("28d")


def test_the_first_interaction_flips_the_waiting_page_by_itself(web, project, member, post, sign_in):
    watched = sign_in(member)
    page = watched.see(f"/{project.slug}/")
    expect(page.locator("#first")).to_contain_text("Nothing has been received yet")
    assert (
        post("interactions", {"feature": "chat", "prompt": "Hi", "output": "Hello", "latency_ms": 310}).status_code
        == 200
    )
    sites.roll(project)
    expect(page.locator("#card-health")).to_be_visible(timeout=10_000)
    expect(page.locator("#first")).to_have_count(0)
    assert watched.problems == []


def test_new_feedback_moves_the_number_without_a_reload(site, sign_in):
    page = sign_in(site.owner).see(f"{site.url}interactions/?range=24h")
    page.evaluate("window.stayed = true")
    site.post("interactions", [{"id": "fresh one", "feature": "write-draft", "user_id": "fresh-user", "prompt": "?"}])
    sites.roll(site.project)
    expect(page.locator("#table-interactions")).to_contain_text("fresh-user", timeout=10_000)
    assert page.evaluate("window.stayed") is True


def test_nothing_moves_while_nothing_changed(site, sign_in):
    page = sign_in(site.owner).see(f"{site.url}quality/")
    with page.expect_response(lambda answer: answer.url.endswith("/strip/"), timeout=9_000) as asked:
        pass
    assert asked.value.status == 304
