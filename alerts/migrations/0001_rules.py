"""Rules, their standing, and evaluations."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the tables of judging."""

    initial = True

    dependencies = [
        ("projects", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "preset",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The preset it came from; empty: made by people.",
                        max_length=60,
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "metric",
                    models.CharField(
                        blank=True, help_text="Empty: the metric of this preset does not exist yet.", max_length=60
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("project", "the whole project"),
                            ("feature", "one feature"),
                            ("every_feature", "every feature by itself"),
                        ],
                        default="project",
                        max_length=20,
                    ),
                ),
                ("feature_number", models.SmallIntegerField(default=0, help_text="With scope feature; else 0.")),
                (
                    "side",
                    models.CharField(choices=[("above", "above"), ("below", "below")], default="above", max_length=6),
                ),
                (
                    "measure",
                    models.CharField(
                        choices=[
                            ("value", "value"),
                            ("budget", "budget"),
                            ("baseline_points", "baseline_points"),
                            ("baseline_change", "baseline_change"),
                            ("previous_change", "previous_change"),
                        ],
                        default="value",
                        max_length=20,
                    ),
                ),
                (
                    "certainty",
                    models.CharField(
                        choices=[("value", "value"), ("interval", "interval")], default="value", max_length=10
                    ),
                ),
                ("warning", models.FloatField(blank=True, null=True)),
                ("critical", models.FloatField(blank=True, null=True)),
                ("minimum_sample", models.PositiveIntegerField(default=0)),
                ("window_minutes", models.PositiveIntegerField()),
                (
                    "every_minutes",
                    models.PositiveIntegerField(help_text="0: once a local day, in windows of whole local days."),
                ),
                ("active_from", models.DateTimeField(help_text="No window that ends at or before it is judged.")),
                ("is_paused", models.BooleanField(default=False)),
                ("paused_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField()),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
            ],
            options={
                "db_table": "alert_rule",
            },
        ),
        migrations.CreateModel(
            name="Evaluation",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "project_id",
                        "rule_id",
                        "feature_number",
                        "window_end",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("feature_number", models.SmallIntegerField(default=0)),
                ("window_end", models.DateTimeField()),
                ("window_start", models.DateTimeField()),
                ("judged_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ok", "ok"),
                            ("warning", "warning"),
                            ("critical", "critical"),
                            ("learning", "learning"),
                            ("no_data", "no_data"),
                            ("unknown", "unknown"),
                            ("paused", "paused"),
                        ],
                        max_length=10,
                    ),
                ),
                ("step", models.CharField(max_length=10)),
                ("value", models.FloatField(null=True)),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("sample_size", models.BigIntegerField(default=0)),
                ("warning_at", models.FloatField(null=True)),
                ("critical_at", models.FloatField(null=True)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
                ("rule", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="alerts.alertrule")),
            ],
            options={
                "db_table": "evaluation",
            },
        ),
        migrations.CreateModel(
            name="RuleState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("feature_number", models.SmallIntegerField(default=0)),
                (
                    "feature",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The feature's name; empty: the whole project.",
                        max_length=100,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ok", "ok"),
                            ("warning", "warning"),
                            ("critical", "critical"),
                            ("learning", "learning"),
                            ("no_data", "no_data"),
                            ("unknown", "unknown"),
                            ("paused", "paused"),
                        ],
                        default="learning",
                        max_length=10,
                    ),
                ),
                ("since", models.DateTimeField(help_text="End of the window in which the state began.", null=True)),
                (
                    "judged_to",
                    models.DateTimeField(
                        help_text="End of the last judged window; before the first one, where judging begins."
                    ),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        help_text="When the next window may be judged at the earliest; null while paused.", null=True
                    ),
                ),
                ("value", models.FloatField(null=True)),
                ("low", models.FloatField(null=True)),
                ("high", models.FloatField(null=True)),
                ("sample_size", models.BigIntegerField(default=0)),
                (
                    "warning_at",
                    models.FloatField(help_text="The limit of the last window in the metric's unit.", null=True),
                ),
                ("critical_at", models.FloatField(null=True)),
                (
                    "reference",
                    models.FloatField(
                        help_text="The baseline, window before or budget that the limits came from.", null=True
                    ),
                ),
                (
                    "incident_severity",
                    models.CharField(
                        blank=True,
                        choices=[("warning", "warning"), ("critical", "critical")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("calm", models.PositiveSmallIntegerField(default=0)),
                (
                    "dismissed",
                    models.CharField(
                        blank=True,
                        choices=[("warning", "warning"), ("critical", "critical")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="projects.project")),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="states", to="alerts.alertrule"
                    ),
                ),
            ],
            options={
                "db_table": "rule_state",
            },
        ),
        migrations.AddConstraint(
            model_name="alertrule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("preset", ""), _negated=True), fields=("project", "preset"), name="preset_once"
            ),
        ),
        migrations.AddIndex(
            model_name="rulestate",
            index=models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="rule_state_due"),
        ),
        migrations.AddConstraint(
            model_name="rulestate",
            constraint=models.UniqueConstraint(fields=("rule", "feature_number"), name="one_state_each"),
        ),
    ]
