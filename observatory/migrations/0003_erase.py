"""The queue of the duty that works off erasures."""

from django.db import migrations

QUEUES = ("erase",)
CREATE = "\n".join(f"SELECT pgmq.create_unlogged('{name}');" for name in QUEUES)
GRANTS = (
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(f'pgmq.q_{name}' for name in QUEUES)} TO observatory_jobs;"
)


class Migration(migrations.Migration):
    """Create the queue and grant it."""

    dependencies = [("observatory", "0002_retain")]
    operations = [
        migrations.RunSQL(CREATE, migrations.RunSQL.noop),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
    ]
