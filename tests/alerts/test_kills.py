"""A sender that is killed costs a second message with the same id, and never a lost one."""

import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest

from tests.alerts.conftest import START
from tests.harness.installation import ROOT

pytestmark = pytest.mark.fault
FEATURES = 5


@pytest.fixture
def scenario(project, rule, feature, judge, numbers, hook, send, installation):
    """Open an incident on each feature, kill a sender at a moment, let its leases run out, send again.

    Gives the ids of the outbox and how often each arrived.
    """
    from alerts import receivers
    from alerts.models import Delivery
    from ingest.projects.scope import project_scope

    def run(moment: str, *bug: str):
        for number in range(FEATURES):
            feature(f"feature-{number}", 10 + number)
            numbers.set("error_rate", 0.06, feature=f"feature-{number}")
        with project_scope(project.id):
            receivers.add_webhook(hook.url, START)
        rule(feature="", scope="every_feature")
        assert judge(START + timedelta(minutes=6)).opened == FEATURES
        words = [sys.executable, "-m", "tests.alerts.sender", str(project.id), moment, *bug]
        environment = {**installation.environment, "OBSERVATORY_ROLE": "jobs"}
        child = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "here\n"
        child.kill()
        child.wait()
        child.stdout.close()
        with project_scope(project.id):
            assert Delivery.objects.filter(state="pending", leased_until=None).count() == 0, "all were leased or marked"
            Delivery.objects.filter(state="pending").update(leased_until=START)
            ids = set(Delivery.objects.values_list("message_id", flat=True))
        send()
        return ids, Counter(request.headers["webhook-id"] for request in hook.received)

    return run


@pytest.mark.parametrize(("moment", "times"), [("before-sending", 1), ("before-marking", 2)])
def test_a_killed_sender_loses_nothing_and_repeats_only_under_the_same_id(scenario, moment, times):
    ids, arrived = scenario(moment)
    assert set(arrived) == ids
    assert len(ids) == FEATURES
    assert set(arrived.values()) == {times}


def test_the_planted_bug_of_marking_before_sending_is_seen(scenario):
    ids, arrived = scenario("before-sending", "mark-before-send")
    assert len(ids) == FEATURES
    assert ids - set(arrived) == ids, "this test must notice lost messages"
