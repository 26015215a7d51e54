"""Shipped rules about the business, judged on real numbers."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from ingest import dictionary, partitions
from ingest.dimensions import Dimension, FeedbackKind, FigureName
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, floor, week_start
from tests import factories
from tests.observatory.metrics.business_rows import figure

MIDNIGHT = floor(datetime.now(UTC), DAY) - DAY


@pytest.fixture
def judged(project):
    """Judge a shipped rule on the windows that end at MIDNIGHT, with calls of 120 days and a crowd that shrinks."""
    from alerts import evaluation, presets
    from alerts.models import AlertRule, RuleState
    from observatory.metrics import roller

    def judge(slug, waits_since=None):
        # Two hundred users a day, one hundred and forty in the last month.
        rows = [
            {"at": MIDNIGHT - ago * DAY - timedelta(hours=1), "feature": "draft", "user_id": f"u-{n}"}
            for ago in range(1, 120)
            for n in range(8 * (ago % 25), 8 * (ago % 25) + (5 if ago <= 31 else 8))
        ]
        factories.interactions(project, rows)
        roller.roll(MIDNIGHT + timedelta(hours=2), only=[project.pk], everything=True)
        with project_scope(project.pk):
            presets.install(project.pk, MIDNIGHT - timedelta(hours=3))
            AlertRule.objects.exclude(preset=slug).update(is_paused=True)
        with project_scope(project.pk), connection.cursor() as cursor:
            if waits_since:
                mark = "INSERT INTO dirty_user (project_id, quarter, cluster, marked_at) VALUES (%s, %s, 'u-1', %s)"
                cursor.execute(mark, [project.pk, MIDNIGHT - HOUR, waits_since])
        evaluation.evaluate(MIDNIGHT + timedelta(hours=2), only=[project.pk])
        with project_scope(project.pk):
            return RuleState.objects.filter(rule__preset=slug).order_by("-feature_number").first()

    return judge


def tickets(project, *, before, now):
    dictionary.numbers(project.pk, {Dimension.FEATURE: {"draft"}}, now=MIDNIGHT - 119 * DAY)
    partitions.ensure_for({week_start(MIDNIGHT - ago * DAY) for ago in (40, 10)})
    with project_scope(project.pk), connection.cursor() as cursor:
        for ago, count in ((40, before), (10, now)):
            cursor.executemany(
                "INSERT INTO feedback (project_id, occurred_at, received_at, kind, feature_id, id, name)"
                " SELECT %s, %s, %s, %s, number, %s, 'accuracy' FROM feature WHERE project_id = %s AND name = 'draft'",
                [
                    (project.pk, MIDNIGHT - ago * DAY, MIDNIGHT, int(FeedbackKind.TICKET), f"t-{ago}-{n}", project.pk)
                    for n in range(count)
                ],
            )


@pytest.mark.parametrize(("now", "state"), [(60, "critical"), (33, "ok")])
def test_more_tickets_than_in_the_weeks_before_are_told_when_they_are_no_chance(project, judged, now, state):
    tickets(project, before=40, now=now)
    assert judged("ticket-rate").state == state


@pytest.fixture
def product(project):
    """Say how many users the whole product has."""
    with connection.cursor() as cursor, project_scope(project.pk):
        for ago in (0, 31, 62, 93):
            figure(cursor, project, FigureName.ACTIVE_USERS, f"{MIDNIGHT - ago * DAY:%Y-%m}", "", 1_000)


def test_usage_that_shrinks_beside_the_product_is_told(product, judged):
    found = judged("feature-mau-share")
    assert (found.state, found.value) == ("critical", pytest.approx(-0.375, abs=0.02))


def test_users_are_judged_when_all_who_came_before_the_end_are_counted(product, judged):
    assert judged("feature-mau-share", waits_since=MIDNIGHT - MINUTE).state == "learning"


def test_users_that_come_late_are_not_waited_for(product, judged):
    assert judged("feature-mau-share", waits_since=MIDNIGHT + MINUTE).state == "critical"


def test_what_is_not_about_users_waits_for_none(project, judged):
    tickets(project, before=40, now=60)
    assert judged("ticket-rate", waits_since=MIDNIGHT - MINUTE).state == "critical"


def test_costs_beside_revenue_that_nobody_sent_are_unknown(judged):
    found = judged("cost-share-of-revenue")
    assert (found.state, found.value) == ("unknown", None), "nothing says that our own web was up all month"
