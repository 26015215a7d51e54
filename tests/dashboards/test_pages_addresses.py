"""What a page's address may hold: anything. A note on the page, never a 500."""

import re

import pytest

from tests.dashboards import site as sites

HUGE = "9" * 400
HOSTILE = (
    "feature=nope", "feature=%00", "feature=write-draft%00", "feature=%F0%9F%92%A3", "feature=%ff%fe", f"feature={'x' * 3000}",
    "model=nope", "model=%00", "model=(none)", "feature=(none)", "range=nope", "range=%00", f"range={HUGE}", "range=-1d",
    "from=2026-02-30&to=2026-03-01", "from=2026-13-01", "to=0000-00-00", "from=9999-12-31&to=9999-12-31",
    "from=0001-01-01&to=0001-01-02", "from=2026-05-02&to=2026-05-01", "from=1970-01-01&to=2100-01-01", f"from={HUGE}",
    "from=2026-05-01T00:00:00&to=2026-05-02T00:00:00", "from=2026-05-01T25:00:00Z&to=2026-05-02T00:00:00Z",
    "from=%00&to=%00", "from=now&to=yesterday", "from=2026-05-01", "to=2026-05-01", "from[]=1&to[]=2",
    "from=2026-05-01T00:00:00%2B99:99&to=2026-05-02", "from=٢٠٢٦-٠٥-٠١&to=٢٠٢٦-٠٥-٠٢", "csv=", "csv=nope", "csv=%00",
    f"csv={HUGE}", "csv=../../etc/passwd", "after=nope", "after=%00", "after=~", f"after={HUGE}~x", "before=~%00",
    "after=2026-05-01T00:00:00Z~%00", "after=2026-05-01T00:00:00Z~'--", "before=2026-05-01T00:00:00+00:00~%22%3E",
    "after=0001-01-01T00:00:00Z~x", "q=%00", f"q={'y' * 5000}", "q=%27%20OR%201=1--", "q=%25", "status=nope&thumb=%00&cost=1",
    "compare=nope", "compare=baseline:%00", "part=%00&cohorts=%00", "part=stays&cohorts=nope", "part=people&day=nope",
    "status=error&thumb=none&cost=unpriced&q=u-1", "%00=%00", "&&&===", "a" * 2000,
)  # fmt: skip
NOTED = (
    ("feature=nope", "no feature “nope”"), ("model=nope", "no model “nope”"), ("range=nope", "no range “nope”"),
    ("compare=nope", "no comparison “nope”"), ("from=2026-02-30&to=2026-03-01", "cannot be read"), ("from=2026-05-02&to=2026-05-01", "has to lie before"),
)  # fmt: skip


@pytest.mark.parametrize("page", [*sites.BOARDS, "interactions/"])
def test_nothing_in_a_query_breaks_a_page(site, page):
    with sites.client(site.web, site.owner) as asking:
        for query in HOSTILE if page == "interactions/" else HOSTILE[sites.BOARDS.index(page) :: len(sites.BOARDS)]:
            answer = asking.get(f"{site.url}{page}?{query}")
            allowed = {200, 404} if query.startswith("csv=") else {200}
            assert answer.status_code in allowed, (page, query, answer.status_code)


@pytest.mark.parametrize("page", [*sites.BOARDS, "interactions/", "drift/", "incidents/", "status/", "settings/"])
def test_a_tab_of_the_browser_says_which_page_it_is(site, page):
    name = page.strip("/").capitalize() or "Overview"
    with sites.client(site.web, site.owner) as asking:
        title = re.search("<title>(.*?)</title>", asking.get(site.url + page, follow_redirects=True).text)
    assert re.sub(r"^\(\d+\) ", "", title[1]).startswith(f"{name} · ")


@pytest.mark.parametrize("page", ["health/", "quality/", "cost/", "engagement/", "interactions/"])
def test_what_cannot_be_followed_is_said(site, page):
    with sites.client(site.web, site.owner) as asking:
        for query, words in NOTED:
            assert words in asking.get(f"{site.url}{page}?{query}").text, query


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_page_that_only_shows_takes_nothing(site, method):
    shown = [
        *sites.BOARDS,
        "strip/",
        "drift/",
        "incidents/",
        "interactions/",
        "interactions/one/",
        "status/",
        "settings/mail/",
    ]
    with sites.client(site.web, site.owner) as asking:
        asking.headers["X-CSRFToken"] = asking.get(f"{site.url}settings/").cookies["csrftoken"]
        said = {path: asking.request(method, site.url + path).status_code for path in shown}
    assert set(said.values()) == {405}, said


def test_a_place_in_the_list_that_cannot_be_read_is_said(site):
    with sites.client(site.web, site.owner) as asking:
        assert "cannot be read; showing the newest" in asking.get(f"{site.url}interactions/?after=garbage").text


@pytest.mark.parametrize(
    "path",
    [
        f"drift/{HUGE[:30]}/", "drift/0/", f"incidents/{HUGE[:30]}/", "incidents/0/", "interactions/one/", "interactions/one/?id=nope",
        "interactions/one/?id=%00", f"interactions/one/?id={HUGE}", "interactions/one/?id=a/b'c%22d", "settings/mail/nope/",
        "settings/mail/..%2f..%2fsecret.key/", "settings/mail/%00/", "nope/",
    ],
)  # fmt: skip
def test_what_does_not_exist_is_a_404(site, path):
    with sites.client(site.web, site.owner) as asking:
        assert asking.get(site.url + path).status_code == 404


def test_an_id_may_hold_slashes_and_quotes(site):
    id = "a/b'c\"d?e#f&g h<i>%2F"
    site.post("interactions", [{"id": id, "feature": "write-draft", "prompt": "odd", "output": "id"}])
    with sites.client(site.web, site.owner) as asking:
        found = asking.get(f"{site.url}interactions/", params={"q": id})
        assert found.status_code == 302
        assert "a/b&#x27;c&quot;d?e#f&amp;g h&lt;i&gt;%2F" in asking.get(found.headers["location"]).text


def test_an_absolute_window_is_the_same_view_later(site):
    with sites.client(site.web, site.owner) as asking:
        html = asking.get(f"{site.url}quality/?from=2026-01-01&to=2026-01-07&feature=write-draft").text
    assert "Chosen dates" in html
    assert 'name="from" value="2026-01-01T00:00:00Z"' in html
    assert 'name="to" value="2026-01-08T00:00:00Z"' in html
    assert "Nothing in this window." in html
    assert "Go there" in html
