"""What people and machines read."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from alerts.messages import letter, links, payload, sentences, text, wording
from alerts.messages.notice import Notice, Plain
from tests.alerts.samples import ENVELOPE, LATENCY, LATER, OPENED, RESOLVED, WORSENED, at

ALL = {"opened": OPENED, "worsened": WORSENED, "resolved": RESOLVED, "latency": LATENCY}
HOSTILE = "<script>alert(1)</script>\"'&\r\nBcc: everyone@example.com"


def by_hand() -> Notice:
    return replace(RESOLVED, resolved_by="ada", value=0.66, note="the router was rolled back")


def plain_rule() -> Notice:
    return replace(OPENED, reference=None, reference_kind="", certainty="value")


@pytest.mark.parametrize(
    ("notice", "subject"),
    [
        (OPENED, "[Warning] write-draft: thumbs up 69.2 %, 6.0 points below baseline"),
        (WORSENED, "[Critical] write-draft: thumbs up 64.1 %, 11.1 points below baseline (was Warning)"),
        (RESOLVED, "[Resolved] write-draft: thumbs up back at 74.4 % (was Critical)"),
        (LATENCY, "[Warning] write-draft: latency p95 9.2 s, 16 % above budget"),
        (plain_rule(), "[Warning] write-draft: thumbs up 69.2 %, limit 70.2 %"),
        (by_hand(), "[Resolved] write-draft: thumbs up 66.0 %, resolved by ada (was Critical)"),
        (replace(plain_rule(), feature=""), "[Warning] Support assistant: thumbs up 69.2 %, limit 70.2 %"),
    ],
)
def test_a_subject_says_how_bad_where_what_and_against_what(notice, subject):
    assert sentences.subject(notice) == subject


@pytest.mark.parametrize("notice", ALL.values(), ids=ALL)
def test_a_message_says_what_since_when_how_bad_why_sample_threshold_and_where_to_look(notice):
    body = text.of_incident(notice, ENVELOPE)
    assert sentences.standing(notice).upper() in body
    assert wording.plain(wording.quantity(notice.value, notice.unit)) in body
    assert f"n = {notice.sample_size:,} {notice.counted}" in body
    assert "Since when" in body
    assert wording.plain(wording.quantity(notice.critical_at, notice.unit)) in body
    assert "WHY" in body
    for address in (links.incident(notice, ENVELOPE.public_url), links.metric(notice, ENVELOPE.public_url)):
        assert address in body
        assert address.replace("&", "&amp;") in letter.of_incident(notice, ENVELOPE)


def test_links_carry_absolute_times():
    address = links.metric(OPENED, "https://observatory.example.com")
    assert address == (
        "https://observatory.example.com/support-assistant/quality/"
        "?feature=write-draft&from=2026-08-04T00:00:00Z&to=2026-08-11T00:00:00Z"
    )
    assert links.incident(OPENED, "http://localhost:8000") == "http://localhost:8000/support-assistant/incidents/311/"


@pytest.mark.parametrize(
    ("metric", "filters"),
    [
        ("timeout_rate", "status=error"), ("error_rate", "status=error"), ("availability", "status=error"),
        ("thumbs_up_rate", "thumb=down"), ("outlier_refusal_rate", "mark=refusal"), ("outlier_rate", "mark=any"),
        ("unpriced_calls", "cost=unpriced"), ("latency_p95", ""),
    ],
)  # fmt: skip
def test_the_interactions_behind_a_number_are_those_that_made_it_bad(metric, filters):
    address = links.interactions(replace(OPENED, metric=metric), "http://localhost:8000")
    own = f"{filters}&" if filters else ""
    window = "from=2026-08-04T00:00:00Z&to=2026-08-11T00:00:00Z"
    assert address == f"http://localhost:8000/support-assistant/interactions/?{own}feature=write-draft&{window}"


def test_a_filter_of_interactions_is_one_that_their_list_knows():
    from dashboards.pages.interactions import EXTRA
    from observatory.metrics.definitions import METRICS

    assert links.BEHIND.keys() <= METRICS.keys()
    for filters in links.BEHIND.values():
        for name, value in filters.items():
            assert value in EXTRA[name][1], (name, value)


def test_every_metric_of_a_shipped_rule_has_its_page():
    from alerts.presets import PRESETS

    pages = {preset.metric: links.page_of(preset.metric) for preset in PRESETS if preset.metric}
    assert pages["thumbs_up_rate"] == pages["escalations_24h"] == "quality"
    assert pages["input_tokens_mean"] == "cost"
    assert pages["error_rate"] == pages["latency_p95"] == "health"


class Tags(HTMLParser):
    """What a mail client would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("href", "src")]
        assert not [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize("form", ["incident", "plain"])
def test_a_value_from_outside_never_becomes_markup_or_a_header(form):
    if form == "incident":
        hostile = replace(
            OPENED,
            feature=HOSTILE,
            project=HOSTILE,
            rule=HOSTILE,
            acknowledged_by=HOSTILE,
            title=HOSTILE,
            previous="warning",
        )
        html, subject = letter.of_incident(hostile, replace(ENVELOPE, address=HOSTILE)), sentences.subject(hostile)
    else:
        message = Plain("disabled", HOSTILE, "slug", HOSTILE, HOSTILE, "2026-08-12T00:00:00Z")
        html, subject = letter.of_plain(message, ENVELOPE), wording.one_line(HOSTILE)
    seen = Tags()
    seen.feed(html)
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert all(address.startswith("https://observatory.example.com/") for address in seen.addresses)
    assert "\n" not in subject
    assert "\r" not in subject


def test_the_letter_loads_nothing_from_anywhere():
    html = letter.of_incident(WORSENED, LATER)
    assert not re.search(r"(src=|url\(|@import|<link|<script)", html)


def test_lines_of_the_plain_form_are_short_except_for_addresses():
    long = [line for line in text.of_incident(WORSENED, LATER).splitlines() if len(line) > 78 and "http" not in line]
    assert long == []


def test_what_could_not_be_delivered_is_told():
    assert "Not delivered before this message: opened (warning) on 12 Aug 2026, 00:01" in " ".join(
        text.of_incident(WORSENED, LATER).split()
    )


def test_facts_survive_the_outbox():
    for notice in ALL.values():
        assert Notice.from_json(json.loads(json.dumps(notice.as_json()))) == notice


def test_facts_of_a_later_version_are_still_read():
    assert Notice.from_json({**OPENED.as_json(), "invented_later": 1}) == OPENED


def documented_schema():
    page = (Path(__file__).resolve().parents[2] / "docs/reference/webhooks.md").read_text()
    return json.loads(re.findall(r"```json\n(\{\n  \"\$schema\".*?)\n```", page, re.DOTALL)[0])


@pytest.mark.parametrize("notice", [*ALL.values(), by_hand(), replace(plain_rule(), feature="", low=None, high=None)])
def test_a_payload_is_what_the_documentation_says(notice):
    jsonschema.Draft202012Validator.check_schema(documented_schema())
    jsonschema.validate(payload.of_incident(notice, LATER), documented_schema())


def test_a_trial_payload_is_what_the_documentation_says():
    jsonschema.validate(
        payload.of_plain(Plain("test", "P", "p", "t", "x", "2026-08-12T00:00:00Z")), documented_schema()
    )


def test_the_documented_schema_refuses_what_is_not_documented():
    body = payload.of_incident(OPENED, ENVELOPE)
    body["data"]["incident"]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, documented_schema())


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.673, "ratio", "67.3 %"), (0.0042, "ratio", "0.42 %"), (0.0, "ratio", "0 %"), (1.0, "ratio", "100 %"),
        (0.9996, "ratio", "99.96 %"), (640.4, "ms", "640 ms"), (9_240.0, "ms", "9.2 s"), (120_000.0, "ms", "2.0 min"),
        (1_891.4, "usd", "$1,891"), (12.4, "usd", "$12.40"), (0.0098, "usd", "$0.0098"), (0.0, "usd", "$0.00"),
        (412_608, "count", "412,608"), (3.14159, "tokens", "3.14"), (None, "ratio", "—"),
    ],
)  # fmt: skip
def test_a_number_comes_with_its_unit(value, unit, shown):
    assert wording.plain(wording.quantity(value, unit)) == shown


@pytest.mark.parametrize(
    ("start", "end", "zone", "shown"),
    [
        ("2026-08-04T00:00", "2026-08-11T00:00", "UTC", "4-10 Aug 2026"),
        ("2026-07-28T00:00", "2026-08-04T00:00", "UTC", "28 Jul - 3 Aug 2026"),
        ("2026-08-10T00:00", "2026-08-11T00:00", "UTC", "10 Aug 2026"),
        ("2026-08-03T22:00", "2026-08-10T22:00", "Europe/Berlin", "4-10 Aug 2026"),
        ("2026-08-11T13:45", "2026-08-11T14:00", "UTC", "11 Aug 2026, 13:45-14:00 UTC"),
        ("2026-08-10T14:15", "2026-08-11T14:15", "UTC", "10 Aug 2026, 14:15 - 11 Aug 2026, 14:15 UTC"),
    ],
)
def test_a_window_is_told_in_the_projects_zone(start, end, zone, shown):
    assert wording.plain(wording.span(at(start), at(end), zone)) == shown
