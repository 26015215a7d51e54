"""Rules that can be, rules that cannot, and the ones that ship."""

import math

import pytest

from alerts.limits import Measure, Terms
from alerts.severity import Side
from tests.alerts.conftest import START


@pytest.fixture
def scope(project):
    from ingest.projects.scope import project_scope

    return lambda: project_scope(project.id)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"metric": "happiness"}, "metric"),
        ({"feature": "no-such-feature"}, "feature"),
        ({"metric": "provider_limit_use", "scope": "every_feature"}, "feature"),
        ({"terms": Terms(Side.ABOVE, None, None)}, "warning"),
        ({"terms": Terms(Side.ABOVE, math.nan, None)}, "warning"),
        ({"terms": Terms(Side.ABOVE, 0.05, 0.02)}, "critical"),
        ({"terms": Terms(Side.BELOW, 0.65, 0.70)}, "critical"),
        ({"terms": Terms(Side.BELOW, 0.10, 0.05, measure=Measure.BASELINE_POINTS)}, "critical"),
        ({"terms": Terms(Side.ABOVE, 0.0, 0.5, measure=Measure.BASELINE_CHANGE)}, "warning"),
        ({"terms": Terms(Side.ABOVE, 0.02, 0.05, -1)}, "minimum_sample"),
        ({"windows": (0, 5)}, "window_minutes"),
        ({"windows": (91 * 1440, 0)}, "window_minutes"),
        ({"windows": (90, 0)}, "window_minutes"),
        ({"windows": (15, 16)}, "every_minutes"),
        ({"windows": (15, -1)}, "every_minutes"),
    ],
)
def test_a_rule_that_cannot_be_names_its_field(rule, changes, field):
    from alerts.rules import RuleError, Windows

    if "windows" in changes:
        changes = {"windows": Windows(*changes["windows"])}
    with pytest.raises(RuleError) as refused:
        rule(**changes)
    assert refused.value.field == field


def test_limits_can_be_changed_and_are_checked_again(rule, scope):
    from alerts import rules

    made = rule()
    with scope():
        rules.change_limits(made, warning=0.03, critical=None, minimum_sample=10)
        made.refresh_from_db()
        assert (made.warning, made.critical, made.minimum_sample) == (0.03, None, 10)
        with pytest.raises(rules.RuleError):
            rules.change_limits(made, warning=None, critical=None, minimum_sample=10)


def test_every_row_of_the_table_is_installed_once_and_only_what_can_be_judged_is_active(project, scope):
    from alerts import presets
    from alerts.models import AlertRule
    from observatory.metrics.definitions import METRICS

    with scope():
        assert presets.install(project.id, START) == len(presets.PRESETS) == 20
        assert presets.install(project.id, START) == 0
        rows = list(AlertRule.objects.all())
    assert {row.preset for row in rows if not row.is_paused} == {
        "input-tokens-mean", "latency-p50", "latency-p95", "error-rate", "timeout-rate", "rate-limited-rate",
        "thumbs-up-rate", "correction-rate", "escalations", "cost-anomaly",
        "cost-share-of-revenue", "ticket-rate", "feature-mau-share", "peak-against-limit",
        "cost-per-mau", "user-cost-multiple",
    }  # fmt: skip
    assert all(row.metric in METRICS and row.active_from == START for row in rows if not row.is_paused)
    assert all(row.paused_reason for row in rows if row.is_paused)


def test_the_shipped_limits_are_those_of_the_table():
    from alerts.presets import PRESETS

    table = {preset.slug: (preset.terms.warning, preset.terms.critical) for preset in PRESETS}
    assert table == {
        "cost-per-mau": (0.20, 0.50), "cost-share-of-revenue": (0.20, 0.35), "user-cost-multiple": (5, 20),
        "input-tokens-mean": (0.20, 0.50), "latency-p50": (1.0, 2.0), "latency-p95": (1.0, 2.0),
        "error-rate": (0.02, 0.05), "timeout-rate": (0.01, 0.03), "rate-limited-rate": (0.01, 0.05),
        "thumbs-up-rate": (0.05, 0.10), "correction-rate": (0.25, 0.50), "escalations": (1, 5),
        "review-queue-age": (24, 72), "ticket-rate": (0.25, 0.50), "feature-mau-share": (-0.10, -0.20),
        "peak-against-limit": (0.80, 0.95), "cost-anomaly": (0.95, 0.999), "drift-finding": (None, None),
        "soft-limit": (0.80, 1.0), "no-data": (2, 6),
    }  # fmt: skip


