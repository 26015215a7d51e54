"""What pages do to rules, incidents and receivers works as the web's own role, and stays inside one project."""

import json
import subprocess
import sys
from datetime import timedelta

from tests.alerts.conftest import START
from tests.harness.installation import ROOT

PAGES = """
import json, sys
import django
django.setup()
from django.db import connection
from alerts import incidents, mailbox, presets, receivers, rules
from alerts.limits import Terms
from alerts.models import AlertRule, Delivery, Recipient
from alerts.rules import Windows
from alerts.severity import Side
from ingest import timeline
from ingest.projects.scope import project_scope

now, mine, other, hook = timeline.now(), int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with project_scope(other):
    fresh = presets.install(other, now)
with project_scope(mine):
    (incident,) = incidents.open_incidents()
    acknowledged = incidents.acknowledge(incident, "maya", now)
    resolved = incidents.resolve(incident, "maya", now)
    made = rules.create(name="by hand", metric="calls", terms=Terms(Side.BELOW, 5, None), windows=Windows(60, 15), now=now)
    rules.change_limits(made, warning=3, critical=1, minimum_sample=0)
    rules.pause(made, now, by="maya")
    rules.resume(made, now)
    recipient = receivers.add_recipient("web@example.com", now)
    receivers.send_test(recipient)
    webhook = receivers.add_webhook(hook, now)
    receivers.send_test(webhook)
    receivers.switch(webhook, on=False)
    recipient.delete()
    left = list(Delivery.objects.order_by("id").values_list("kind", "state"))
    mails = mailbox.messages()
    with connection.cursor() as cursor:
        seen = {}
        for table in ("alert_rule", "rule_state", "evaluation", "incident", "incident_event", "recipient", "webhook", "delivery"):
            cursor.execute(f"SELECT DISTINCT project_id FROM {table}")
            seen[table] = [row[0] for row in cursor.fetchall()]
print(json.dumps({"fresh": fresh, "acknowledged": acknowledged, "resolved": resolved, "left": left, "seen": seen}))
"""


def test_pages_work_as_the_webs_role_and_see_one_project(
    project, make_project, rule, judge, numbers, hook, installation
):
    rule()
    numbers.set("error_rate", 0.06)
    judge(START + timedelta(minutes=6))
    words = [sys.executable, "-c", PAGES, str(project.id), str(make_project().id), hook.url]
    environment = {**installation.environment, "OBSERVATORY_ROLE": "app"}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["fresh"] == 20
    assert (said["acknowledged"], said["resolved"]) == (True, True)
    assert said["left"] == [["test", "dropped"]]
    assert {number for numbers in said["seen"].values() for number in numbers} == {project.id}
