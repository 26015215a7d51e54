"""What people and models write is inert on every page: nothing runs, nothing is asked from elsewhere."""

from datetime import timedelta

import pytest

from tests.dashboards import site as sites

MARK = "window.hostile=1"
PAYLOADS = (
    f"<script>{MARK}</script>", f"\"><img src=x onerror={MARK}>", f"'><svg onload={MARK}>", f"</script><script>{MARK}</script>",
    f"javascript:{MARK}", f"<a href=\"javascript:{MARK}\">click</a>", f"<iframe srcdoc=\"<script>parent.{MARK}</script>\">",
    f"<!--><script>{MARK}</script>-->", f"]]><script>{MARK}</script>", f"{{{{ constructor.constructor('{MARK}')() }}}}",
    "{% include 'x' %}{{ 7|add:7 }}", "<b style=\"background:url(https://evil.example/x)\">b</b>",
    "<img src=https://evil.example/pixel.png>", "<link rel=stylesheet href=https://evil.example/x.css>",
    f"\u2028{MARK}\u2029//", f"<math><mtext><script>{MARK}</script></mtext></math>", f"<details open ontoggle={MARK}>x",
    f"&lt;script&gt;{MARK}&lt;/script&gt;", f"%3Cscript%3E{MARK}%3C/script%3E", f"</title></textarea></pre><script>{MARK}</script>",
    f"@quiet<span onmouseover={MARK}>hover</span>", "=cmd|' /C calc'!A0", f"```\n<script>{MARK}</script>\n```", "\u202e<b>esrever</b>",
)  # fmt: skip


def payload(place: str, number: int) -> str:
    return PAYLOADS[(number + len(place)) % len(PAYLOADS)]


def extras(now):
    """One record of every kind for each payload, with the payload in every text it has."""
    interactions, feedback, costs, changes = [], [], [], []
    for number, text in enumerate(PAYLOADS):
        at = (now - timedelta(hours=30 + number)).isoformat()
        id = f"x{number}{text}"
        interactions.append({
            "id": id, "occurred_at": at, "user_id": text, "session_id": text, "trace_id": text, "prompt": text * 60, "feature": text[:100],
            "output": [{"role": text, "content": text}, {"role": "assistant", "content": [{"type": "text", "text": text}]}],
            "model": text, "served_model": text, "provider": text, "status": "error", "error_class": "other", "error_message": text,
            "latency_ms": 900, "input_tokens": 5, "output_tokens": 5, "metadata": {text: text}, "query_type": text[:100],
            **dict.fromkeys(("segment", "tier", "language", "region", "environment", "release", "prompt_name"), text[:100]),
        })  # fmt: skip
        about = {"interaction_id": id, "user_id": text, "occurred_at": at}
        feedback += [
            {**about, "kind": "thumb", "value": "up"}, {**about, "kind": "correction", "final_text": f"{text} changed"},
            {**about, "kind": "flag", "category": "wrong", "comment": text}, {**about, "kind": "escalation", "reason": text},
            {**about, "kind": "evaluation", "name": text[:100], "score": 0.5, "label": text[:100], "evaluator": text[:100]},
        ]  # fmt: skip
        costs.append({"interaction_id": id, "component": "other", "amount_usd": "0.1", "description": text})
        changes.append(
            {
                "kind": "deploy",
                "title": text[:200],
                "occurred_at": at,
                "version": text[:50],
                "note": text,
                "url": "https://e.example/",
            }
        )
    return interactions, feedback, costs, changes


@pytest.fixture(scope="module")
def hostile(web):
    from ingest import timeline

    words = sites.Words(PAYLOADS[0], PAYLOADS[5], PAYLOADS[1], payload)
    site = sites.build(web, words, name=PAYLOADS[3], description=PAYLOADS[1])
    for path, items in zip(("interactions", "feedback", "costs", "changes"), extras(timeline.now()), strict=True):
        site.post(path, items)
    sites.roll(site.project)
    return site


def test_a_change_whose_address_runs_code_is_refused_or_no_link(hostile, sign_in):
    import httpx2

    sent = {"kind": "deploy", "title": "bad link", "url": f"javascript:{MARK}"}
    httpx2.post(f"{hostile.web}/api/v1/changes", json=sent, headers={"Authorization": f"Bearer {hostile.key}"})
    watched = sign_in(hostile.owner)
    watched.see(hostile.url)
    assert watched.page.locator("a[href^='javascript:' i]").count() == 0
    assert watched.problems == []


def test_nothing_hostile_runs_on_any_page(hostile, sign_in):
    watched = sign_in(hostile.owner, viewport={"width": 390, "height": 844})
    pages = [*sites.PAGES, f"drift/{hostile.finding}/", f"incidents/{hostile.incident}/"]
    watched.see(f"{hostile.url}interactions/?range=7d&status=error")
    ones = watched.page.eval_on_selector_all(
        "#table-interactions th a", "links => links.map((one) => one.getAttribute('href'))"
    )
    assert len(ones) >= len(PAYLOADS)
    filtered = watched.page.eval_on_selector_all("#filter-feature option", "all => all.map((one) => one.value)")
    assert PAYLOADS[3] in filtered
    for address in [*(hostile.url + page for page in pages), *ones]:
        watched.see(address)
        assert watched.page.evaluate("window.hostile") is None, address
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert watched.page.locator("a[href^='javascript:' i], a[*|href^='javascript:' i]").count() == 0, address
        assert watched.page.locator("main :is(iframe, img, link, style, math, textarea[onload])").count() == 0, address
    assert watched.problems == []


def test_searching_for_a_script_shows_it(hostile, sign_in):
    watched = sign_in(hostile.owner)
    page = watched.see(f"{hostile.url}interactions/")
    page.fill("#search", PAYLOADS[0])
    page.click("form.search button")
    page.wait_for_load_state("load")
    assert PAYLOADS[0] in page.locator("#table-interactions").inner_text()
    assert page.locator("#search").input_value() == PAYLOADS[0]
    assert watched.problems == []
