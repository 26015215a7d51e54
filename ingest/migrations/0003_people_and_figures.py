"""What became of users, and figures that only the business knows."""

from typing import Any, ClassVar

from django.db import migrations, models

from ingest.projects.walls import protect

TABLES = """
    CREATE TABLE user_event (
        project_id bigint NOT NULL,
        occurred_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        event smallint NOT NULL,
        feature_id smallint NOT NULL DEFAULT 0,
        segment_id smallint NOT NULL DEFAULT 0,
        tier_id smallint NOT NULL DEFAULT 0,
        is_control boolean,
        id text COLLATE "C" NOT NULL,
        user_id text COLLATE "C" NOT NULL,
        metadata text,
        PRIMARY KEY (project_id, occurred_at, id)
    );
    CREATE INDEX user_event_user ON user_event (project_id, user_id, occurred_at);

    -- Every figure that was sent: the one received last stands, and what was believed before can still be told.
    CREATE TABLE figure (
        project_id bigint NOT NULL,
        month date NOT NULL CHECK (extract(day FROM month) = 1),
        received_at timestamptz NOT NULL,
        value numeric(20, 6) NOT NULL CHECK (value >= 0),
        position integer NOT NULL,
        name smallint NOT NULL,
        tier text COLLATE "C" NOT NULL DEFAULT '',
        id text COLLATE "C" NOT NULL,
        metadata text,
        PRIMARY KEY (project_id, month, name, tier, id)
    );
"""


def record_model(name: str, table: str, /, **key: "models.Field[Any, Any]") -> migrations.CreateModel:
    """State of a model whose table the SQL makes; of those Django compares only the names, so its key will do."""
    fields = [("pk", models.CompositePrimaryKey("project_id", *key, primary_key=True, serialize=False))]
    columns = [("project_id", models.BigIntegerField()), *key.items()]
    return migrations.CreateModel(name=name, fields=[*fields, *columns], options={"db_table": table, "managed": False})


class Migration(migrations.Migration):
    """Make both tables, with their walls."""

    dependencies = [("projects", "0003_policies"), ("ingest", "0002_changes_and_prices")]
    operations: ClassVar = [
        migrations.RunSQL(TABLES),
        migrations.RunSQL(protect("user_event", app="SELECT, INSERT")),
        migrations.RunSQL(protect("figure", app="SELECT, INSERT")),
        record_model("UserEvent", "user_event", occurred_at=models.DateTimeField(), id=models.TextField()),
        record_model(
            "Figure",
            "figure",
            month=models.DateField(),
            name=models.SmallIntegerField(),
            tier=models.TextField(default=""),
            id=models.TextField(),
        ),
    ]
