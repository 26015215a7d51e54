"""What waits for its interaction, told by its kind: `orphans.feedback`, `orphans.cost`."""

from typing import ClassVar

from django.db import migrations

from ingest.dimensions import RecordKind

KINDS = ", ".join(f"({kind:d}, '{kind.name.lower()}')" for kind in (RecordKind.FEEDBACK, RecordKind.COST))
FUNCTION = f"""
    CREATE OR REPLACE FUNCTION product_vitals() RETURNS TABLE (name text, value double precision)
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
        UNION ALL (SELECT 'orphans.' || k.name, count(o.id)
                   FROM (VALUES {KINDS}) AS k (kind, name)
                   LEFT JOIN orphan o ON o.record_kind = k.kind AND o.settled_at IS NULL GROUP BY k.name)
        UNION ALL SELECT 'late', count(*) FROM late
    $$;
"""


class Migration(migrations.Migration):
    """Let the web count what waits, of all projects together, by its kind."""

    dependencies: ClassVar = [("metrics", "0009_zone_seam"), ("ingest", "0009_first_statistics")]
    operations: ClassVar = [migrations.RunSQL(FUNCTION)]
