"""The queue of the duty that forgets what is no longer kept."""

from django.db import migrations

QUEUES = ("retain",)
CREATE = "\n".join(f"SELECT pgmq.create_unlogged('{name}');" for name in QUEUES)
GRANTS = (
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(f'pgmq.q_{name}' for name in QUEUES)} TO observatory_jobs;"
)


class Migration(migrations.Migration):
    """Create the queue and grant it."""

    dependencies = [("observatory", "0001_broker")]
    operations = [
        migrations.RunSQL(CREATE, migrations.RunSQL.noop),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
    ]
