"""Rollups: sheets of counters and histograms, user rows, and how far each project is rolled up."""

from django.db import migrations

from ingest.projects.walls import protect

SHEETS = """
    -- One row holds all values of one dimension for one bucket; dimension 0 is the total, feature_id 0 all features.
    -- Levels: 1 minute, 2 quarter of an hour (UTC), 4 local day of the project; 3 is kept free for the local hour.
    CREATE TABLE sheet (
        project_id bigint NOT NULL,
        bucket timestamptz NOT NULL,
        level smallint NOT NULL,
        facts smallint NOT NULL,
        dimension smallint NOT NULL,
        feature_id smallint NOT NULL,
        counters bytea NOT NULL,
        latency_ms bytea,
        time_to_first_token_ms bytea,
        retrieval_latency_ms bytea,
        input_tokens bytea,
        output_tokens bytea,
        cost_nano bytea,
        rating bytea,
        PRIMARY KEY (project_id, level, facts, dimension, feature_id, bucket)
    );
    ALTER TABLE sheet
        ALTER COLUMN counters SET STORAGE EXTERNAL,
        ALTER COLUMN latency_ms SET STORAGE EXTERNAL,
        ALTER COLUMN time_to_first_token_ms SET STORAGE EXTERNAL,
        ALTER COLUMN retrieval_latency_ms SET STORAGE EXTERNAL,
        ALTER COLUMN input_tokens SET STORAGE EXTERNAL,
        ALTER COLUMN output_tokens SET STORAGE EXTERNAL,
        ALTER COLUMN cost_nano SET STORAGE EXTERNAL,
        ALTER COLUMN rating SET STORAGE EXTERNAL;

    -- Quarters and days whose finer rows changed after they were last merged (or were never merged): never read.
    CREATE TABLE unmerged (
        project_id bigint NOT NULL,
        level smallint NOT NULL,
        facts smallint NOT NULL,
        bucket timestamptz NOT NULL,
        PRIMARY KEY (project_id, level, facts, bucket)
    );
"""

USERS = """
    -- One row per local day, feature and user (without one: session; '' sums up calls that have neither).
    -- Sums of logarithms are millionths, rounded call by call, so that sums are exact in any order.
    CREATE TABLE user_day (
        project_id bigint NOT NULL,
        day date NOT NULL,
        cost_nano bigint NOT NULL,
        model_tokens_nano bigint NOT NULL,
        input_tokens bigint NOT NULL,
        output_tokens bigint NOT NULL,
        ln_input_tokens bigint NOT NULL,
        ln2_input_tokens bigint NOT NULL,
        ln_cost bigint NOT NULL,
        ln2_cost bigint NOT NULL,
        ln_latency bigint NOT NULL,
        ln2_latency bigint NOT NULL,
        ratings_micro bigint NOT NULL,
        ratings2_micro bigint NOT NULL,
        calls integer NOT NULL,
        errors integer NOT NULL,
        n_input_tokens integer NOT NULL,
        n_cost integer NOT NULL,
        n_latency integer NOT NULL,
        thumbs integer NOT NULL,
        thumbs_up integer NOT NULL,
        ratings integer NOT NULL,
        corrections integer NOT NULL,
        acceptances integer NOT NULL,
        dismissals integer NOT NULL,
        outcomes integer NOT NULL,
        completions integer NOT NULL,
        flagged integer NOT NULL,
        with_feedback integer NOT NULL,
        feature_id smallint NOT NULL,
        is_user boolean NOT NULL,
        cluster text COLLATE "C" NOT NULL,
        PRIMARY KEY (project_id, day, feature_id, cluster)
    );
"""

ACCOUNTS = """
    -- How far each project is rolled up.
    CREATE TABLE rolled (
        project_id bigint PRIMARY KEY,
        rolled_at timestamptz NOT NULL,
        complete_to timestamptz NOT NULL,
        feedback_complete_to timestamptz NOT NULL,
        minutes_from timestamptz NOT NULL,
        recent_at timestamptz NOT NULL,
        late_at timestamptz NOT NULL,
        last_interaction_at timestamptz,
        kinds_seen integer NOT NULL DEFAULT 0,
        time_zone text NOT NULL,
        changed_at timestamptz NOT NULL
    );
"""

TABLES = ("sheet", "unmerged", "user_day", "rolled")


class Migration(migrations.Migration):
    """Make the rollups."""

    dependencies = [("ingest", "0002_changes_and_prices")]
    operations = [
        *(migrations.RunSQL(sql) for sql in (SHEETS, USERS, ACCOUNTS)),
        *(migrations.RunSQL(protect(table, app="SELECT")) for table in TABLES),
    ]
