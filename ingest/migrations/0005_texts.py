"""Texts to be read, the search table, and what is kept of texts that are not."""

from django.db import migrations

# What hash-only projects keep of texts: two keyed bytes a word of the output, and descriptors as JSON.
KEPT_OF_TEXTS = """
    ALTER TABLE payload ADD COLUMN word_marks bytea, ADD COLUMN descriptors text;
"""


class Migration(migrations.Migration):
    """Texts to be read, the search table, and what is kept of texts that are not."""

    dependencies = [("ingest", "0004_trails")]
    operations = [migrations.RunSQL(KEPT_OF_TEXTS)]
