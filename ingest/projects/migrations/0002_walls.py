"""Grants for both working roles, row-level security, and the one exception: finding a key's project by its hash."""

from django.db import migrations

from ingest.projects.walls import protect

GRANTS = """
    GRANT USAGE ON SCHEMA public TO observatory_app, observatory_jobs, observatory_definer;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO observatory_app, observatory_jobs;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO observatory_app, observatory_jobs;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO observatory_app, observatory_jobs;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO observatory_app, observatory_jobs;
"""
KEY_HOLDER = """
    GRANT SELECT ON api_key, project TO observatory_definer;
    CREATE FUNCTION key_holder(wanted bytea)
        RETURNS TABLE (key_id bigint, project_id bigint, public text, scopes text, time_zone text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        SELECT k.id, k.project_id, k.public::text, k.scopes::text, p.time_zone::text
        FROM public.api_key k JOIN public.project p ON p.id = k.project_id
        WHERE k.key_hash = wanted AND k.revoked_at IS NULL
    $$;
    ALTER FUNCTION key_holder(bytea) OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION key_holder(bytea) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION key_holder(bytea) TO observatory_app, observatory_jobs;
"""


class Migration(migrations.Migration):
    """Raise both walls around the first tables."""

    dependencies = [("projects", "0001_projects")]
    operations = [
        migrations.RunSQL(GRANTS),
        migrations.RunSQL(protect("api_key")),
        migrations.RunSQL(protect("feature")),
        migrations.RunSQL(KEY_HOLDER),
    ]
