"""The shipped rule on a day's cost, from raw rows to an incident: outside 95 % a warning, outside 99.9 % critical."""

from datetime import date

import pytest

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


@pytest.mark.parametrize(("amount_usd", "state"), [(10.2, "ok"), (9.65, "warning"), (40.0, "critical")])
def test_a_day_outside_its_expected_range_opens_an_incident(project, amount_usd, state):
    assert judged(project, amount_usd) == (state, [] if state == "ok" else [state])
