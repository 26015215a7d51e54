"""Partitions of weeks that begin before the oldest day that is taken."""

from django.db import migrations

# A week begins up to seven days before an instant in it: with five to spare, the oldest events of a reach of 400 days
# found no partition on some days of the week.
WIDER = """
    DO $$ BEGIN
        EXECUTE replace(
            pg_get_functiondef('ensure_partition(timestamptz, text)'::regprocedure), '+ 5 INTO longest', '+ 8 INTO longest'
        );
    END $$;
"""


class Migration(migrations.Migration):
    """Let the first week of the reach have its partition on every day of the week."""

    dependencies = [("ingest", "0009_first_statistics")]
    operations = [migrations.RunSQL(WIDER)]
