"""Statistics for a week's tables as soon as there is something in them."""

from django.db import migrations

# Autovacuum comes once a minute. Until then PostgreSQL knows nothing of a week that has just begun, takes every condition
# for rare, and may count users by reading the whole day for each of them.
FUNCTION = """
    CREATE FUNCTION analyse_new_partitions() RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    DECLARE
        part regclass;
        analysed integer := 0;
    BEGIN
        FOR part IN
            SELECT c.oid::regclass FROM pg_class c
            WHERE c.relnamespace = 'partitions'::regnamespace AND c.relkind = 'r' AND c.reltuples < 0
                AND pg_relation_size(c.oid) >= 131072
        LOOP
            EXECUTE format('ANALYZE (SKIP_LOCKED) %s', part);
            analysed := analysed + 1;
        END LOOP;
        RETURN analysed;
    END $$;
    ALTER FUNCTION analyse_new_partitions() OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION analyse_new_partitions() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION analyse_new_partitions() TO observatory_jobs;
"""


class Migration(migrations.Migration):
    """Let new weeks be looked at before anything large is asked of them."""

    dependencies = [("ingest", "0008_past_texts")]
    operations = [migrations.RunSQL(FUNCTION)]
