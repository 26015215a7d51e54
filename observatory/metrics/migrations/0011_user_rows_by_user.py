"""User rows lie by user and hold neither zeros nor what nobody asks for; a month in which a user had one feature is one row, not two."""

from typing import ClassVar

from django.db import migrations

INTEGERS = (
    "errors", "thumbs", "thumbs_up", "ratings", "corrections", "acceptances", "dismissals", "outcomes", "completions",
    "flagged", "with_feedback",
)  # fmt: skip
BIG = ("ratings_micro", "ratings2_micro")
OF_NOBODY = ("ln2_input_tokens", "ln2_cost", "ln2_latency")
"""Sums of squares, which only the cluster '' has."""


def _without_zeros(column: str, kind: str, kept: str) -> str:
    return f"ALTER COLUMN {column} DROP NOT NULL, ALTER COLUMN {column} TYPE {kind} USING {kept}"


CHANGES = (
    *(_without_zeros(column, "integer", f"nullif({column}, 0)") for column in INTEGERS),
    *(_without_zeros(column, "bigint", f"nullif({column}, 0)") for column in BIG),
    *(_without_zeros(column, "bigint", f"CASE WHEN cluster = '' THEN {column} END") for column in OF_NOBODY),
)
# The index by day is one of `day + 0`: only statements that say so use it, and those that name a user never do.
DAYS = f"""
    DROP INDEX user_day_cluster;
    ALTER TABLE user_day DROP CONSTRAINT user_day_pkey;
    ALTER TABLE user_day DROP COLUMN model_tokens_nano, DROP COLUMN output_tokens, {", ".join(CHANGES)};
    ALTER TABLE user_day ADD PRIMARY KEY (project_id, cluster, day, feature_id);
    CREATE INDEX user_day_by_day ON user_day (project_id, (day + 0), feature_id);
"""
MONTHS = """
    -- Whole: all that the cluster did in the month. A row over all features (-1) stands only where there are several.
    ALTER TABLE user_month ADD COLUMN is_whole boolean NOT NULL DEFAULT false;
    UPDATE user_month m SET is_whole = true
    FROM (SELECT project_id, cluster, month, is_user FROM user_month
          GROUP BY project_id, cluster, month, is_user HAVING count(*) FILTER (WHERE feature_id >= 0) = 1) AS single
    WHERE m.project_id = single.project_id AND m.cluster = single.cluster AND m.month = single.month
        AND m.is_user = single.is_user AND m.feature_id >= 0;
    DELETE FROM user_month m USING user_month single
    WHERE single.is_whole AND m.project_id = single.project_id AND m.cluster = single.cluster AND m.month = single.month
        AND m.is_user = single.is_user AND m.feature_id < 0;
    UPDATE user_month SET is_whole = true WHERE feature_id < 0;
    ALTER TABLE user_month ALTER COLUMN is_whole DROP DEFAULT;
    DROP INDEX user_month_cost;
    CREATE INDEX user_month_cost ON user_month (project_id, feature_id, month, cost_nano)
        WHERE is_user AND feature_id >= 0;
    CREATE INDEX user_month_whole ON user_month (project_id, month, cost_nano) INCLUDE (cluster)
        WHERE is_user AND is_whole;
"""


class Migration(migrations.Migration):
    """Rewrite the user rows."""

    dependencies: ClassVar = [("metrics", "0010_orphans_by_kind")]
    operations: ClassVar = [migrations.RunSQL(DAYS), migrations.RunSQL(MONTHS)]
