"""What people do with incidents."""

from datetime import timedelta

import pytest

from tests.alerts.conftest import START

MINUTE = timedelta(minutes=1)
LATER = START + timedelta(hours=3)


@pytest.fixture
def trouble(rule, judge, numbers):
    """Judge one more window of an error rate, at this value."""
    rule()
    steps = iter(range(1, 100))

    def judge_at(value):
        numbers.set("error_rate", value)
        return judge(START + 5 * next(steps) * MINUTE + MINUTE)

    return judge_at


@pytest.fixture
def scope(project):
    from ingest.projects.scope import project_scope

    return lambda: project_scope(project.id)


def test_acknowledging_names_who_and_when_and_happens_once(trouble, scope, member):
    from alerts import incidents

    trouble(0.03)
    with scope():
        (incident,) = incidents.open_incidents()
        assert incidents.acknowledge(incident, member, LATER)
        assert not incidents.acknowledge(incident, "somebody else", LATER)
        assert (incident.acknowledged_at, incident.acknowledged_by) == (LATER, member.username)
        assert [event.kind for event in incidents.events_of(incident)] == ["opened", "acknowledged"]


def test_resolving_by_hand_tells_people_and_holds_until_it_has_recovered(trouble, scope, member, hook, send):
    import json

    from alerts import incidents, receivers
    from alerts.models import Incident

    with scope():
        receivers.add_webhook(hook.url, START)
    trouble(0.03)
    with scope():
        (incident,) = incidents.open_incidents()
        assert incidents.resolve(incident, member, LATER, note="known")
        assert not incidents.resolve(incident, member, LATER)
        assert (incident.resolved_by, list(incidents.open_incidents())) == (member.username, [])
    trouble(0.03)
    trouble(0.04)
    with scope():
        assert Incident.objects.count() == 1, "still as bad as when a person ended it"
    trouble(0.0)
    trouble(0.0)
    trouble(0.03)
    with scope():
        assert Incident.objects.count() == 2
    send()
    bodies = sorted(
        (json.loads(request.body) for request in hook.received), key=lambda body: body["data"]["incident"]["id"]
    )
    assert [(body["type"], body["data"]["incident"]["resolved_by"]) for body in bodies] == [
        ("incident.opened", None),
        ("incident.resolved", member.username),
        ("incident.opened", None),
    ]


def test_something_worse_than_what_was_resolved_by_hand_opens_another(trouble, scope):
    from alerts import incidents

    trouble(0.03)
    with scope():
        incidents.resolve(incidents.open_incidents()[0], "ada", LATER)
    trouble(0.06)
    with scope():
        (incident,) = incidents.open_incidents()
        assert incident.severity == "critical"


def test_the_worst_incident_comes_first(project, rule, judge, numbers, feature, scope):
    from alerts import incidents

    for number, (name, value) in enumerate({"a": 0.06, "b": 0.03, "c": 0.07}.items(), start=3):
        feature(name, number)
        numbers.set("error_rate", value, feature=name)
    rule(feature="", scope="every_feature")
    judge(START + 6 * MINUTE)
    with scope():
        assert [(i.feature, i.severity) for i in incidents.open_incidents()] == [
            ("c", "critical"),
            ("a", "critical"),
            ("b", "warning"),
        ]


def test_pausing_a_rule_ends_its_incidents_and_resuming_judges_from_then_on(project, rule, judge, numbers, scope):
    from alerts import incidents, rules
    from alerts.models import Evaluation, RuleState

    made = rule()
    numbers.set("error_rate", 0.06)
    judge(START + 6 * MINUTE)
    with scope():
        rules.pause(made, START + 7 * MINUTE, by="ada")
        assert list(incidents.open_incidents()) == []
        assert RuleState.objects.get(rule=made).state == "paused"
    assert judge(START + 120 * MINUTE).judged == 0
    with scope():
        rules.resume(made, START + 121 * MINUTE)
    assert judge(START + 126 * MINUTE).opened == 1
    with scope():
        ends = list(Evaluation.objects.filter(rule=made).order_by("window_end").values_list("window_end", flat=True))
    assert ends == [START + 5 * MINUTE, START + 125 * MINUTE]


def test_a_window_without_data_keeps_an_incident_open(trouble, scope):
    from alerts import incidents
    from alerts.models import RuleState

    trouble(0.06)
    trouble(None)
    trouble(None)
    with scope():
        assert len(incidents.open_incidents()) == 1
        assert RuleState.objects.get().state in ("no_data", "unknown")
