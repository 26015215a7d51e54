"""The message queues: pgmq as plain SQL, in a schema of its own that only the jobs role may use.

The queues are unlogged. Their messages are hints, so a crash may empty them, and ticks then cost no flush of the disk.
The SQL comes from the pgmq package that requirements.txt pins; a newer one needs a migration of its own.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

QUEUES = ("roll", "drift", "evaluate", "partitions", "dispatch")
CREATE = "\n".join(f"SELECT pgmq.create_unlogged('{name}');" for name in QUEUES)
GRANTS = f"""
    REVOKE ALL ON SCHEMA pgmq FROM PUBLIC;
    GRANT USAGE ON SCHEMA pgmq TO observatory_jobs;
    GRANT SELECT ON pgmq.meta TO observatory_jobs;
    GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(f"pgmq.q_{name}" for name in QUEUES)} TO observatory_jobs;
"""


def install(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Run pgmq's own SQL. It is imported here: the web reads all migrations and needs none of it."""
    from pgmq import get_embedded_install_sql

    schema_editor.execute(get_embedded_install_sql(), params=None)


class Migration(migrations.Migration):
    """Install pgmq, create the queues, grant them."""

    initial = True
    dependencies = []
    operations = [
        migrations.RunPython(install, lambda _, schema_editor: schema_editor.execute("DROP SCHEMA pgmq CASCADE")),
        migrations.RunSQL(CREATE, migrations.RunSQL.noop),
        migrations.RunSQL(GRANTS, migrations.RunSQL.noop),
    ]
