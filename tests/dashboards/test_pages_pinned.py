"""Quality shows its metrics against the newest frozen baseline of the chosen feature."""

import inspect
import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from dashboards.pages import quality
from dashboards.view import View
from ingest import timeline
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window, day_start
from observatory.metrics.baselines import against, pinning, store
from tests.dashboards import site as sites
from tests.dashboards.told import plain, tile

FEATURE = "write-draft"


@pytest.fixture
def pinned(site: sites.Site) -> Iterator[sites.Site]:
    """The fortnight before the shift, pinned for the feature."""
    now = timeline.now()
    today = day_start(now.date(), "UTC")
    window = Window(today - 40 * DAY, today - 26 * DAY)
    with project_scope(site.project.id):
        pinning.pin("the strong one", window, feature=FEATURE, note="before <b>anybody</b> knew", by="maya", now=now)
    yield site
    with project_scope(site.project.id):
        for one in store.every():
            store.delete(one.name, one.feature)


def cells(html: str) -> dict[str, list[str]]:
    (table,) = re.findall(r'id="table-pinned".*?</section>', html, re.DOTALL)
    rows = [
        re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)
    ]
    plain = [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in rows]
    return {row[0]: row[1:] for row in plain}


def test_fallen_thumbs_stand_against_the_pinned_baseline(pinned: sites.Site) -> None:
    with sites.client(pinned.web, pinned.owner) as asking:
        html = asking.get(f"{pinned.url}quality/?feature={FEATURE}").text
        elsewhere = asking.get(f"{pinned.url}quality/").text
    rows = cells(html)
    _, _, moved, interval, n, verdict = rows["Thumbs up"]
    assert verdict == "Worse"
    assert moved.startswith("−")
    assert interval.count("pp") == 2
    assert n.startswith("420 /")
    assert rows["Error rate"][-1] in {"Unchanged", "Cannot tell"}
    assert "before &lt;b&gt;anybody&lt;/b&gt; knew" in html
    assert "Against baseline" not in elsewhere  # all features together have none


def test_a_table_that_fails_leaves_the_page_standing(pinned: sites.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no baseline today")

    monkeypatch.setattr(against.Pinned, "against", fail)
    request = RequestFactory().get(f"{pinned.url}quality/", {"feature": FEATURE})
    request.user = pinned.owner
    with project_scope(pinned.project.pk):
        told = inspect.unwrap(quality.quality)(View(request, pinned.project, "owner", timeline.now())).content.decode()
    failed = re.findall(r'id="panel-(\w+)"(?:(?!</section>).)*This panel could not be computed', told, re.DOTALL)
    assert failed == ["pinned"]
    assert "%" in tile(told, "thumbs_up_rate")


def test_a_note_is_told_apart_from_what_is_said_of_the_numbers(pinned: sites.Site) -> None:
    now = timeline.now()
    today = day_start(now.date(), "UTC")
    with project_scope(pinned.project.id):
        pinning.pin("young", Window(today - 12 * DAY, today - 3 * DAY), feature=FEATURE, note="n", by="maya", now=now)
    with sites.client(pinned.web, pinned.owner) as asking:
        html = asking.get(f"{pinned.url}quality/", params={"feature": FEATURE, "compare": "baseline:young"}).text
    table = html.split('id="table-pinned"')[1].split("</section>")[0]
    assert "Pinned with the note “n”. The window overlaps the baseline:" in plain(table)


def test_without_a_pinned_baseline_there_is_no_table(site: sites.Site) -> None:
    with sites.client(site.web, site.owner) as asking:
        answer = asking.get(f"{site.url}quality/?feature={FEATURE}")
    assert answer.status_code == 200
    assert "table-pinned" not in answer.text


def test_a_pinned_baseline_can_be_chosen_and_is_called_by_its_name(pinned: sites.Site) -> None:
    name = "the strong one"
    with sites.client(pinned.web, pinned.owner) as asking:
        html = asking.get(f"{pinned.url}quality/", params={"feature": FEATURE, "compare": f"baseline:{name}"}).text
        elsewhere = asking.get(f"{pinned.url}quality/", params={"compare": f"baseline:{name}"}).text
        engagement = asking.get(f"{pinned.url}engagement/", params={"feature": FEATURE, "compare": f"baseline:{name}"})
        health = asking.get(f"{pinned.url}health/", params={"feature": FEATURE, "compare": f"baseline:{name}"}).text
    assert f'value="baseline:{name}" selected>Against baseline: {name}<' in html
    thumbs = html.split('id="tile-thumbs_up_rate"')[1].split("</dl>")[0]
    assert f"below baseline “{name}”" in thumbs
    assert "period before" not in thumbs
    assert "\\u201cthe strong one\\u201d" in html.split('id="fig-thumbs_up_rate"')[1].split("</script>")[0]
    assert f"Against baseline: {name}" in html.split('id="table-pinned"')[1]
    assert f"There is no frozen baseline “{name}” of all features" in elsewhere
    assert "not frozen with a baseline" in engagement.text.split('id="tile-wau"')[1].split("</dl>")[0]
    assert "strong one" not in tile(health, "calls"), "a sum has no fellow of another length"
    assert "strong one" in tile(health, "error_rate")


@pytest.mark.parametrize(("page", "ranges"), [("quality", 2), ("health", 1)])
def test_a_page_reads_a_chosen_baseline_once_and_users_once_for_each_range(
    pinned: sites.Site, page: str, ranges: int
) -> None:
    from dashboards.pages.health import health
    from dashboards.pages.quality import quality

    view = {"quality": quality, "health": health}[page]
    request = RequestFactory().get("/", {"feature": FEATURE, "compare": "baseline:the strong one"})
    request.user = pinned.owner
    with CaptureQueriesContext(connection) as asked:
        html = view(request, pinned.project.slug).content.decode()
    assert "baseline “the strong one”" in html
    assert sum("FROM user_day" in query["sql"] for query in asked) == ranges
    assert sum("contents FROM baseline" in query["sql"] for query in asked) == 1
