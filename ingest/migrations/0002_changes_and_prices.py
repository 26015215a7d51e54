"""Changes, prices and duties; and the names of the big tables' models, which Django does not manage."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from ingest.projects.walls import protect


def record_model(name: str, table: str, /, **key: "models.Field[Any, Any]") -> migrations.CreateModel:
    """State of a model whose table migration 0001 made; of those Django compares only the names, so its key will do."""
    fields = [("pk", models.CompositePrimaryKey("project_id", *key, primary_key=True, serialize=False))]
    columns = [("project_id", models.BigIntegerField()), *key.items()]
    return migrations.CreateModel(name=name, fields=[*fields, *columns], options={"db_table": table, "managed": False})


class Migration(migrations.Migration):
    """Make the tables that Django manages, with their walls."""

    dependencies = [("projects", "0002_walls"), ("ingest", "0001_record")]
    operations = [
        record_model("Interaction", "interaction", occurred_at=models.DateTimeField(), id=models.TextField()),
        record_model("Payload", "payload", occurred_at=models.DateTimeField(), id=models.TextField()),
        record_model("Feedback", "feedback", occurred_at=models.DateTimeField(), id=models.TextField()),
        record_model("Cost", "cost", occurred_at=models.DateTimeField(), id=models.TextField()),
        record_model(
            "Verdict",
            "verdict",
            interaction_at=models.DateTimeField(),
            interaction_id=models.TextField(),
            kind=models.SmallIntegerField(),
            name=models.TextField(default=""),
        ),
        record_model(
            "DimensionValue",
            "dimension_value",
            dimension=models.SmallIntegerField(),
            number=models.SmallIntegerField(),
        ),
        migrations.CreateModel(
            name="DutyBeat",
            fields=[
                ("duty", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("beat_at", models.DateTimeField()),
                ("detail", models.JSONField(default=dict)),
            ],
            options={
                "db_table": "duty_beat",
            },
        ),
        migrations.CreateModel(
            name="Liveness",
            fields=[
                ("at", models.DateTimeField(primary_key=True, serialize=False)),
            ],
            options={
                "db_table": "liveness",
            },
        ),
        migrations.CreateModel(
            name="ChangeEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("id_sent", models.CharField(db_collation="C", help_text="The app's id, or ours.", max_length=220)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("deploy", "Deploy"),
                            ("prompt", "Prompt"),
                            ("model", "Model"),
                            ("provider", "Provider"),
                            ("knowledge_base", "Knowledge Base"),
                            ("config", "Config"),
                            ("campaign", "Campaign"),
                            ("holiday", "Holiday"),
                            ("other", "Other"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("api", "Api"), ("noticed", "Noticed"), ("person", "Person")],
                        default="api",
                        max_length=10,
                    ),
                ),
                ("title", models.CharField(max_length=300)),
                ("occurred_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("feature_number", models.SmallIntegerField(default=0, help_text="0: all features.")),
                ("version", models.CharField(blank=True, default="", max_length=100)),
                ("url", models.CharField(blank=True, default="", max_length=2000)),
                ("note", models.TextField(blank=True, default="")),
                ("metadata", models.TextField(blank=True, default="", help_text="JSON of unknown fields.")),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "change_event",
                "indexes": [models.Index(fields=["project", "occurred_at"], name="change_event_time")],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "source", "id_sent"), name="change_event_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="PriceOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model", models.CharField(max_length=100)),
                (
                    "provider",
                    models.CharField(blank=True, default="", help_text="Empty: whatever the provider.", max_length=100),
                ),
                ("valid_from", models.DateField()),
                ("input_usd_per_million", models.DecimalField(decimal_places=6, max_digits=14)),
                ("output_usd_per_million", models.DecimalField(decimal_places=6, max_digits=14)),
                (
                    "cached_input_usd_per_million",
                    models.DecimalField(blank=True, decimal_places=6, max_digits=14, null=True),
                ),
                ("label", models.CharField(blank=True, default="", max_length=200)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "price_override",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project", "model", "provider", "valid_from"), name="price_override_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(protect("change_event")),
        migrations.RunSQL(protect("price_override")),
    ]
