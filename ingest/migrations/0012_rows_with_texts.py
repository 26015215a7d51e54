"""What the text horizon still has to clear of costs and user events, and who said what stands alone."""

from typing import ClassVar

from django.db import migrations

from ingest.dimensions import FeedbackKind

# Most rows hold no text and are in neither index.
TEXTS = """
    CREATE INDEX cost_texts ON cost (project_id, occurred_at, id)
        WHERE (description IS NOT NULL OR metadata IS NOT NULL);
    CREATE INDEX user_event_texts ON user_event (project_id, occurred_at, id) WHERE metadata IS NOT NULL;
"""
# Whether a feature ever had feedback of a kind that no counter tells of: the first row met is the answer.
ALONE = (FeedbackKind.ESCALATION, FeedbackKind.SURVEY, FeedbackKind.NPS, FeedbackKind.TICKET)
SAID = f"""
    CREATE INDEX feedback_said ON feedback (project_id, kind, feature_id)
        WHERE kind IN ({", ".join(str(int(kind)) for kind in ALONE)});
"""


class Migration(migrations.Migration):
    """Let rows be found that still hold a text, and feedback that stands alone by its feature."""

    dependencies: ClassVar = [("ingest", "0011_kept_words")]
    operations: ClassVar = [migrations.RunSQL(TEXTS), migrations.RunSQL(SAID)]
