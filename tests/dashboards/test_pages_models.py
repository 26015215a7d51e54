"""Pages that are filtered by a model: what can be is, and what cannot be says that it is of all models."""

import re
from typing import Any

import pytest

from ingest import timeline
from ingest.projects.models import Project
from ingest.timeline import DAY
from tests.dashboards import site as sites
from tests.dashboards.told import plain, rows, tile

NOW = timeline.now()
CALLS = 110


def calls(model: str, ago: int, tokens: int, usd: str) -> list[dict[str, Any]]:
    """Calls of a model so many days ago; the first was answered from the app's cache."""
    at = (NOW - ago * DAY).isoformat()
    return [
        {"feature": "chat", "model": model, "user_id": f"u-{n % 7}", "occurred_at": at, "input_tokens": tokens,
         "id": f"{model}-{ago}-{n}", "cost_usd": "0" if n == 0 else usd, "cache": "none" if n else "exact"}
        for n in range(CALLS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def known(web: str) -> sites.Site:
    """Two models: the prompts of one have doubled, the other is ten times as dear."""
    project = Project.objects.create(slug="models", name="Models", created_at=NOW - 90 * DAY)
    found = sites.Site(web, project, sites.person(project), sites.make_key(project), 0, 0)
    for model, usd, tokens in (("small", "0.01", (100, 200)), ("large", "0.1", (300, 300))):
        for ago, count in zip((45, 10), tokens, strict=True):
            found.post("interactions", calls(model, ago, count, usd))
    sites.roll(project)
    return found


def shown(known: sites.Site, page: str, **query: str) -> str:
    with sites.client(known.web, known.owner) as asking:
        answer = asking.get(f"{known.url}{page}/", params={"range": "28d", **query})
    assert answer.status_code == 200
    assert "could not be computed" not in answer.text
    return answer.text


@pytest.mark.parametrize(
    ("model", "saved", "grown"), [("", "$0.11", "+25 %"), ("small", "$0.01", "+100 %"), ("large", "$0.10", "0 %")]
)
def test_savings_and_growth_are_those_of_the_model(known: sites.Site, model: str, saved: str, grown: str) -> None:
    page = shown(known, "cost", model=model)
    assert saved in tile(page, "cache_savings")
    assert rows(page, "cache_savings")[0][2].startswith(saved)
    assert grown in tile(page, "input_tokens_growth")
    for name in ("cache_savings", "input_tokens_growth", "cost_per_call"):
        assert "all models" not in tile(page, name)


def test_what_is_kept_by_feature_only_says_so(known: sites.Site) -> None:
    filtered, whole = shown(known, "engagement", model="small"), shown(known, "engagement")
    for name in ("dau", "wau", "mau"):
        assert "all models" in tile(filtered, name)
    assert "all models" in panel(filtered, "dau")
    assert "all models" in note_of(filtered, "features")
    assert "all models" not in panel(filtered, "calls")
    assert "all models" not in tile(filtered, "task_completion_rate")
    assert "all models" not in plain(whole.split("<main")[1])


def panel(page: str, name: str) -> str:
    return plain(page.split(f'id="panel-{name}"')[1].split("</header>", maxsplit=1)[0])


def note_of(page: str, name: str) -> str:
    return plain(re.split(r"<table", page.split(f'id="table-{name}"')[1])[0])
