"""Projects, members, API keys and features."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the tables of projects."""

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Project",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=60, unique=True)),
                ("name", models.CharField(max_length=100)),
                ("description", models.TextField(blank=True, default="")),
                ("time_zone", models.CharField(default="UTC", max_length=60)),
                ("created_at", models.DateTimeField()),
                (
                    "raw_horizon",
                    models.DateTimeField(
                        blank=True, help_text="Raw rows before it have been dropped; it only moves forward.", null=True
                    ),
                ),
            ],
            options={
                "db_table": "project",
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public", models.CharField(max_length=8, unique=True)),
                ("key_hash", models.BinaryField(max_length=32, unique=True)),
                (
                    "scopes",
                    models.CharField(help_text="Comma-separated: ingest, read, admin, feedback.", max_length=100),
                ),
                ("label", models.CharField(blank=True, default="", max_length=100)),
                ("created_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "api_key",
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "Owner"), ("editor", "Editor"), ("viewer", "Viewer")],
                        default="owner",
                        max_length=10,
                    ),
                ),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "membership",
                "constraints": [models.UniqueConstraint(fields=("project", "user"), name="one_membership_each")],
            },
        ),
        migrations.CreateModel(
            name="Feature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.SmallIntegerField()),
                ("name", models.CharField(max_length=100)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("inline", "Inline"),
                            ("on_demand", "On Demand"),
                            ("background", "Background"),
                            ("async_job", "Async Job"),
                        ],
                        default="on_demand",
                        max_length=12,
                    ),
                ),
                (
                    "stakes",
                    models.CharField(
                        choices=[("high", "High"), ("medium", "Medium"), ("low", "Low")], default="medium", max_length=8
                    ),
                ),
                ("owner", models.CharField(blank=True, default="", max_length=100)),
                ("review_rate", models.FloatField(default=0.005)),
                ("maturity_hours", models.PositiveIntegerField(default=24)),
                ("first_seen_at", models.DateTimeField()),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "feature",
                "constraints": [
                    models.UniqueConstraint(fields=("project", "number"), name="feature_number"),
                    models.UniqueConstraint(fields=("project", "name"), name="feature_name"),
                ],
            },
        ),
    ]
