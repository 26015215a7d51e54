"""Texts to be read, the search table, and what is kept of texts that are not."""

from django.db import migrations

from ingest.dimensions import EVERY_MARK, FeedbackKind
from ingest.projects.walls import protect

# What hash-only projects keep of texts: keyed hashes, two keyed bytes a word of what is compared, and descriptors as JSON.
KEPT_OF_TEXTS = """
    ALTER TABLE payload ADD COLUMN prompt_hash bytea, ADD COLUMN output_hash bytea, ADD COLUMN error_hash bytea,
        ADD COLUMN word_marks bytea, ADD COLUMN descriptors text;
    ALTER TABLE feedback ADD COLUMN word_marks bytea;
"""

QUEUES = """
    -- Interactions to be read once: one row a request, in its commit. The ids of a hundred stay in the row, unpacked.
    CREATE TABLE unread (
        project_id bigint NOT NULL,
        received_at timestamptz NOT NULL,
        occurred_at timestamptz[] STORAGE EXTERNAL NOT NULL,
        id text[] STORAGE EXTERNAL COLLATE "C" NOT NULL
    ) WITH (toast_tuple_target = 8160);
    CREATE INDEX unread_order ON unread (project_id, received_at);

    -- Interactions whose dimensions were written later: their verdicts get the same ones.
    CREATE TABLE uncopied (
        project_id bigint NOT NULL,
        written_at timestamptz NOT NULL,
        occurred_at timestamptz[] NOT NULL,
        id text[] COLLATE "C" NOT NULL
    );
    CREATE INDEX uncopied_order ON uncopied (project_id, written_at);

    -- Beyond what an interaction of a feature is marked; feature 0 tells when the project was measured.
    CREATE TABLE usual_limit (
        project_id bigint NOT NULL,
        feature_id smallint NOT NULL,
        measured_at timestamptz NOT NULL,
        sample integer NOT NULL,
        cost_nano bigint,
        latency_ms double precision,
        input_tokens integer,
        output_tokens integer,
        prompt_chars integer,
        output_chars integer,
        PRIMARY KEY (project_id, feature_id)
    );
"""

# `words` also holds '#<project>' and '#<project>.<feature>', which no text can contain: the index then leads straight
# to one project's rows, however many share a word.
SEARCH = f"""
    CREATE TABLE search (
        project_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        output_hash bigint,
        id text COLLATE "C" NOT NULL,
        words tsvector NOT NULL,
        PRIMARY KEY (project_id, occurred_at, id)
    ) PARTITION BY RANGE (occurred_at);
    CREATE INDEX search_words ON search USING gin (words);
    -- The hash is seeded with the project, and the index begins with it: no look-up by it can go through a day of rows.
    CREATE INDEX search_output ON search (output_hash, occurred_at) WHERE output_hash IS NOT NULL;
    ALTER TABLE search OWNER TO observatory_definer;

    CREATE INDEX interaction_marked ON interaction (project_id, occurred_at, id) WHERE (flags & {EVERY_MARK}) <> 0;
"""

# As in 0001, with the search table. Replaced functions keep owner and rights.
ENSURE = """
    CREATE OR REPLACE FUNCTION ensure_partition(wanted timestamptz) RETURNS integer
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
        FOREACH parent IN ARRAY ARRAY['interaction', 'payload', 'search', 'feedback', 'verdict', 'cost'] LOOP
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
"""
WEEKS_THAT_EXIST = """
    SELECT ensure_partition(day + interval '6 days') FROM (
        SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' AS day
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'payload'::regclass) week
    WHERE day > now() - interval '405 days' AND day < now() + interval '20 days';
"""

