"""The project that the replay is posted into: made once, found again by later runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from django.db import transaction

from alerts import presets, rules
from alerts.limits import Terms
from alerts.models import AlertRule
from alerts.severity import Side
from dashboards.demo import plan
from dashboards.demo.prices import LABEL, PRICES
from dashboards.demo.scenario import BASELINE_DAYS, DESCRIPTION, FEATURES, MAIN_FEATURE, OPENING, PROJECT_NAME
from ingest import dictionary
from ingest.dimensions import Dimension
from ingest.models import PriceOverride
from ingest.projects import provision
from ingest.projects.access import project_scope
from ingest.projects.models import Feature, Project
from ingest.timeline import Window
from observatory.metrics import provider_limits, series
from observatory.metrics.provider_limits import Limit

RULE_NAME = f"Thumbs-up of {MAIN_FEATURE} against its first {BASELINE_DAYS} days"
WARNING_POINTS, CRITICAL_POINTS = 0.05, 0.10
MINIMUM_RATINGS = 100
_WEEK_MINUTES = 7 * 24 * 60
LIMITS = (
    Limit("openai", requests_per_minute=60, tokens_per_minute=60_000),
    Limit("openai", "gpt-4-1106-preview", tokens_per_minute=40_000),
    Limit("anthropic", requests_per_minute=50, tokens_per_minute=40_000),
)
_SHIPPED_THUMBS = "thumbs-up-rate"


class DemoError(Exception):
    """The demo cannot be set up. The message is one line for a person."""


def prepare(now: datetime) -> Project:
    """Make or find the project, open to every administrator, with its prices, its features and the shipped rules.

    Raises DemoError when a project of that name is somebody's own.
    """
    project = _project(now)
    provision.let_administrators_in(project)
    start = first_day(project)
    names = [feature.name for feature in FEATURES]
    dictionary.numbers(project.pk, {Dimension.FEATURE: names}, now=plan.moment(start, 1))
    with project_scope(project.pk):
        _set_features()
        _set_prices(start)
        _set_limits()
        presets.install(project.pk, now)
        _leave_the_thumbs_to_the_demos_rule(now)
    return project


def first_day(project: Project) -> date:
    """Tell the date of the replay's day 1: it follows from the day on which the project was made, and stays."""
    return plan.first_day(project.created_at.date())


@contextmanager
def key(project: Project, now: datetime) -> Iterator[str]:
    """Lend a key that may post into the project, and revoke it at the end."""
    text = provision.issue_key(project.pk, ["ingest"], now=now, label="demo replay")
    try:
        yield text
    finally:
        provision.revoke_key(project.pk, text.split("_")[2], now=now)


def watch(project: Project, now: datetime) -> AlertRule:
    """Make the rule that watches the main feature's thumbs, as if it had been there from day 29 on; once."""
    start = first_day(project)
    baseline = Window(plan.moment(start, 1), plan.moment(start, BASELINE_DAYS + 1))
    with project_scope(project.pk):
        known = AlertRule.objects.filter(name=RULE_NAME).first()
        if known:
            return known
        before = series.reading("thumbs_up_rate", baseline, feature=MAIN_FEATURE, now=now).value
        if before is None:
            raise DemoError(f"{MAIN_FEATURE} has no thumbs in its first {BASELINE_DAYS} days: is the worker running?")
        terms = Terms(Side.BELOW, before - WARNING_POINTS, before - CRITICAL_POINTS, MINIMUM_RATINGS)
        return rules.create(
            name=RULE_NAME,
            metric="thumbs_up_rate",
            terms=terms,
            windows=rules.Windows(_WEEK_MINUTES, every_minutes=0),
            feature=MAIN_FEATURE,
            active_from=baseline.end,
            now=now,
        )


def _project(now: datetime) -> Project:
    with transaction.atomic():
        project = provision.project_named(PROJECT_NAME, now=now)
        if project.created_at == now:
            project.description = DESCRIPTION
            project.save(update_fields=["description"])
    if not project.description.startswith(OPENING):
        raise DemoError(f"There is a project named {PROJECT_NAME} that this command did not make: rename it first.")
    return project


def _leave_the_thumbs_to_the_demos_rule(now: datetime) -> None:
    """Two rules on the same thumbs would tell of one fall twice."""
    for shipped in AlertRule.objects.filter(preset=_SHIPPED_THUMBS, is_paused=False):
        rules.pause(shipped, now, by="demo", reason=f"the rule “{RULE_NAME}” watches the thumbs of this project")


def _set_features() -> None:
    for feature in FEATURES:
        Feature.objects.filter(name=feature.name).update(type=feature.type, stakes=feature.stakes)


def _set_limits() -> None:
    """What providers allow, far from what the replay asks of them; none where somebody entered their own."""
    if not provider_limits.entered():
        for limit in LIMITS:
            provider_limits.enter(limit)


def _set_prices(valid_from: date) -> None:
    priced = set(PriceOverride.objects.filter(provider="").values_list("model", flat=True))
    for price in PRICES:
        if price.model not in priced:
            PriceOverride.objects.create(
                model=price.model,
                valid_from=valid_from - timedelta(days=1),
                input_usd_per_million=price.input_usd_per_million,
                output_usd_per_million=price.output_usd_per_million,
                label=LABEL,
            )
