"""What the text horizon still has to clear of feedback, costs and user events, and feedback of a kind by its feature."""

from typing import ClassVar

from django.db import migrations

from ingest.dimensions import FeedbackKind

# As in 0006.
HAS_TEXT = f"""(comment IS NOT NULL OR final_text IS NOT NULL OR metadata IS NOT NULL
            OR kind = {FeedbackKind.ESCALATION:d} AND label IS NOT NULL)"""
# Most rows hold no text and are in none of the indexes. Of a project that it has no statistics of, the planner cannot tell
# them from the primary key: none but they begin with this sum. With the id a portion has its bounds in the index,
# however many rows share an instant.
TEXTS = f"""
    DROP INDEX feedback_texts;
    CREATE INDEX feedback_texts ON feedback ((project_id + 0), occurred_at, id) WHERE {HAS_TEXT};
    CREATE INDEX cost_texts ON cost ((project_id + 0), occurred_at, id)
        WHERE (description IS NOT NULL OR metadata IS NOT NULL);
    CREATE INDEX user_event_texts ON user_event ((project_id + 0), occurred_at, id) WHERE metadata IS NOT NULL;
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
