"""Events that came too late, how far retention is in each project, and weeks that may go."""

from django.db import migrations

from ingest.dimensions import FeedbackKind
from ingest.projects.walls import protect

# An escalation's label is the reason that somebody wrote.
HAS_TEXT = f"""(comment IS NOT NULL OR final_text IS NOT NULL OR metadata IS NOT NULL
            OR kind = {FeedbackKind.ESCALATION:d} AND label IS NOT NULL)"""

TABLES = f"""
    -- Events from before the raw horizon: counted, never measured. The key is that of their row in record_key.
    CREATE TABLE late (
        project_id bigint NOT NULL,
        received_at timestamptz NOT NULL,
        occurred_at timestamptz NOT NULL,
        record_kind smallint NOT NULL,
        key bytea NOT NULL,
        id text COLLATE "C" NOT NULL,
        feature text,
        PRIMARY KEY (project_id, key)
    );
    CREATE INDEX late_order ON late (project_id, received_at);

    -- The horizon that was announced to every writer, and up to where rows are gone.
    CREATE TABLE retained (
        project_id bigint PRIMARY KEY,
        announced timestamptz,
        announced_at timestamptz,
        raw_gone timestamptz,
        text_gone timestamptz,
        rollups_gone timestamptz,
        quarters_gone timestamptz,
        swept_at timestamptz
    );

    -- When work that is due once a day, and belongs to no project, was last done.
    CREATE TABLE chore (name text PRIMARY KEY, done_at timestamptz NOT NULL);
    REVOKE ALL ON chore FROM observatory_app;

    -- Feedback whose texts are still there: what the text horizon has to clear.
    CREATE INDEX feedback_texts ON feedback (project_id, occurred_at)
        WHERE {HAS_TEXT};
"""

# The big tables, with the column that says which week a row belongs to.
PARENTS = """
            SELECT c.relname::text AS name, a.attname::text AS at
            FROM pg_partitioned_table p
            JOIN pg_class c ON c.oid = p.partrelid
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
            WHERE c.relnamespace = 'public'::regnamespace
            ORDER BY c.relname"""
WEEK = """
        lower timestamptz := date_trunc('week', wanted, 'UTC');
        upper timestamptz := lower + interval '7 days';
        parent record;
        part text;"""

# `needed` names the one table whose week is wanted: a bill of a year makes no room for a year of interactions.
ENSURE = f"""
    DROP FUNCTION ensure_partition(timestamptz);
    CREATE FUNCTION ensure_partition(wanted timestamptz, needed text DEFAULT NULL) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE{WEEK}
        made integer := 0;
        longest integer;
    BEGIN
        SELECT least(greatest(max(raw_days), 400), 3650) + 5 INTO longest FROM public.project;
        IF wanted < now() - longest * interval '1 day' OR wanted > now() + interval '30 days' THEN
            RAISE EXCEPTION 'no partition is made for %', wanted;
        END IF;
        PERFORM pg_advisory_xact_lock(7301, 1);
        FOR parent IN{PARENTS}
        LOOP
            part := parent.name || '_' || to_char(lower AT TIME ZONE 'UTC', 'YYYYMMDD');
            CONTINUE WHEN parent.name <> needed OR to_regclass('partitions.' || part) IS NOT NULL;
            EXECUTE format('CREATE TABLE partitions.%I (LIKE public.%I INCLUDING ALL)', part, parent.name);
            EXECUTE format('ALTER TABLE partitions.%I ADD CONSTRAINT bounds CHECK (%I >= %L AND %I < %L)', part, parent.at, lower, parent.at, upper);
            EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION partitions.%I FOR VALUES FROM (%L) TO (%L)', parent.name, part, lower, upper);
            EXECUTE format('ALTER TABLE partitions.%I DROP CONSTRAINT bounds', part);
            made := made + 1;
        END LOOP;
        RETURN made;
    END $$;
    ALTER FUNCTION ensure_partition(timestamptz, text) OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION ensure_partition(timestamptz, text) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION ensure_partition(timestamptz, text) TO observatory_app, observatory_jobs, observatory_owner;
"""

# Whether a week has rows in any of the tables that go together: texts, or all the others.
USED = f"""
    CREATE FUNCTION week_is_used(week text, of_texts boolean) RETURNS boolean
        LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE
        parent record;
        is_used boolean;
    BEGIN
        FOR parent IN{PARENTS}
        LOOP
            CONTINUE WHEN (parent.name IN ('payload', 'search')) <> of_texts
                OR to_regclass('partitions.' || parent.name || week) IS NULL;
            EXECUTE format('SELECT EXISTS (SELECT FROM partitions.%I)', parent.name || week) INTO is_used;
            IF is_used THEN
                RETURN true;
            END IF;
        END LOOP;
        RETURN false;
    END $$;
    ALTER FUNCTION week_is_used(text, boolean) OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION week_is_used(text, boolean) FROM PUBLIC;
"""

# One table a call, so that no two parents are locked together. Detaching locks the parent for an instant: whoever
# holds it longer than the time-out makes this fail, not wait, for behind a waiting lock every insert would wait too.
DROP = f"""
    CREATE FUNCTION drop_partition(wanted timestamptz) RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '250ms' AS $$
    DECLARE{WEEK}
        week text := '_' || to_char(lower AT TIME ZONE 'UTC', 'YYYYMMDD');
        of_texts boolean;
        is_used boolean;
    BEGIN
        IF upper > now() THEN
            RAISE EXCEPTION 'the week of % is not over', wanted;
        END IF;
        PERFORM pg_advisory_xact_lock(7301, 1);
        FOR parent IN{PARENTS}
        LOOP
            part := parent.name || week;
            of_texts := parent.name IN ('payload', 'search');
            CONTINUE WHEN to_regclass('partitions.' || part) IS NULL;
            CONTINUE WHEN EXISTS (
                SELECT FROM public.project
                WHERE upper > CASE WHEN of_texts
                    THEN coalesce(text_horizon, now() - least(text_days, 3650) * interval '1 day')
                    ELSE coalesce(raw_horizon, now() - least(raw_days, 3650) * interval '1 day') END);
            CONTINUE WHEN public.week_is_used(week, of_texts);
            EXECUTE format('ALTER TABLE public.%I DETACH PARTITION partitions.%I', parent.name, part);
            EXECUTE format('SELECT EXISTS (SELECT FROM partitions.%I)', part) INTO is_used;
            IF is_used THEN
                RAISE EXCEPTION '% has got rows', part;
            END IF;
            EXECUTE format('DROP TABLE partitions.%I', part);
            RETURN part;
        END LOOP;
        RETURN NULL;
    END $$;
    ALTER FUNCTION drop_partition(timestamptz) OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION drop_partition(timestamptz) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION drop_partition(timestamptz) TO observatory_jobs, observatory_owner;
"""


class Migration(migrations.Migration):
    """Keep what is kept, and no longer."""

    dependencies = [("projects", "0003_policies"), ("ingest", "0005_texts")]
    operations = [
        migrations.RunSQL(TABLES),
        migrations.RunSQL(protect("late", app="SELECT, INSERT")),
        migrations.RunSQL(protect("retained", app="SELECT")),
        migrations.RunSQL(ENSURE),
        migrations.RunSQL(USED),
        migrations.RunSQL(DROP),
    ]
