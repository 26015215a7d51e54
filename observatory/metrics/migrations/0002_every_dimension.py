"""Sheets of every dimension and of their combinations, hours of them, and how far they reach."""

from django.db import migrations

WIDER = """
    -- Level 3 is the project's local hour. Dimension 100 has full combinations for values: `combinations` says which.
    ALTER TABLE sheet ADD COLUMN combinations bytea;
    ALTER TABLE sheet ALTER COLUMN combinations SET STORAGE EXTERNAL;

    -- An account of layout 0 has everything counted again that raw rows reach.
    ALTER TABLE rolled
        ADD COLUMN wide_from timestamptz NOT NULL DEFAULT 'epoch',
        ADD COLUMN hours_from timestamptz NOT NULL DEFAULT 'epoch',
        ADD COLUMN wide_at timestamptz NOT NULL DEFAULT 'epoch',
        ADD COLUMN layout smallint NOT NULL DEFAULT 0;
"""


class Migration(migrations.Migration):
    """Make room for them."""

    dependencies = [("metrics", "0001_rollups")]
    operations = [migrations.RunSQL(WIDER)]