# Row-level security keeps the index on words from being used by the web's role, so this runs as the definer and reads
# the project from the setting. It goes from week to week and ends as soon as it has enough: a common word is found in
# the first week by its time, a rare one in each week by the index. Without a project or a word there is nothing.
SEARCH_FUNCTION = f"""
    CREATE FUNCTION search_interactions(
        sought text, since timestamptz, until timestamptz, most integer,
        edge_at timestamptz, edge_id text, is_newer boolean,
        feature smallint, model smallint, has_failed boolean, price_source smallint, marks integer, thumb text)
        RETURNS TABLE (occurred_at timestamptz, id text)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE
        project bigint := NULLIF(current_setting('observatory.project', true), '')::bigint;
        wanted tsquery := websearch_to_tsquery('simple', sought);
        first timestamptz;
        last timestamptz;
        week timestamptz;
        found integer;
        query text;
    BEGIN
        IF project IS NULL OR numnode(wanted) = 0 THEN
            RETURN;
        END IF;
        wanted := wanted && format('''#%s''', concat_ws('.', project, feature))::tsquery;
        SELECT min(day), max(day) + interval '168 hours' INTO first, last FROM (
            SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' AS day
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'public.search'::regclass) part;
        first := greatest(first, since, CASE WHEN is_newer THEN edge_at END);
        last := least(last, until, CASE WHEN NOT is_newer THEN edge_at + interval '1 microsecond' END);
        query := format(
            'SELECT s.occurred_at, s.id FROM public.search s JOIN public.interaction i'
            ' ON i.project_id = s.project_id AND i.occurred_at = s.occurred_at AND i.id = s.id'
            ' WHERE s.project_id = $1 AND s.words @@ $2 AND s.occurred_at >= $3 AND s.occurred_at < $4'
            ' AND i.occurred_at >= $3 AND i.occurred_at < $4%s%s%s%s%s%s ORDER BY s.occurred_at %s, s.id %s LIMIT $5',
            CASE WHEN edge_at IS NOT NULL THEN format(' AND (s.occurred_at, s.id) %s ($6, $7)', CASE WHEN is_newer THEN '>' ELSE '<' END) END,
            CASE WHEN model IS NOT NULL THEN ' AND i.model_id = $8' END,
            CASE WHEN has_failed IS NOT NULL THEN ' AND (i.status <> 0) = $9' END,
            CASE WHEN price_source IS NOT NULL THEN ' AND i.cost_source = $10' END,
            CASE WHEN marks IS NOT NULL THEN ' AND (i.flags & $11) <> 0' END,
            CASE WHEN thumb IS NOT NULL THEN format(
                ' AND %s EXISTS (SELECT FROM public.verdict v WHERE v.project_id = $1 AND v.interaction_at = i.occurred_at'
                ' AND v.interaction_at >= $3 AND v.interaction_at < $4 AND v.interaction_id = i.id AND v.kind = {FeedbackKind.THUMB:d}%s)',
                CASE WHEN thumb = 'none' THEN 'NOT' END,
                CASE thumb WHEN 'up' THEN ' AND v.value = 1' WHEN 'down' THEN ' AND v.value = 0' END) END,
            CASE WHEN is_newer THEN 'ASC' ELSE 'DESC' END, CASE WHEN is_newer THEN 'ASC' ELSE 'DESC' END);
        week := date_trunc('week', CASE WHEN is_newer THEN first ELSE last - interval '1 microsecond' END, 'UTC');
        WHILE most > 0 AND week < last AND week + interval '168 hours' > first LOOP
            RETURN QUERY EXECUTE query USING project, wanted, greatest(first, week), least(last, week + interval '168 hours'),
                most, edge_at, edge_id, model, has_failed, price_source, marks;
            GET DIAGNOSTICS found = ROW_COUNT;
            most := most - found;
            week := week + CASE WHEN is_newer THEN interval '168 hours' ELSE interval '-168 hours' END;
        END LOOP;
    END $$;
"""
# Row-level security takes the index on users (an expression) from the web's role, too. A materialized step is planned as if
# all its rows were wanted, which leads to an index, and ends with the first one all the same; planned for "the first
# of many", a name that does not exist would cost the whole window.
NAME_FUNCTION = """
    CREATE FUNCTION is_name(sought text, since timestamptz, until timestamptz) RETURNS boolean
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
        SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
    DECLARE
        project bigint := NULLIF(current_setting('observatory.project', true), '')::bigint;
    BEGIN
        RETURN
            (WITH named AS MATERIALIZED (
                SELECT FROM public.interaction
                WHERE project_id = project AND coalesce(user_id, session_id, '') = sought
                  AND occurred_at >= since AND occurred_at < until)
            SELECT EXISTS (SELECT FROM named))
            OR (WITH named AS MATERIALIZED (
                SELECT FROM public.interaction
                WHERE project_id = project AND session_id = sought AND occurred_at >= since AND occurred_at < until)
            SELECT EXISTS (SELECT FROM named))
            OR (WITH named AS MATERIALIZED (
                SELECT FROM public.interaction
                WHERE project_id = project AND trace_id = sought AND occurred_at >= since AND occurred_at < until)
            SELECT EXISTS (SELECT FROM named));
    END $$;
"""
SIGNATURE = (
    "search_interactions(text, timestamptz, timestamptz, integer, timestamptz, text, boolean,"
    " smallint, smallint, boolean, smallint, integer, text)"
)
RIGHTS = "\n".join(
    f"""
    ALTER FUNCTION {function} OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION {function} FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION {function} TO observatory_app, observatory_jobs;
"""
    for function in (SIGNATURE, "is_name(text, timestamptz, timestamptz)")
)


class Migration(migrations.Migration):
    """Texts to be read, the search table, and what is kept of texts that are not."""

    dependencies = [("ingest", "0004_trails")]
    operations = [
        migrations.RunSQL(KEPT_OF_TEXTS),
        migrations.RunSQL(QUEUES),
        migrations.RunSQL(protect("unread", app="SELECT, INSERT")),
        migrations.RunSQL(protect("uncopied", app="SELECT, INSERT")),
        migrations.RunSQL(protect("usual_limit", app="SELECT")),
        migrations.RunSQL(SEARCH + protect("search", app="")),
        migrations.RunSQL(ENSURE),
        migrations.RunSQL(WEEKS_THAT_EXIST),
        migrations.RunSQL(SEARCH_FUNCTION + NAME_FUNCTION + RIGHTS),
    ]
