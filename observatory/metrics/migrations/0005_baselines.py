"""Baselines that somebody pinned, with what is frozen of them."""

from django.db import migrations

from ingest.projects.walls import protect

BASELINES = """
    -- feature_id 0: all features. Contents stay empty until the window is over, mature and counted.
    CREATE TABLE baseline (
        project_id bigint NOT NULL,
        from_at timestamptz NOT NULL,
        to_at timestamptz NOT NULL,
        pinned_at timestamptz NOT NULL,
        frozen_at timestamptz,
        feature_id smallint NOT NULL,
        name text COLLATE "C" NOT NULL,
        note text NOT NULL DEFAULT '',
        pinned_by text NOT NULL,
        contents bytea,
        PRIMARY KEY (project_id, feature_id, name),
        CONSTRAINT frozen_with_contents CHECK ((frozen_at IS NULL) = (contents IS NULL)),
        CONSTRAINT a_window_does_not_end_before_it_starts CHECK (to_at >= from_at)
    );
    ALTER TABLE baseline ALTER COLUMN contents SET STORAGE EXTERNAL;
"""


class Migration(migrations.Migration):
    """Make the table of pinned baselines."""

    dependencies = [("metrics", "0004_business")]
    operations = [migrations.RunSQL(BASELINES), migrations.RunSQL(protect("baseline"))]
