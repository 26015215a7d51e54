"""The thresholds that ship as rules, on from the first day: the table of product.md, row by row.

A row whose metric does not exist yet, or that this rule kind cannot express, is installed paused with the reason, so
that a project sees everything that will watch it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from alerts.limits import Measure, Terms
from alerts.models import AlertRule, Recipient
from alerts.rules import DAY_MINUTES, Windows, built
from alerts.severity import Certainty, Side
from ingest.projects.access import current_project
from ingest.projects.models import Membership

FEATURE, PROJECT = AlertRule.Scope.EVERY_FEATURE, AlertRule.Scope.PROJECT
INSTALL_LOCK = 7305


OFTEN, DAILY = Windows(15, 5), Windows(DAY_MINUTES, 0)
FEW_USERS = 50
"""Under so many users somebody always stands out."""

WEEK, MONTH = Windows(7 * DAY_MINUTES, 0), Windows(30 * DAY_MINUTES, 0)


@dataclass(frozen=True)
class Preset:
    """One shipped rule. Without a metric it is paused, and `reason` says why."""

    slug: str
    name: str
    metric: str
    terms: Terms
    windows: Windows = DAILY
    scope: str = FEATURE
    reason: str = ""


def _share_of_calls(slug: str, name: str, warning: float, critical: float) -> Preset:
    """A share of failed calls: one failure among fifty is no alarm, the whole interval must be over the limit."""
    terms = Terms(Side.ABOVE, warning, critical, 50, certainty=Certainty.INTERVAL)
    return Preset(slug, name, slug.replace("-", "_"), terms, OFTEN)


def _latency(percentile: str) -> Preset:
    name = f"Latency {percentile} against the budget of the feature's type"
    terms = Terms(Side.ABOVE, 1.0, 2.0, 50, Measure.BUDGET)
    return Preset(f"latency-{percentile}", name, f"latency_{percentile}", terms, OFTEN)


def _moved(side: Side, warning: float, critical: float, measure: Measure) -> Terms:
    """A distance that the whole interval of the difference must have passed: no noisy day does."""
    return Terms(side, warning, critical, 100, measure, Certainty.INTERVAL)


def _later(
    slug: str, name: str, warning: float | None, critical: float | None, reason: str, *, scope: str = PROJECT
) -> Preset:
    return Preset(slug, name, "", Terms(Side.ABOVE, warning, critical), scope=scope, reason=reason)


PRESETS: tuple[Preset, ...] = (
    Preset(
        "cost-per-mau",
        "Cost per MAU, month over month",
        "cost_per_mau_change",
        Terms(Side.ABOVE, 0.20, 0.50, FEW_USERS),
        MONTH,
        PROJECT,
    ),
    Preset(
        "cost-share-of-revenue",
        "AI cost as a share of a tier's revenue",
        "highest_tier_cost_share",
        Terms(Side.ABOVE, 0.20, 0.35),
        MONTH,
        PROJECT,
    ),
    Preset(
        "user-cost-multiple",
        "A single user's month cost against the average",
        "user_cost_max_multiple",
        Terms(Side.ABOVE, 5, 20, FEW_USERS),
        MONTH,
        PROJECT,
    ),
    Preset(
        "input-tokens-mean",
        "Mean input tokens of 30 days against the 30 before",
        "input_tokens_mean",
        _moved(Side.ABOVE, 0.20, 0.50, Measure.PREVIOUS_CHANGE),
        MONTH,
    ),
    _latency("p50"),
    _latency("p95"),
    _share_of_calls("error-rate", "Error rate", 0.02, 0.05),
    _share_of_calls("timeout-rate", "Timeout rate", 0.01, 0.03),
    _share_of_calls("rate-limited-rate", "Rate-limited rate", 0.01, 0.05),
    Preset(
        "thumbs-up-rate",
        "Thumbs-up rate below its baseline",
        "thumbs_up_rate",
        _moved(Side.BELOW, 0.05, 0.10, Measure.BASELINE_POINTS),
        WEEK,
    ),
    Preset(
        "correction-rate",
        "Correction rate above its baseline",
        "correction_rate",
        _moved(Side.ABOVE, 0.25, 0.50, Measure.BASELINE_CHANGE),
        WEEK,
    ),
    Preset(
        "escalations",
        "Escalations in 24 hours",
        "escalations_24h",
        Terms(Side.ABOVE, 1, 5),
        Windows(DAY_MINUTES, 15),
        PROJECT,
    ),
    _later("review-queue-age", "Oldest item of the review queue (hours)", 24, 72, "not instrumented"),
    Preset(
        "ticket-rate",
        "Ticket rate of 28 days against the 28 days before",
        "ticket_rate",
        _moved(Side.ABOVE, 0.25, 0.50, Measure.PREVIOUS_CHANGE),
        Windows(28 * DAY_MINUTES, 0),
    ),
    Preset(
        "feature-mau-share",
        "Feature MAU share of product MAU over 8 weeks",
        "mau_share_change_8w",
        Terms(Side.BELOW, -0.10, -0.20, 100),
        Windows(56 * DAY_MINUTES, 0),
    ),
    Preset(
        "peak-against-limit",
        "Peak requests or tokens per minute against the provider's limit",
        "provider_limit_use",
        Terms(Side.ABOVE, 0.80, 0.95),
        DAILY,
        PROJECT,
    ),
    Preset(
        "cost-anomaly",
        "Daily cost outside its expected range",
        "cost_anomaly",
        Terms(Side.ABOVE, 0.95, 0.999),
        scope=PROJECT,
    ),
    _later(
        "drift-finding",
        "Drift of an input signal or of ratings",
        None,
        None,
        "findings open no incident yet; the Drift page shows them",
        scope=FEATURE,
    ),
    _later("soft-limit", "A user at a share of the soft limit", 0.80, 1.0, "not instrumented"),
    _later(
        "no-data",
        "No data from a feature that used to send (multiples of its usual gap)",
        2,
        6,
        "needs the usual gap between calls, which is not measured yet",
        scope=FEATURE,
    ),
)


def install(project_id: int, now: datetime) -> int:
    """Give the project in scope the shipped rules that it lacks; how many were added.

    May be called at any time by anybody: what is there, changed or paused by people, is left alone; a rule that was only
    waiting for its metric begins when there is one. The first time also makes sure that somebody is told. Rules are
    active from `now`, so a project's history raises nothing.
    """
    if project_id != current_project():
        raise ValueError(f"project {project_id} is not the one in scope")
    if _is_complete(_installed()):
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [INSTALL_LOCK, project_id])
    known = _installed()
    missing = [preset for preset in PRESETS if preset.slug not in known]
    AlertRule.objects.bulk_create([_rule_of(preset, now) for preset in missing])
    for preset in PRESETS:
        if preset.metric and known.get(preset.slug) == "":
            _begin(preset, now)
    if not known:
        _tell_somebody(now)
    return len(missing)


def _installed() -> dict[str, str]:
    """Preset → the metric of its rule; empty while that waits for one."""
    return dict(AlertRule.objects.exclude(preset="").values_list("preset", "metric"))


def _is_complete(known: Mapping[str, str]) -> bool:
    return all(preset.slug in known and bool(known[preset.slug]) >= bool(preset.metric) for preset in PRESETS)


def _begin(preset: Preset, now: datetime) -> None:
    """Let a rule that had no metric watch the one that its preset has now, with the limits that ship with it."""
    rule = AlertRule.objects.get(preset=preset.slug)
    shipped = _rule_of(preset, now)
    shipped.pk, shipped.created_at, shipped.project_id = rule.pk, rule.created_at, rule.project_id
    shipped.save(force_update=True)


def _rule_of(preset: Preset, now: datetime) -> AlertRule:
    rule = built(preset.name, preset.metric, preset.terms, preset.windows, preset.scope, now)
    rule.preset, rule.is_paused, rule.paused_reason = preset.slug, not preset.metric, preset.reason
    return rule


def _tell_somebody(now: datetime) -> None:
    """Make the members recipients.

    While mail goes to the folder, somebody receives it even where no member has an address.
    """
    if Recipient.objects.exists():
        return
    members = Membership.objects.filter(project_id=current_project()).exclude(user__email="").select_related("user")
    addresses = {member.user.email: member.user.get_username() for member in members}
    if not addresses and settings.MAIL.backend == "folder":
        addresses = {f"on-call@{settings.ALLOWED_HOSTS[0]}": "Mail folder"}
    for address, label in addresses.items():
        Recipient.objects.create(email=address, label=label, created_at=now)
