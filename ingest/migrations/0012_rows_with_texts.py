"""What the text horizon still has to clear of costs and user events."""

from typing import ClassVar

from django.db import migrations

# Most rows hold no text and are in neither index.
TEXTS = """
    CREATE INDEX cost_texts ON cost (project_id, occurred_at, id)
        WHERE (description IS NOT NULL OR metadata IS NOT NULL);
    CREATE INDEX user_event_texts ON user_event (project_id, occurred_at, id) WHERE metadata IS NOT NULL;
"""


class Migration(migrations.Migration):
    """Let rows be found that still hold a text."""

    dependencies: ClassVar = [("ingest", "0011_kept_words")]
    operations: ClassVar = [migrations.RunSQL(TEXTS)]
