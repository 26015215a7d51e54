"""Projects, their members and their API keys."""

from django.conf import settings
from django.db import models

from ingest.projects.scope import ScopedManager


class Project(models.Model):
    """A tenant: owns keys, members, features, records and settings."""

    class TextPolicy(models.TextChoices):
        FULL = "full"
        MASKED = "masked"
        HASHED = "hashed"

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, default="")
    time_zone = models.CharField(max_length=60, default="UTC")
    created_at = models.DateTimeField()
    raw_horizon = models.DateTimeField(
        null=True, blank=True, help_text="Raw rows before it have been dropped; it only moves forward."
    )
    text_policy = models.CharField(max_length=10, choices=TextPolicy.choices, default=TextPolicy.FULL)
    text_days = models.PositiveIntegerField(default=180)
    raw_days = models.PositiveIntegerField(default=400)
    rollup_days = models.PositiveIntegerField(null=True, blank=True)
    text_horizon = models.DateTimeField(
        null=True, blank=True, help_text="Texts before it have been dropped; it only moves forward."
    )
    cors_origins = models.TextField(
        blank=True, default="", help_text="Origins from which browsers may post feedback, by blanks."
    )
    events_per_second = models.PositiveIntegerField(null=True, blank=True)
    bytes_per_second = models.PositiveIntegerField(null=True, blank=True)
    imported_to = models.DateTimeField(
        null=True, blank=True, help_text="The newest imported event: its own rules judge only windows after it."
    )

    class Meta:
        db_table = "project"

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """Who may see a project, and whether they may change it."""

    class Role(models.TextChoices):
        OWNER = "owner"
        EDITOR = "editor"
        VIEWER = "viewer"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.OWNER)

    class Meta:
        db_table = "membership"
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.project_id}"


class ApiKey(models.Model):
    """A credential of one project. Only a hash of it is kept."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    public = models.CharField(max_length=8, unique=True)
    key_hash = models.BinaryField(max_length=32, unique=True)
    scopes = models.CharField(max_length=100, help_text="Comma-separated: ingest, read, admin, feedback.")
    label = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedManager()

    class Meta:
        db_table = "api_key"

    def __str__(self) -> str:
        return f"{self.public} of {self.project_id}"


class Feature(models.Model):
    """An AI feature of the customer's product. Its `number` is its id in the dictionary of dimension values."""

    class Type(models.TextChoices):
        INLINE = "inline"
        ON_DEMAND = "on_demand"
        BACKGROUND = "background"
        ASYNC_JOB = "async_job"

    class Stakes(models.TextChoices):
        HIGH = "high"
        MEDIUM = "medium"
        LOW = "low"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    number = models.SmallIntegerField()
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=12, choices=Type.choices, default=Type.ON_DEMAND)
    stakes = models.CharField(max_length=8, choices=Stakes.choices, default=Stakes.MEDIUM)
    owner = models.CharField(max_length=100, blank=True, default="")
    review_rate = models.FloatField(default=0.005)
    maturity_hours = models.PositiveIntegerField(default=24)
    first_seen_at = models.DateTimeField()
    imported_to = models.DateTimeField(
        null=True, blank=True, help_text="The newest imported event: rules judge only windows after it."
    )

    objects = ScopedManager()

    class Meta:
        db_table = "feature"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="feature_number"),
            models.UniqueConstraint(fields=["project", "name"], name="feature_name"),
        ]

    def __str__(self) -> str:
        return self.name
