"""What providers let a project do in a minute, and a short way to feedback that goes by its own time."""

from django.db import migrations

from ingest.dimensions import FeedbackKind
from ingest.projects.walls import protect

LIMITS = """
    -- An empty model is all models of the provider together; a number that is missing limits nothing.
    CREATE TABLE provider_limit (
        project_id bigint NOT NULL,
        requests_per_minute bigint CHECK (requests_per_minute > 0),
        tokens_per_minute bigint CHECK (tokens_per_minute > 0),
        provider text COLLATE "C" NOT NULL,
        model text COLLATE "C" NOT NULL DEFAULT '',
        PRIMARY KEY (project_id, provider, model),
        CHECK (requests_per_minute IS NOT NULL OR tokens_per_minute IS NOT NULL)
    );
"""
ALONE = (FeedbackKind.ESCALATION, FeedbackKind.SURVEY, FeedbackKind.NPS, FeedbackKind.TICKET)
# Few rows among many: without it every survey of a month is looked for among all thumbs.
STANDING = f"""
    CREATE INDEX feedback_alone ON feedback (project_id, kind, occurred_at)
        WHERE kind IN ({", ".join(str(int(kind)) for kind in ALONE)});
"""


class Migration(migrations.Migration):
    """Make the table with its wall, and the index."""

    dependencies = [("metrics", "0003_people"), ("ingest", "0009_first_statistics")]
    operations = [
        migrations.RunSQL(LIMITS),
        migrations.RunSQL(protect("provider_limit", app="SELECT")),
        migrations.RunSQL(STANDING),
    ]
