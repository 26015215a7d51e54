"""What drift remembers: the accepted baselines, where each series stands, and what was found."""

from django.db import models

from ingest.projects.models import Project
from ingest.projects.scope import ScopedManager


class Series(models.Model):
    """One signal of one feature. Its points are a cache: refolding the days from the baseline on gives them again."""

    class State(models.TextChoices):
        COLLECTING = "collecting"
        WATCHING = "watching"
        FINDING = "finding"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    feature_number = models.SmallIntegerField()
    feature = models.CharField(max_length=100)
    signal = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=State.choices, default=State.COLLECTING)
    lacking = models.JSONField(null=True, help_text="missing, have, need: while there is no baseline.")
    seen = models.CharField(
        max_length=40, blank=True, default="", help_text="Digest of the days that would be the baseline."
    )
    seen_at = models.DateTimeField(null=True, help_text="Since when those days have not changed.")
    points = models.JSONField(
        default=list, help_text="[day, log M, evidence 0–100, direction, is alarm] per watched day."
    )
    evidence = models.FloatField(default=0)
    judged_to = models.DateField(null=True)
    updated_at = models.DateTimeField()

    objects = ScopedManager()

    class Meta:
        db_table = "drift_series"
        constraints = [models.UniqueConstraint(fields=["project", "feature_number", "signal"], name="one_series_each")]

    def __str__(self) -> str:
        return f"{self.signal} of {self.feature}"


class Baseline(models.Model):
    """What is normal for a series, fixed when it was accepted: later feedback, erasure or retention never changes it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="baselines")
    content = models.JSONField()
    first_day = models.DateField()
    last_day = models.DateField()
    accepted_at = models.DateTimeField()
    accepted_by = models.CharField(
        max_length=150, blank=True, default="", help_text="Empty: the first one, accepted by itself."
    )
    is_current = models.BooleanField(default=True)

    objects = ScopedManager()

    class Meta:
        db_table = "drift_baseline"
        constraints = [
            models.UniqueConstraint(
                fields=["series"], condition=models.Q(is_current=True), name="one_current_baseline"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_day} to {self.last_day}"


class Finding(models.Model):
    """One alarm of a series against a baseline; refitted daily while it is open."""

    class Direction(models.TextChoices):
        DOWN = "down"
        UP = "up"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="findings")
    baseline = models.ForeignKey(Baseline, on_delete=models.CASCADE)
    direction = models.CharField(max_length=4, choices=Direction.choices)
    ordinal = models.PositiveSmallIntegerField(
        help_text="Its number among the findings of this baseline and direction."
    )
    alpha = models.FloatField()
    watched_from = models.DateField()
    alarm_day = models.DateField()
    resolved_day = models.DateField(null=True)
    started_day = models.DateField()
    started_low = models.DateField()
    started_high = models.DateField()
    effect = models.JSONField(
        help_text="The last 7 days against the baseline: see observatory.drift.methods.shape.Effect."
    )
    is_strong = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    resolved_by = models.CharField(max_length=150, blank=True, default="")
    withdrawn_at = models.DateTimeField(null=True, help_text="Late data took the alarm back.")

    objects = ScopedManager()

    class Meta:
        db_table = "drift_finding"
        constraints = [models.UniqueConstraint(fields=["baseline", "direction", "ordinal"], name="one_finding_each")]

    def __str__(self) -> str:
        return f"{self.series}: {self.direction} since {self.started_day}"

    @property
    def is_open(self) -> bool:
        """Whether it still stands."""
        return self.resolved_day is None and self.withdrawn_at is None
