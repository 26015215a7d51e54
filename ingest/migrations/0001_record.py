"""The record: big tables partitioned by week, the dictionary, keys that make retries safe, and dirty marks."""

from django.db import migrations

from ingest.dimensions import COLUMNS
from ingest.projects.walls import protect

DIMENSIONS = ",\n".join(f"        {column} smallint NOT NULL DEFAULT 0" for column in COLUMNS)
PARTITIONED = ("interaction", "payload", "feedback", "verdict", "cost")

BIG_TABLES = f"""
    CREATE SCHEMA IF NOT EXISTS partitions AUTHORIZATION observatory_definer;

    CREATE TABLE interaction (
        project_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        claimed_at timestamptz,
        cost_nano bigint CHECK (cost_nano >= 0),
        latency_ms double precision,
        time_to_first_token_ms double precision,
        retrieval_latency_ms double precision,
        input_tokens integer,
        output_tokens integer,
        cached_input_tokens integer,
        cache_write_tokens integer,
        reasoning_tokens integer,
        prompt_chars integer,
        output_chars integer,
        retrieval_score real,
        flags integer NOT NULL DEFAULT 0,
        retrieval_documents smallint,
        status smallint NOT NULL DEFAULT 0,
        error_class smallint NOT NULL DEFAULT 0,
        cost_source smallint NOT NULL DEFAULT 0,
        cache smallint NOT NULL DEFAULT 0,
{DIMENSIONS},
        id text COLLATE "C" NOT NULL,
        user_id text COLLATE "C",
        session_id text COLLATE "C",
        trace_id text COLLATE "C",
        span_id text COLLATE "C",
        parent_id text COLLATE "C",
        PRIMARY KEY (project_id, occurred_at, id)
    ) PARTITION BY RANGE (occurred_at);
    CREATE INDEX interaction_cluster ON interaction (project_id, (coalesce(user_id, session_id, '')), occurred_at);

    CREATE TABLE payload (
        project_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        id text COLLATE "C" NOT NULL,
        prompt text,
        output text,
        error_message text,
        retrieval text,
        metadata text,
        cut text,
        PRIMARY KEY (project_id, occurred_at, id)
    ) PARTITION BY RANGE (occurred_at);

    CREATE TABLE feedback (
        project_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        interaction_at timestamptz,
        value double precision,
        edit_ratio real,
        kind smallint NOT NULL,
        feature_id smallint NOT NULL DEFAULT 0,
        id text COLLATE "C" NOT NULL,
        interaction_id text COLLATE "C",
        trace_id text COLLATE "C",
        span_id text COLLATE "C",
        session_id text COLLATE "C",
        user_id text COLLATE "C",
        name text COLLATE "C" NOT NULL DEFAULT '',
        label text,
        comment text,
        final_text text,
        metadata text,
        PRIMARY KEY (project_id, occurred_at, id)
    ) PARTITION BY RANGE (occurred_at);
    CREATE INDEX feedback_interaction ON feedback (project_id, interaction_id) WHERE interaction_id IS NOT NULL;

    CREATE TABLE verdict (
        project_id bigint NOT NULL,
        interaction_at timestamptz NOT NULL,
        said_at timestamptz NOT NULL,
        value double precision,
        edit_ratio real,
        kind smallint NOT NULL,
{DIMENSIONS},
        interaction_id text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL DEFAULT '',
        label text,
        cluster text COLLATE "C" NOT NULL,
        feedback_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (project_id, interaction_at, interaction_id, kind, name)
    ) PARTITION BY RANGE (interaction_at);

    CREATE TABLE cost (
        project_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        amount_nano bigint NOT NULL CHECK (amount_nano >= 0),
        component smallint NOT NULL,
{DIMENSIONS},
        id text COLLATE "C" NOT NULL,
        interaction_id text COLLATE "C",
        cluster text COLLATE "C",
        period_from timestamptz,
        period_to timestamptz,
        description text,
        metadata text,
        PRIMARY KEY (project_id, occurred_at, id)
    ) PARTITION BY RANGE (occurred_at);
"""

