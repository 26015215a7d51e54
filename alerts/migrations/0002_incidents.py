"""Incidents, receivers and the outbox."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the tables of telling."""

    dependencies = [
        ("alerts", "0001_rules"),
        ("projects", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("feature_number", models.SmallIntegerField(default=0)),
                ("feature", models.CharField(blank=True, default="", max_length=100)),
                (
                    "severity",
                    models.CharField(choices=[("warning", "warning"), ("critical", "critical")], max_length=10),
                ),
                (
                    "peak_severity",
                    models.CharField(choices=[("warning", "warning"), ("critical", "critical")], max_length=10),
                ),
                ("since", models.DateTimeField(help_text="End of the first bad window, by the data's own time.")),
                ("opened_at", models.DateTimeField(help_text="When it was judged.")),
                ("acknowledged_at", models.DateTimeField(null=True)),
                (
                    "acknowledged_by",
                    models.CharField(
                        blank=True, default="", help_text="A name, kept when the person leaves.", max_length=150
                    ),
                ),
                ("resolved_at", models.DateTimeField(null=True)),
                (
                    "resolved_by",
                    models.CharField(
                        blank=True, default="", help_text="Empty: it recovered by itself.", max_length=150
                    ),
                ),
                ("window_start", models.DateTimeField(help_text="The last window that changed or confirmed it.")),
                ("window_end", models.DateTimeField()),
                ("value", models.FloatField(null=True)),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("sample_size", models.BigIntegerField(default=0)),
                ("warning_at", models.FloatField(null=True)),
                ("critical_at", models.FloatField(null=True)),
                ("reference", models.FloatField(null=True)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="incidents", to="alerts.alertrule"
                    ),
                ),
            ],
            options={
                "db_table": "incident",
            },
        ),
        migrations.CreateModel(
            name="IncidentEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("opened", "Opened"),
                            ("worsened", "Worsened"),
                            ("eased", "Eased"),
                            ("resolved", "Resolved"),
                            ("acknowledged", "Acknowledged"),
                        ],
                        max_length=15,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("window_end", models.DateTimeField(help_text="Null: done by a person.", null=True)),
                (
                    "severity",
                    models.CharField(choices=[("warning", "warning"), ("critical", "critical")], max_length=10),
                ),
                (
                    "previous",
                    models.CharField(
                        blank=True,
                        choices=[("warning", "warning"), ("critical", "critical")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("value", models.FloatField(null=True)),
                ("sample_size", models.BigIntegerField(default=0)),
                ("by", models.CharField(blank=True, default="", max_length=150)),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="alerts.incident"
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "incident_event",
            },
        ),
        migrations.CreateModel(
            name="Recipient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254)),
                ("label", models.CharField(blank=True, default="", max_length=100)),
                (
                    "minimum_severity",
                    models.CharField(
                        choices=[("warning", "warning"), ("critical", "critical")], default="warning", max_length=10
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "recipient",
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("url", models.CharField(max_length=2000)),
                ("label", models.CharField(blank=True, default="", max_length=100)),
                ("secret", models.CharField(max_length=100)),
                (
                    "minimum_severity",
                    models.CharField(
                        choices=[("warning", "warning"), ("critical", "critical")], default="warning", max_length=10
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("disabled_at", models.DateTimeField(null=True)),
                ("disabled_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField()),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "webhook",
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "message_id",
                    models.CharField(help_text="Stays the same over all attempts.", max_length=40, unique=True),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("opened", "Opened"),
                            ("worsened", "Worsened"),
                            ("resolved", "Resolved"),
                            ("test", "Test"),
                            ("disabled", "Disabled"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "content",
                    models.JSONField(
                        help_text="The facts, as they were at the transition; every form is made of them."
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sent", "Sent"),
                            ("failed", "failed: no attempt is left"),
                            ("folded", "folded into a later message about the same incident"),
                            ("dropped", "dropped: the receiver was switched off"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease", models.CharField(blank=True, default="", max_length=40)),
                ("finished_at", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, default="", max_length=500)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
                (
                    "incident",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="alerts.incident",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to="alerts.recipient"),
                ),
                (
                    "webhook",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to="alerts.webhook"),
                ),
            ],
            options={
                "db_table": "delivery",
            },
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["project", "-id"], name="incident_newest"),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.UniqueConstraint(
                condition=models.Q(("resolved_at__isnull", True)),
                fields=("rule", "feature_number"),
                name="one_open_incident_each",
            ),
        ),
        migrations.AddIndex(
            model_name="incidentevent",
            index=models.Index(fields=["incident", "id"], name="incident_event_order"),
        ),
        migrations.AddConstraint(
            model_name="recipient",
            constraint=models.UniqueConstraint(fields=("project", "email"), name="recipient_once"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "pending")), fields=["next_attempt_at"], name="delivery_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("recipient__isnull", False), ("webhook__isnull", True)),
                    models.Q(("recipient__isnull", True), ("webhook__isnull", False)),
                    _connector="OR",
                ),
                name="delivery_has_one_receiver",
            ),
        ),
    ]
