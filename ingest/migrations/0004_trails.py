"""Finding interactions by trace, span and session; orphans that wait in turn; prices that cannot be negative."""

from django.db import migrations, models

# Partial, since most apps send only some of them. The time makes "the latest one before" the first row met.
TRAILS = "\n".join(
    f"CREATE INDEX interaction_{name} ON interaction (project_id, {name}_id, occurred_at) WHERE {name}_id IS NOT NULL;"
    for name in ("trace", "span", "session")
)
# `is_loose` things name a span, a trace or a session. They are bound at once and final at `settled_at`.
ORPHANS = """
    ALTER TABLE orphan
        ADD COLUMN is_loose boolean NOT NULL DEFAULT false,
        ADD COLUMN settled_at timestamptz,
        ADD COLUMN next_at timestamptz NOT NULL DEFAULT 'epoch';
    CREATE INDEX orphan_next ON orphan (project_id, next_at);
"""
# A negative price has never paid anybody: calls cost at least nothing.
NO_NEGATIVE_PRICES = """
    UPDATE price_override SET
        input_usd_per_million = greatest(input_usd_per_million, 0),
        output_usd_per_million = greatest(output_usd_per_million, 0),
        cached_input_usd_per_million = greatest(cached_input_usd_per_million, 0)
"""


class Migration(migrations.Migration):
    """Finding interactions by trace, span and session; orphans that wait in turn; prices that cannot be negative."""

    dependencies = [("ingest", "0003_people_and_figures")]
    operations = [
        migrations.RunSQL(TRAILS),
        migrations.RunSQL(ORPHANS),
        migrations.RunSQL(NO_NEGATIVE_PRICES),
        migrations.AddConstraint(
            model_name="priceoverride",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    input_usd_per_million__gte=0,
                    output_usd_per_million__gte=0,
                    cached_input_usd_per_million__gte=0,
                ),
                name="price_override_not_negative",
            ),
        ),
    ]