def test_the_shipped_windows_are_those_of_the_table():
    from alerts.presets import PRESETS

    windows = {
        p.slug: (p.windows.length_minutes, p.windows.every_minutes, p.terms.minimum_sample) for p in PRESETS if p.metric
    }
    often, week = (15, 5, 50), (7 * 1440, 0, 100)
    assert windows == {
        "error-rate": often, "timeout-rate": often, "rate-limited-rate": often, "latency-p50": often, "latency-p95": often,
        "thumbs-up-rate": week, "correction-rate": week, "escalations": (1440, 15, 0), "input-tokens-mean": (30 * 1440, 0, 100),
        "cost-anomaly": (1440, 0, 0),
        "cost-share-of-revenue": (30 * 1440, 0, 0), "cost-per-mau": (30 * 1440, 0, 50), "user-cost-multiple": (30 * 1440, 0, 50), "ticket-rate": (28 * 1440, 0, 100),
        "feature-mau-share": (56 * 1440, 0, 100), "peak-against-limit": (1440, 0, 0),
    }  # fmt: skip


def test_installing_again_leaves_what_people_changed(project, scope):
    from alerts import presets, rules
    from alerts.models import AlertRule

    with scope():
        presets.install(project.id, START)
        rules.pause(AlertRule.objects.get(preset="error-rate"), START, by="ada")
        AlertRule.objects.get(preset="latency-p50").delete()
        assert presets.install(project.id, START) == 1
        assert AlertRule.objects.get(preset="error-rate").is_paused


def test_a_rule_that_waited_for_its_metric_begins_when_there_is_one(project, scope):
    from datetime import timedelta

    from alerts import presets, rules
    from alerts.models import AlertRule

    with scope():
        presets.install(project.id, START)
        waiting = AlertRule.objects.filter(preset__in=("ticket-rate", "feature-mau-share"))
        waiting.update(metric="", is_paused=True, paused_reason="does not exist yet", warning=9.0, window_minutes=1440)
        rules.pause(AlertRule.objects.get(preset="peak-against-limit"), START, by="ada")
        later = START + timedelta(days=3)
        assert presets.install(project.id, later) == 0
        rule = AlertRule.objects.get(preset="ticket-rate")
        assert (rule.metric, rule.is_paused, rule.paused_reason, rule.active_from) == ("ticket_rate", False, "", later)
        assert (rule.warning, rule.window_minutes, rule.created_at) == (0.25, 28 * 1440, START)
        assert AlertRule.objects.get(preset="feature-mau-share").side == Side.BELOW
        assert AlertRule.objects.get(preset="peak-against-limit").is_paused, "what people paused stays paused"
        assert AlertRule.objects.exclude(preset="").count() == len(presets.PRESETS)


def test_a_preset_without_a_metric_cannot_be_resumed(project, scope):
    from alerts import presets, rules
    from alerts.models import AlertRule

    with scope():
        presets.install(project.id, START)
        with pytest.raises(rules.RuleError, match="not instrumented"):
            rules.resume(AlertRule.objects.get(preset="soft-limit"), START)


def test_somebody_is_told_from_the_first_day(project, member, scope):
    from alerts import presets
    from alerts.models import Recipient

    member.email = "maya@example.com"
    member.save()
    with scope():
        presets.install(project.id, START)
        assert list(Recipient.objects.values_list("email", flat=True)) == ["maya@example.com"]
        Recipient.objects.all().delete()
        presets.install(project.id, START)
        assert not Recipient.objects.exists(), "who was removed stays removed"


def test_mail_into_the_folder_has_a_receiver_even_without_any_address(project, scope):
    from alerts import presets
    from alerts.models import Recipient

    with scope():
        presets.install(project.id, START)
        assert Recipient.objects.get().email.startswith("on-call@")


@pytest.mark.parametrize("address", ["", "no", "a@", "a b@example.com", "a@example.com\nBcc: b@example.com"])
def test_what_is_no_mail_address_is_no_recipient(project, scope, address):
    from alerts import receivers

    with scope(), pytest.raises(receivers.ReceiverError):
        receivers.add_recipient(address, START)


def test_an_address_is_a_recipient_once(project, scope):
    from alerts import receivers

    with scope():
        receivers.add_recipient("a@example.com", START)
        with pytest.raises(receivers.ReceiverError, match="already"):
            receivers.add_recipient("a@example.com", START)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://[::1]/", "ftp://example.com/", "http://169.254.169.254/", "nonsense"]
)
def test_a_webhook_that_leads_inside_is_refused_when_it_is_made(project, scope, url):
    from alerts import receivers

    with scope(), pytest.raises(receivers.ReceiverError):
        receivers.add_webhook(url, START)


def test_secrets_of_webhooks_are_long_and_differ(project, scope, hook):
    import base64

    from alerts import receivers

    with scope():
        secrets = [receivers.add_webhook(hook.url, START).secret for _ in range(3)]
    assert len(set(secrets)) == 3
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"))) == 32 for secret in secrets)
