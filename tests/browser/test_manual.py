"""The manual of the HTTP API in a real browser: under the strict policy, and with the reader's key in it alone."""

import pytest

KEY = "obs_live_aB3dE6gH_" + "x" * 32 + "_abc123"
KEPT = "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state, location.href])"


@pytest.mark.parametrize("width", [1440, 390])
def test_the_manual_is_quiet_fits_and_is_labelled(member, sign_in, width):
    watched = sign_in(member, viewport={"width": width, "height": 900})
    page = watched.see("/api/docs/")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("() => document.querySelectorAll('h1').length") == 1
    ids = page.eval_on_selector_all("[id]", "all => all.map((one) => one.id)")
    assert len(ids) == len(set(ids))
    missing = page.eval_on_selector_all(
        "main a[href^='#']", "all => all.map((one) => one.hash.slice(1)).filter((id) => !document.getElementById(id))"
    )
    assert missing == []
    assert watched.problems == []


def test_the_readers_key_stands_in_the_examples_and_nowhere_else(member, sign_in):
    watched = sign_in(member)
    page = watched.see("/api/docs/")
    sample = page.locator("#curl-post_interactions")
    assert "Bearer $OBSERVATORY_KEY" in sample.text_content()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.fill("#own-key", KEY)
    assert f"Bearer {KEY}" in sample.text_content()
    assert KEY not in page.evaluate(KEPT)
    page.fill("#own-key", '"; rm -rf / #')
    assert "Bearer $OBSERVATORY_KEY" in sample.text_content()
    assert page.get_attribute("#own-key", "aria-invalid") == "true"
    page.fill("#own-key", KEY)
    page.goto("/")
    page.go_back()
    assert page.input_value("#own-key") == ""
    assert KEY not in page.content()
    assert [url for url in asked if KEY in url] == []
    assert watched.problems == []
