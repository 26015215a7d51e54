"""What each project decides about its texts, how long its record is kept, who may post from browsers, and quotas."""

from django.db import migrations, models

# The function's columns change, so it is made anew; owner and rights with it.
KEY_HOLDER = """
    DROP FUNCTION key_holder(bytea);
    CREATE FUNCTION key_holder(wanted bytea)
        RETURNS TABLE (key_id bigint, project_id bigint, public text, scopes text, time_zone text, text_policy text,
                       raw_horizon timestamptz, raw_days integer, cors_origins text,
                       events_per_second integer, bytes_per_second integer)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
        SELECT k.id, k.project_id, k.public::text, k.scopes::text, p.time_zone::text, p.text_policy::text,
               p.raw_horizon, p.raw_days, p.cors_origins, p.events_per_second, p.bytes_per_second
        FROM public.api_key k JOIN public.project p ON p.id = k.project_id
        WHERE k.key_hash = wanted AND k.revoked_at IS NULL
    $$;
    ALTER FUNCTION key_holder(bytea) OWNER TO observatory_definer;
    REVOKE ALL ON FUNCTION key_holder(bytea) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION key_holder(bytea) TO observatory_app, observatory_jobs;
"""


class Migration(migrations.Migration):
    """Let projects decide."""

    dependencies = [("projects", "0002_walls")]
    operations = [
        migrations.AddField(
            "project",
            "text_policy",
            models.CharField(
                max_length=10,
                choices=[("full", "Full"), ("masked", "Masked"), ("hashed", "Hashed")],
                default="full",
            ),
        ),
        migrations.AddField("project", "text_days", models.PositiveIntegerField(default=180)),
        migrations.AddField("project", "raw_days", models.PositiveIntegerField(default=400)),
        migrations.AddField("project", "rollup_days", models.PositiveIntegerField(null=True, blank=True)),
        migrations.AddField(
            "project",
            "text_horizon",
            models.DateTimeField(
                null=True, blank=True, help_text="Texts before it have been dropped; it only moves forward."
            ),
        ),
        migrations.AddField(
            "project",
            "cors_origins",
            models.TextField(
                blank=True, default="", help_text="Origins from which browsers may post feedback, by blanks."
            ),
        ),
        migrations.AddField("project", "events_per_second", models.PositiveIntegerField(null=True, blank=True)),
        migrations.AddField("project", "bytes_per_second", models.PositiveIntegerField(null=True, blank=True)),
        migrations.RunSQL(KEY_HOLDER),
    ]
