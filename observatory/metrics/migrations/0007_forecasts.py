"""Forecasts of cost: the last one of each month, and what was to be expected of each day."""

from django.db import migrations

from ingest.projects.walls import protect

TABLES = """
    -- One row a month, replaced whenever its basis has changed. The outlook is what `forecasting.outlook` says, as JSON.
    CREATE TABLE forecast (
        project_id bigint NOT NULL,
        month date NOT NULL,
        basis date NOT NULL,
        made_at timestamptz NOT NULL,
        time_zone text NOT NULL,
        digest bytea NOT NULL,
        outlook jsonb NOT NULL,
        whole_months jsonb NOT NULL,
        PRIMARY KEY (project_id, month)
    );

    -- What the days before it let expect of a day: ln(cost in USD + offset) is normal. A row stands for as long as the
    -- days before it are what they were: before_nano is the cost of the eight weeks up to it.
    CREATE TABLE expected_cost (
        project_id bigint NOT NULL,
        day date NOT NULL,
        middle double precision NOT NULL,
        deviation double precision NOT NULL,
        offset_usd double precision NOT NULL,
        before_nano bigint NOT NULL,
        known_days smallint NOT NULL,
        PRIMARY KEY (project_id, day)
    );
"""


class Migration(migrations.Migration):
    """Make the two tables."""

    dependencies = [("metrics", "0006_exports")]
    operations = [
        migrations.RunSQL(TABLES),
        *(migrations.RunSQL(protect(table, app="SELECT")) for table in ("forecast", "expected_cost")),
    ]
