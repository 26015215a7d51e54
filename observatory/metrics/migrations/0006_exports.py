"""What the web may know of all projects together: a few totals for the scrape of the product's own health."""

from django.db import migrations

# Ages are told by the clock that stamped the rows, where it was the database's. Sums and ages only: nothing in them
# names a project, and none of them can be asked about one.
FUNCTION = """
    CREATE FUNCTION product_vitals() RETURNS TABLE (name text, value double precision)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        WITH marks AS (
            SELECT count(*) AS n, count(DISTINCT project_id) AS projects, min(marked_at) AS oldest FROM dirty_bucket),
        outbox AS (SELECT count(*) AS n, min(created_at) AS oldest FROM delivery WHERE state = 'pending'),
        reading AS (SELECT count(*) AS n, min(received_at) AS oldest FROM unread)
        SELECT 'projects', count(*)::double precision FROM project
        UNION ALL SELECT 'dirty_buckets', n FROM marks
        UNION ALL SELECT 'dirty_projects', projects FROM marks
        UNION ALL SELECT 'rollup_lag', coalesce(extract(epoch FROM clock_timestamp() - oldest), 0) FROM marks
        UNION ALL SELECT 'outbox', n FROM outbox
        UNION ALL SELECT 'outbox_age', coalesce(extract(epoch FROM clock_timestamp() - oldest), 0) FROM outbox
        UNION ALL SELECT 'deliveries_failed', count(*) FROM delivery WHERE state = 'failed'
        UNION ALL SELECT 'unread', n FROM reading
        UNION ALL SELECT 'unread_age', coalesce(extract(epoch FROM clock_timestamp() - oldest), 0) FROM reading
        UNION ALL SELECT 'orphans', count(*) FROM orphan WHERE settled_at IS NULL
        UNION ALL SELECT 'late', count(*) FROM late
    $$;
    GRANT SELECT ON dirty_bucket, delivery, unread, orphan, late TO observatory_definer;
    ALTER FUNCTION product_vitals() OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION product_vitals() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION product_vitals() TO observatory_app, observatory_jobs;
"""
REVERSE = """
    DROP FUNCTION product_vitals();
    REVOKE SELECT ON dirty_bucket, delivery, unread, orphan, late FROM observatory_definer;
"""


class Migration(migrations.Migration):
    """Let the web count what waits, of all projects together."""

    dependencies = [
        ("metrics", "0005_baselines"),
        ("ingest", "0009_first_statistics"),
        ("alerts", "0003_walls"),
    ]
    operations = [migrations.RunSQL(FUNCTION, REVERSE)]
