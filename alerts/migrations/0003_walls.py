"""The walls around rules, incidents and the outbox, with what pages need of each table."""

from django.db import migrations

from ingest.projects.walls import protect

WALLS = (
    protect("alert_rule", app="SELECT, INSERT, UPDATE"),
    protect("rule_state", app="SELECT, UPDATE"),
    protect("evaluation", app="SELECT"),
    protect("incident", app="SELECT, UPDATE"),
    protect("incident_event", app="SELECT, INSERT"),
    protect("recipient"),
    protect("webhook"),
    protect("delivery"),
)


class Migration(migrations.Migration):
    """Raise both walls around the tables of alerting."""

    dependencies = [("alerts", "0002_incidents"), ("projects", "0002_walls")]
    operations = [migrations.RunSQL(wall) for wall in WALLS]
