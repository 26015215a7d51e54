"""What is still needed of a user's events when the raw horizon has passed them."""

from typing import ClassVar

from django.db import migrations

# A sweep goes on where it stopped: what it has kept it never goes through again.
KEPT = """
    ALTER TABLE user_event ADD COLUMN is_kept boolean NOT NULL DEFAULT false;
    CREATE INDEX user_event_unswept ON user_event (project_id, occurred_at, id) WHERE NOT is_kept;
"""


class Migration(migrations.Migration):
    """Let events outlive the raw horizon, and be told from those that it has not passed yet."""

    dependencies: ClassVar = [("ingest", "0010_whole_weeks")]
    operations: ClassVar = [migrations.RunSQL(KEPT)]