SMALL_TABLES = """
    CREATE TABLE record_key (
        project_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        key bytea NOT NULL,
        content bytea NOT NULL,
        PRIMARY KEY (project_id, key)
    );
    CREATE TABLE dimension_value (
        project_id bigint NOT NULL,
        dimension smallint NOT NULL,
        number smallint NOT NULL,
        value text COLLATE "C" NOT NULL,
        first_seen_at timestamptz NOT NULL,
        PRIMARY KEY (project_id, dimension, number),
        UNIQUE (project_id, dimension, value)
    );
    -- Feedback and linked costs that came before their interaction; the roller binds them.
    CREATE TABLE orphan (
        project_id bigint NOT NULL,
        interaction_key bytea NOT NULL,
        record_kind smallint NOT NULL,
        occurred_at timestamptz NOT NULL,
        id text COLLATE "C" NOT NULL,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (project_id, interaction_key, record_kind, occurred_at, id)
    );
    -- Append-only marks: which quarter of an hour and which minute of a project has to be counted again.
    CREATE TABLE dirty_bucket (
        project_id bigint NOT NULL,
        bucket timestamptz NOT NULL,
        facts smallint NOT NULL,
        marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX dirty_bucket_order ON dirty_bucket (project_id, bucket);
    CREATE TABLE dirty_user (
        project_id bigint NOT NULL,
        quarter timestamptz NOT NULL,
        cluster text COLLATE "C" NOT NULL,
        marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX dirty_user_order ON dirty_user (project_id, quarter);
"""

OWNERS = "\n".join(f"ALTER TABLE {table} OWNER TO observatory_definer;" for table in PARTITIONED)

PARTITION_FUNCTION = """
    CREATE FUNCTION ensure_partition(wanted timestamptz) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE
        lower timestamptz := date_trunc('week', wanted, 'UTC');
        upper timestamptz := lower + interval '7 days';
        parent text;
        part text;
        made integer := 0;
        key text;
    BEGIN
        IF wanted < now() - interval '405 days' OR wanted > now() + interval '30 days' THEN
            RAISE EXCEPTION 'no partition is made for %', wanted;
        END IF;
        PERFORM pg_advisory_xact_lock(7301, 1);
        FOREACH parent IN ARRAY ARRAY['interaction', 'payload', 'feedback', 'verdict', 'cost'] LOOP
            part := parent || '_' || to_char(lower AT TIME ZONE 'UTC', 'YYYYMMDD');
            key := CASE parent WHEN 'verdict' THEN 'interaction_at' ELSE 'occurred_at' END;
            CONTINUE WHEN to_regclass('partitions.' || part) IS NOT NULL;
            EXECUTE format('CREATE TABLE partitions.%I (LIKE public.%I INCLUDING ALL)', part, parent);
            EXECUTE format('ALTER TABLE partitions.%I ADD CONSTRAINT bounds CHECK (%I >= %L AND %I < %L)', part, key, lower, key, upper);
            EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION partitions.%I FOR VALUES FROM (%L) TO (%L)', parent, part, lower, upper);
            EXECUTE format('ALTER TABLE partitions.%I DROP CONSTRAINT bounds', part);
            made := made + 1;
        END LOOP;
        RETURN made;
    END $$;
    ALTER FUNCTION ensure_partition(timestamptz) OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION ensure_partition(timestamptz) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION ensure_partition(timestamptz) TO observatory_app, observatory_jobs, observatory_owner;
"""

WALLS = "\n".join(
    [
        protect("interaction", app="SELECT, INSERT, UPDATE"),
        protect("payload", app="SELECT, INSERT, UPDATE"),
        protect("feedback", app="SELECT, INSERT, UPDATE"),
        protect("verdict", app="SELECT, INSERT, UPDATE"),
        protect("cost", app="SELECT, INSERT, UPDATE"),
        protect("record_key", app="SELECT, INSERT"),
        protect("dimension_value", app="SELECT, INSERT"),
        protect("orphan", app="SELECT, INSERT"),
        protect("dirty_bucket", app="SELECT, INSERT"),
        protect("dirty_user", app="SELECT, INSERT"),
    ]
)


class Migration(migrations.Migration):
    """Make the record."""

    dependencies = [("projects", "0002_walls")]
    operations = [
        migrations.RunSQL(BIG_TABLES),
        migrations.RunSQL(SMALL_TABLES),
        migrations.RunSQL(WALLS),
        migrations.RunSQL(OWNERS),
        migrations.RunSQL(PARTITION_FUNCTION),
    ]
