"""The shipped rule on a day's cost, from raw rows to an incident: outside 95 % a warning, outside 99.9 % critical."""

from datetime import date

import pytest
from django.db import connection

from ingest.timeline import DAY, HOUR, MINUTE, day_start
from tests.factories import interactions

GIANT = date(2026, 10, 20)


def judged(project, amount_usd):
    """The state of the rule and its incidents after a day of this cost; some usual days came before it."""
    from alerts import evaluation, presets
    from alerts.models import AlertRule, Incident, RuleState
    from ingest.projects.scope import project_scope
    from observatory.metrics import roller

    start = day_start(GIANT, project.time_zone)
    rows = [
        {"at": start - back * DAY + 9 * HOUR, "feature": "a", "cost_nano": (100 + (7 * back) % 5) * 10**8}
        for back in range(1, 41)
    ]
    interactions(project, [*rows, {"at": start + 9 * HOUR, "feature": "a", "cost_nano": round(amount_usd * 1e9)}])
    now = start + DAY + 5 * MINUTE
    roller.roll(start + HOUR, only=[project.pk], everything=True)
    roller.roll(now, only=[project.pk], everything=True)
    with project_scope(project.pk):
        presets.install(project.pk, start)
        AlertRule.objects.exclude(preset="cost-anomaly").update(is_paused=True)
    while evaluation.evaluate(now, only=[project.pk], budget_s=5).left:
        pass
    with project_scope(project.pk):
        (state,) = RuleState.objects.filter(rule__preset="cost-anomaly")
        return state.state, [one.severity for one in Incident.objects.filter(rule__preset="cost-anomaly")]


@pytest.mark.parametrize(
    ("came", "state"),
    [(-HOUR, ""), (MINUTE, "critical")],
    ids=["what came by then is counted first", "what came later is not waited for"],
)
def test_a_day_is_judged_when_the_history_that_its_range_rests_on_is_counted(project, came, state):
    from alerts import evaluation, presets
    from alerts.models import AlertRule, Incident, RuleState
    from ingest.projects.scope import project_scope
    from observatory.metrics import roller

    start = day_start(GIANT, project.time_zone)
    end, now = start + DAY, start + DAY + 5 * MINUTE

    def calls(feature, usd, days):
        return [
            {"at": start - back * DAY + 9 * HOUR, "feature": feature, "cost_nano": (usd + (7 * back) % 5) * 10**9}
            for back in days
        ]

    def standing():
        while evaluation.evaluate(now, only=[project.pk], budget_s=5).left:
            pass
        with project_scope(project.pk):
            (one,) = RuleState.objects.filter(rule__preset="cost-anomaly")
            return one.state if one.judged_to == end else "", Incident.objects.filter(
                rule__preset="cost-anomaly"
            ).count()

    interactions(project, [*calls("a", 10, range(1, 41)), *calls("a", 52, [0])])
    roller.roll(start + HOUR, only=[project.pk], everything=True)
    roller.roll(now, only=[project.pk], everything=True)
    interactions(project, calls("b", 40, range(1, 41)))
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("UPDATE dirty_bucket SET marked_at = %s WHERE project_id = %s", [end + came, project.pk])
        presets.install(project.pk, start)
        AlertRule.objects.exclude(preset="cost-anomaly").update(is_paused=True)
    assert standing() == (state, int(bool(state)))
    if not state:
        roller.roll(now, only=[project.pk], everything=True)
        assert standing() == ("ok", 0), "with all of the history it is a day like the others"


@pytest.mark.parametrize(("amount_usd", "state"), [(10.2, "ok"), (9.65, "warning"), (40.0, "critical")])
def test_a_day_outside_its_expected_range_opens_an_incident(project, amount_usd, state):
    assert judged(project, amount_usd) == (state, [] if state == "ok" else [state])
