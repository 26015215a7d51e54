"""Interactions that were there before texts were read: to be read, too, from the oldest on."""

from django.db import migrations

from ingest.projects.walls import protect

# One row a project, however many interactions it has: the reader works its way through them.
TABLE = """
    CREATE TABLE unread_past (
        project_id bigint PRIMARY KEY,
        reached timestamptz NOT NULL DEFAULT 'epoch',
        reached_id text COLLATE "C" NOT NULL DEFAULT '',
        until timestamptz NOT NULL
    );
"""
# What 0005 found here was never enqueued. An event may be five minutes ahead of its receipt.
FILL = """
    INSERT INTO unread_past (project_id, until)
    SELECT p.id, m.applied + interval '5 minutes'
    FROM project p JOIN django_migrations m ON m.app = 'ingest' AND m.name = '0005_texts' AND p.created_at < m.applied
    ON CONFLICT DO NOTHING;
"""


class Migration(migrations.Migration):
    """Let the past be read."""

    dependencies = [("ingest", "0007_erasure")]
    operations = [
        migrations.RunSQL(TABLE),
        migrations.RunSQL(protect("unread_past", app="SELECT")),
        migrations.RunSQL(FILL),
    ]
