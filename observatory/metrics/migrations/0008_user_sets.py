"""Sets of users: who called on a day or in a month, as bits, by the users' numbers."""

from django.db import migrations

from ingest.projects.walls import protect

SETS = """
    -- A user's place in the sets of the project; given when their first month is added up, taken with their last one.
    CREATE TABLE user_number (
        project_id bigint NOT NULL,
        number integer NOT NULL,
        cluster text COLLATE "C" NOT NULL,
        PRIMARY KEY (project_id, cluster),
        UNIQUE (project_id, number)
    );

    -- Who of the users number 65536 * part and on called on a local day, or in the month that begins on it: bit n of
    -- the unpacked bytes is user 65536 * part + n. Feature -1 is all features together.
    CREATE TABLE user_set (
        project_id bigint NOT NULL,
        day date NOT NULL,
        part integer NOT NULL,
        feature_id smallint NOT NULL,
        is_month boolean NOT NULL,
        users bytea STORAGE EXTERNAL NOT NULL,
        PRIMARY KEY (project_id, feature_id, is_month, day, part)
    );
"""

ADDED_UP_AGAIN = """
    INSERT INTO unmerged_user (project_id, month, cluster) SELECT DISTINCT project_id, month, cluster FROM user_month;
    DELETE FROM user_month;
"""
"""Months that were added up before there were sets are in none; until they are again, they are read from days."""

TABLES = ("user_number", "user_set")


class Migration(migrations.Migration):
    """Make the sets; months fill them."""

    dependencies = [("metrics", "0001_rollups"), ("metrics", "0007_forecasts")]
    operations = [
        migrations.RunSQL(SETS),
        migrations.RunSQL(ADDED_UP_AGAIN),
        *(migrations.RunSQL(protect(table, app="SELECT")) for table in TABLES),
    ]
