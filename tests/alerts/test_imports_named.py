"""History without a feature of its own is silent, too: feedback and costs of calls that are there, and what is the project's."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from ingest import timeline
from ingest.projects.models import Feature
from ingest.projects.scope import project_scope

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CALLS = 30
WATCHED = {
    "thumbs": ("thumbs_up_rate", "below", 0.9, (7 * 1440, 0), "every_feature"),
    "thumbs of all": ("thumbs_up_rate", "below", 0.9, (7 * 1440, 0), "project"),
    "costs": ("cost_other", "above", 1.0, (1440, 0), "every_feature"),
    "costs of all": ("cost_other", "above", 1.0, (1440, 0), "project"),
    "escalations": ("escalations_24h", "above", 1.0, (1440, 180), "project"),
    "errors": ("error_rate", "above", 0.5, (60, 60), "project"),
}


@pytest.fixture
def watched(project):
    """The project with rules of the project and of its features, active for the last sixty days; the shipped ones rest."""
    from alerts import presets, rules
    from alerts.limits import Terms
    from alerts.models import AlertRule
    from alerts.rules import Windows
    from alerts.severity import Side

    then = timeline.now() - 60 * DAY
    with project_scope(project.id):
        presets.install(project.id, then)
        AlertRule.objects.update(is_paused=True)
        for name, (metric, side, limit, windows, scope) in WATCHED.items():
            terms = Terms(Side(side), limit, None, 0)
            rules.create(name=name, metric=metric, terms=terms, windows=Windows(*windows), now=then, scope=scope)
    return project


@pytest.fixture
def lived(watched, post):
    """Send calls as an app does, some at each of so long ago; the feature counts as first seen then. Gives their names."""

    def run(*agos, **fields):
        names = [f"{ago}-{n}" for ago in agos for n in range(CALLS)]
        calls = [
            {"id": f"i-{name}", "trace_id": f"t-{name}", "feature": "chat", "occurred_at": _before(ago), **fields}
            for name, ago in zip(names, [ago for ago in agos for _ in range(CALLS)], strict=True)
        ]
        assert post("interactions", calls).status_code == 200
        with project_scope(watched.id):
            Feature.objects.update(first_seen_at=timeline.now() - max(agos) - HOUR)
        return names

    return run


@pytest.fixture
def bring_in(watched, tmp_path):
    """Import items of a kind in this very process."""

    def run(kind, lines, *words):
        path = tmp_path / f"{kind}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        words = ["--kind", kind, "--processes", "1", *words]
        call_command("import", watched.slug, str(path), *words, stdout=io.StringIO(), stderr=io.StringIO())

    return run


def _before(ago):
    return (timeline.now() - ago).isoformat()


def down(about, ago=HOUR, **fields):
    return {"kind": "thumb", "value": "down", "occurred_at": _before(ago), **about, **fields}


def spent(ago, **fields):
    return {"component": "other", "amount_usd": 50, "occurred_at": _before(ago), **fields}


def escalations(ago, count=5):
    return [{"kind": "escalation", "occurred_at": _before(ago), "id": f"e-{ago}-{n}"} for n in range(count)]


DAYS = [n * DAY for n in (2, 3, 4)]
ALL = {"thumbs", "thumbs of all", "costs", "costs of all", "escalations"}


@pytest.fixture
def histories(lived, bring_in):
    """Import what was said and spent about calls that an app has sent, and about none; no line names a feature."""

    def run(*words):
        names = lived(*DAYS)
        half = len(names) // 2
        said = [down({"interaction_id": f"i-{name}"}) for name in names[:half]]
        said += [down({"trace_id": f"t-{name}"}) for name in names[half:]]
        said += escalations(4 * HOUR)
        bring_in("feedback", said, *words)
        bring_in("cost", [spent(HOUR, interaction_id=f"i-{names[-1]}"), spent(2 * DAY)], *words)

    return run


def test_what_is_said_and_spent_later_opens_no_incident(histories, told, watched):
    from alerts.models import Evaluation

    histories()
    assert told() == set()
    with project_scope(watched.id):
        states = dict.fromkeys(Evaluation.objects.values_list("rule__name", "state"))
    assert {name for name, _ in states} == set(WATCHED)
    assert {state for _, state in states} <= {"learning", "no_data", "unknown"}


def test_with_alert_it_is_judged_as_if_apps_had_sent_it(histories, told):
    histories("--alert")
    assert told() == ALL


def test_overhead_silences_no_rule_of_a_feature(lived, bring_in, told, post):
    *_, name = lived(*DAYS)
    bring_in("cost", [spent(HOUR)])
    assert post("costs", [spent(HOUR, interaction_id=f"i-{name}")]).status_code == 200
    assert told() == {"costs"}


def test_a_year_that_ended_yesterday_stops_no_hourly_rule_of_today(lived, bring_in, told):
    lived(30 * HOUR)
    bring_in("feedback", [one for day in range(1, 365, 20) for one in escalations(day * DAY + 2 * HOUR)])
    bring_in("cost", [spent(DAY + 2 * HOUR), spent(100 * DAY)])
    lived(2 * HOUR, 3 * HOUR, 4 * HOUR, status="error", error_class="server")
    assert told() == {"errors"}


def test_what_comes_live_after_the_import_is_told(lived, bring_in, told, post):
    lived(*DAYS)
    bring_in("feedback", escalations(5 * DAY))
    assert post("feedback", escalations(4 * HOUR)).status_code == 200
    assert told() == {"escalations"}
