"""Rollups: sheets of counters and histograms, user rows, and how far each project is rolled up."""

from django.db import migrations

from ingest.projects.walls import protect

TABLES = """
    -- One row holds all values of one dimension for one bucket; feature_id 0 is all features together.
    CREATE TABLE sheet (
        project_id bigint NOT NULL,
        bucket timestamptz NOT NULL,
        level smallint NOT NULL,
        facts smallint NOT NULL,
        dimension smallint NOT NULL,
        feature_id smallint NOT NULL,
        counters bytea NOT NULL,
        histograms bytea,
        PRIMARY KEY (project_id, level, facts, dimension, feature_id, bucket)
    );
    ALTER TABLE sheet ALTER COLUMN counters SET STORAGE EXTERNAL, ALTER COLUMN histograms SET STORAGE EXTERNAL;

    -- One row per local day, feature and user (or session; '' sums up what has neither).
    CREATE TABLE user_day (
        project_id bigint NOT NULL,
        day date NOT NULL,
        feature_id smallint NOT NULL,
        cluster text COLLATE "C" NOT NULL,
        is_user boolean NOT NULL,
        calls integer NOT NULL,
        errors integer NOT NULL,
        thumbs_n integer NOT NULL,
        thumbs_k integer NOT NULL,
        corrections integer NOT NULL,
        input_tokens bigint NOT NULL,
        output_tokens bigint NOT NULL,
        cost_nano bigint NOT NULL,
        token_n integer NOT NULL,
        token_ln double precision NOT NULL,
        token_ln2 double precision NOT NULL,
        PRIMARY KEY (project_id, day, feature_id, cluster)
    );

    CREATE TABLE rolled (
        project_id bigint PRIMARY KEY,
        rolled_at timestamptz NOT NULL,
        complete_to timestamptz NOT NULL,
        last_interaction_at timestamptz
    );
"""


class Migration(migrations.Migration):
    """Make the rollups."""

    dependencies = [("ingest", "0002_changes_and_prices")]
    operations = [migrations.RunSQL(TABLES), *(migrations.RunSQL(protect(table, app="SELECT")) for table in ("sheet", "user_day", "rolled"))]
