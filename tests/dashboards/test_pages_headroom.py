"""Health: minutes down, the busiest minute, first tokens, caches, and how near the limits of providers are."""

import re
from datetime import timedelta
from typing import Any

import pytest

from dashboards import headroom, samples
from ingest import timeline
from ingest.projects.scope import project_scope
from ingest.timeline import HOUR, MINUTE, floor
from observatory.metrics import provider_limits
from observatory.metrics.provider_limits import Limit
from tests.dashboards import site as sites
from tests.dashboards.told import plain, rows, tile

AT = floor(timeline.now(), HOUR) - HOUR


def call(number: int, minute: int, **fields: Any) -> dict[str, Any]:
    at = AT + minute * MINUTE + timedelta(seconds=number)
    return {"id": f"i-{minute}-{number}", "feature": "chat", "occurred_at": at.isoformat(), "provider": "openai", "model": "large",
            "latency_ms": 900, "input_tokens": 400, "output_tokens": 100, "cost_usd": "0.01", **fields}  # fmt: skip


def sent() -> list[dict[str, Any]]:
    """A minute of six good calls, one of six of which five fail, one of nine by another provider."""
    good = [call(n, 1, time_to_first_token_ms=120) for n in range(6)]
    down = [call(n, 2, status="error" if n else "ok", error_class="server" if n else None) for n in range(6)]
    other = [call(n, 3, provider="anthropic", model="small", input_tokens=50, output_tokens=50) for n in range(9)]
    return [*good, *down, *other]


@pytest.fixture
def page(web: str, project: Any, post: Any) -> Any:
    """The Health page of such a project, asked again at will."""
    items = [{name: value for name, value in item.items() if value is not None} for item in sent()]
    assert post("interactions", items).status_code == 200
    sites.roll(project)
    owner = sites.person(project)

    def get() -> str:
        with sites.client(web, owner) as asking:
            answer = asking.get(f"/{project.slug}/health/", params={"range": "24h"})
        assert answer.status_code == 200
        assert "could not be computed" not in answer.text
        return answer.text

    return get


def test_health_tells_minutes_down_peaks_and_waits_and_how_to_enter_limits(page: Any, project: Any) -> None:
    told = page()
    assert re.search(r"\b1\b uptime 66\.7 % of 3 minutes with traffic", tile(told, "uptime"))
    assert "9 calls most tokens in a minute: 3,000" in tile(told, "peak_requests_per_minute")
    assert "Not sent yet —" in tile(told, "cache_hit_rate")
    assert "120" not in tile(told, "ttft_p95"), "six are too few for a p95"
    assert "No limit entered —" in tile(told, "provider_limit_use")
    assert rows(told, "headroom") == [
        ["openai", "—", "6", "3,000"],
        ["anthropic", "—", "9", "900"],
        ["large", "—", "6", "3,000"],
        ["small", "—", "9", "900"],
    ]
    below = told.split('id="table-headroom"')[1].split("</section>")[0]
    assert f"manage.py provider_limit {project.slug} openai" in plain(below)


def test_failed_calls_are_told_class_by_class_and_lead_to_their_list(page: Any, post: Any, project: Any) -> None:
    refused = [call(n, 4, status="error", error_class="rate_limit") for n in range(2)]
    classless = {name: value for name, value in call(2, 4, status="error").items() if name != "error_class"}
    assert post("interactions", [*refused, classless]).status_code == 200
    sites.roll(project)
    told = page()
    found = {row[0]: row[1:] for row in rows(told, "errors")}
    assert {name: (share, count) for name, (share, _, count) in found.items()} == {
        "Failed in any way": ("33.3 %", "8"),
        "Timeout": ("0 %", "0"),
        "Rate limit": ("8.3 %", "2"),
        "Authentication": ("0 %", "0"),
        "Content filter": ("0 %", "0"),
        "Context length": ("0 %", "0"),
        "Server": ("20.8 %", "5"),
        "Network": ("0 %", "0"),
        "Other or not told": ("4.2 %", "1"),
    }
    assert found["Rate limit"][1] == "2.3–25.8"
    assert "n = 24" in plain(told.split('id="table-errors"')[1].split("</section>")[0])
    assert f"/{project.slug}/interactions/?" in told.split('id="table-errors"')[1].split("</a>")[0]


def test_how_long_retrieval_takes_is_drawn_once_it_is_sent(page: Any, post: Any, project: Any) -> None:
    before = page()
    assert 'id="panel-retrieval_latency_p95"' not in before
    assert "retrieval.latency_ms with interactions" in plain(before.split('id="not-sent"')[1].split("</section>")[0])
    slow = [call(n, 5, retrieval={"documents": [{"id": "d"}], "latency_ms": 40}) for n in range(25)]
    assert post("interactions", slow).status_code == 200
    sites.roll(project)
    after = page()
    assert "data-figure" in after.split('id="panel-retrieval_latency_p95"')[1].split("</section>")[0]
    assert 'id="not-sent"' not in after


def test_limits_stand_beside_their_busiest_minutes_the_most_used_first(page: Any, project: Any) -> None:
    with project_scope(project.pk):
        provider_limits.enter(Limit("openai", "", requests_per_minute=60, tokens_per_minute=4_000))
        provider_limits.enter(Limit("anthropic", "small", requests_per_minute=10))
        provider_limits.enter(Limit("google", "", requests_per_minute=5))
    told = page()
    assert "90.0 % the most of 2 limits: anthropic · small 9 of 10 calls in the busiest minute" in tile(told, "provider_limit_use")  # fmt: skip
    assert rows(told, "headroom") == [
        ["anthropic · small", "90.0 %", "9 of 10", "900"],
        ["openai", "75.0 %", "6 of 60", "3,000 of 4,000"],
        ["anthropic", "no limit", "9", "900"],
        ["large", "no limit", "6", "3,000"],
    ]
    below = told.split('id="table-headroom"')[1].split("</section>")[0]
    assert "Without a call: google." in plain(below)
    assert "manage.py" not in below


def test_without_first_tokens_health_says_how_to_send_them(site: sites.Site) -> None:
    with sites.client(site.web, site.owner) as asking:
        told = asking.get(f"{site.url}health/").text
    assert "time_to_first_token_ms" in tile(told, "ttft_p95")
    panel = told.split('id="panel-first_token"')[1].split("</section>")[0]
    assert "No time to the first token has been received." in panel
    assert "#post_interactions" in panel


def test_names_that_were_sent_stand_in_commands_only_where_no_shell_runs_them() -> None:
    for name in ("openai", "azure.ai.openai", "meta-llama/Llama-2", "o1:mini"):
        assert samples.harmless(name, "X") == name
    for name in ("a'; rm -rf ~ #", "$(id)", "a b", "-rf", "a\nb", "\x1b[31m", "ä", "", "a" * 101):
        assert samples.harmless(name, "X") == "X"
    assert "$(id)" not in samples.figure("revenue_usd", AT.date(), "1", "$(id)")


def test_a_limit_hides_only_the_model_or_provider_it_is_about() -> None:
    limited = {("openai", ""), ("anthropic", "small")}
    found = {key: headroom._is_limited(key, limited) for key in (("openai", ""), ("anthropic", ""), ("", "small"), ("", "large"))}  # fmt: skip
    assert found == {("openai", ""): True, ("anthropic", ""): False, ("", "small"): True, ("", "large"): False}
