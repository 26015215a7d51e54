"""Where a changed time zone has left days of the old one."""

from django.db import migrations

from ingest.projects.walls import protect

SEAMS = """
    -- What was counted by day before `at` (and since the seam before it) is days of `zone`: when the time zone changed,
    -- at changed_at, raw rows reached no further back.
    CREATE TABLE zone_seam (
        project_id bigint NOT NULL,
        at timestamptz NOT NULL,
        zone text NOT NULL,
        changed_at timestamptz NOT NULL,
        PRIMARY KEY (project_id, at)
    );
"""


class Migration(migrations.Migration):
    """Make the table; the roller fills it."""

    dependencies = [("metrics", "0008_user_sets")]
    operations = [migrations.RunSQL(SEAMS), migrations.RunSQL(protect("zone_seam", app="SELECT"))]
