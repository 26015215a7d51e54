"""User rows carried further: months of each user, and who they were last seen as."""

from django.db import migrations

from ingest.projects.walls import protect

SEEN_AS = """
    -- The tier and segment that the user was last seen with that day, in any feature; 0 when no call said.
    ALTER TABLE user_day
        ADD COLUMN tier_id smallint NOT NULL DEFAULT 0,
        ADD COLUMN segment_id smallint NOT NULL DEFAULT 0;
    CREATE INDEX user_day_cluster ON user_day (project_id, cluster, day);
"""

MONTHS = """
    -- A cluster's day rows of one month of local days, added up; feature -1 is all features together.
    -- Bit d - 1 of active_days: there were calls on day d of the month.
    CREATE TABLE user_month (
        project_id bigint NOT NULL,
        cost_nano bigint NOT NULL,
        calls bigint NOT NULL,
        month date NOT NULL CHECK (extract(day FROM month) = 1),
        active_days integer NOT NULL,
        feature_id smallint NOT NULL,
        tier_id smallint NOT NULL,
        segment_id smallint NOT NULL,
        is_user boolean NOT NULL,
        cluster text COLLATE "C" NOT NULL,
        PRIMARY KEY (project_id, cluster, month, feature_id, is_user)
    );
    CREATE INDEX user_month_cost ON user_month (project_id, feature_id, month, cost_nano)
        INCLUDE (active_days, cluster) WHERE is_user;

    -- Months of clusters whose day rows changed after they were last added up. Marks are only ever appended.
    CREATE TABLE unmerged_user (
        project_id bigint NOT NULL,
        month date NOT NULL,
        cluster text COLLATE "C" NOT NULL
    );
    CREATE INDEX unmerged_user_order ON unmerged_user (project_id, month);
"""

STORED = """
    INSERT INTO user_month (project_id, month, feature_id, is_user, cluster, calls, cost_nano, active_days, tier_id, segment_id)
    SELECT project_id, date_trunc('month', day)::date, coalesce(feature_id, -1), is_user, cluster, sum(calls),
        least(sum(cost_nano), 9223372036854775807)::bigint, bit_or(1 << (extract(day FROM day)::integer - 1)), 0, 0
    FROM user_day
    GROUP BY GROUPING SETS ((project_id, date_trunc('month', day)::date, cluster, is_user, feature_id),
                            (project_id, date_trunc('month', day)::date, cluster, is_user))
"""

COUNTED_AGAIN = """
    INSERT INTO dirty_user (project_id, quarter, cluster)
    SELECT DISTINCT project_id, date_bin('15 minutes', occurred_at, 'epoch'), coalesce(user_id, session_id, '')
    FROM interaction WHERE (tier_id <> 0 OR segment_id <> 0) AND coalesce(user_id, session_id, '') <> ''
"""
"""Rows that were counted before somebody's tier was kept are counted again where an app sent one."""

TABLES = ("user_month", "unmerged_user")


class Migration(migrations.Migration):
    """Make the months of users from their days."""

    dependencies = [("metrics", "0002_every_dimension")]
    operations = [
        *(migrations.RunSQL(sql) for sql in (SEEN_AS, MONTHS, STORED, COUNTED_AGAIN)),
        *(migrations.RunSQL(protect(table, app="SELECT")) for table in TABLES),
    ]
