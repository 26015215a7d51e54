"""The record as Django sees it. The big tables are made by SQL (migration 0001); these models only read them."""

from django.db import models

from ingest.dimensions import COLUMNS
from ingest.projects.models import Project
from ingest.projects.scope import ScopedManager


class Dimensions(models.Model):
    """The dictionary numbers that every counted row carries."""

    feature_id = models.SmallIntegerField(default=0)
    model_id = models.SmallIntegerField(default=0)
    requested_model_id = models.SmallIntegerField(default=0)
    provider_id = models.SmallIntegerField(default=0)
    environment_id = models.SmallIntegerField(default=0)
    release_id = models.SmallIntegerField(default=0)
    prompt_name_id = models.SmallIntegerField(default=0)
    prompt_version_id = models.SmallIntegerField(default=0)
    segment_id = models.SmallIntegerField(default=0)
    tier_id = models.SmallIntegerField(default=0)
    language_id = models.SmallIntegerField(default=0)
    query_type_id = models.SmallIntegerField(default=0)
    region_id = models.SmallIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def numbers(self) -> dict[str, int]:
        """Column name → dictionary number."""
        return {column: getattr(self, column) for column in COLUMNS}


class Interaction(Dimensions):
    """The numbers of one request to a model and its output. Money is integer nano-dollars; null is unknown."""

    pk = models.CompositePrimaryKey("project_id", "occurred_at", "id")
    project_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    id = models.TextField()
    received_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    cost_nano = models.BigIntegerField(null=True)
    latency_ms = models.FloatField(null=True)
    time_to_first_token_ms = models.FloatField(null=True)
    retrieval_latency_ms = models.FloatField(null=True)
    input_tokens = models.IntegerField(null=True)
    output_tokens = models.IntegerField(null=True)
    cached_input_tokens = models.IntegerField(null=True)
    cache_write_tokens = models.IntegerField(null=True)
    reasoning_tokens = models.IntegerField(null=True)
    prompt_chars = models.IntegerField(null=True)
    output_chars = models.IntegerField(null=True)
    retrieval_score = models.FloatField(null=True)
    retrieval_documents = models.SmallIntegerField(null=True)
    flags = models.IntegerField(default=0)
    status = models.SmallIntegerField(default=0)
    error_class = models.SmallIntegerField(default=0)
    cost_source = models.SmallIntegerField(default=0)
    cache = models.SmallIntegerField(default=0)
    user_id = models.TextField(null=True)
    session_id = models.TextField(null=True)
    trace_id = models.TextField(null=True)
    span_id = models.TextField(null=True)
    parent_id = models.TextField(null=True)

    objects = ScopedManager()

    class Meta:
        managed = False
        db_table = "interaction"

    def __str__(self) -> str:
        return self.id


class Payload(models.Model):
    """The texts of one interaction, beside and not in the numbers."""

    pk = models.CompositePrimaryKey("project_id", "occurred_at", "id")
    project_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    id = models.TextField()
    prompt = models.TextField(null=True)
    output = models.TextField(null=True)
    error_message = models.TextField(null=True)
    retrieval = models.TextField(null=True, help_text="JSON as sent.")
    metadata = models.TextField(
        null=True, help_text="JSON as sent, with unknown fields and values beyond the dictionary."
    )
    cut = models.TextField(null=True, help_text="JSON: original length and SHA-256 of texts that were stored cut.")
    prompt_hash = models.BinaryField(null=True, help_text="Keyed hash of a prompt that the project's policy dropped.")
    output_hash = models.BinaryField(null=True)
    error_hash = models.BinaryField(null=True)

    objects = ScopedManager()

    class Meta:
        managed = False
        db_table = "payload"

    def __str__(self) -> str:
        return self.id

    @property
    def text_hash(self) -> dict[str, str]:
        """The hashes of the texts that the project's policy dropped, in hex, by the name of the text."""
        kept = {"prompt": self.prompt_hash, "output": self.output_hash, "error_message": self.error_hash}
        return {name: bytes(found).hex() for name, found in kept.items() if found}


class Feedback(models.Model):
    """The history of what users said, by its own time."""

    pk = models.CompositePrimaryKey("project_id", "occurred_at", "id")
    project_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    id = models.TextField()
    received_at = models.DateTimeField()
    interaction_at = models.DateTimeField(null=True, help_text="The interaction's time once it is known.")
    value = models.FloatField(null=True)
    edit_ratio = models.FloatField(null=True)
    kind = models.SmallIntegerField()
    feature_id = models.SmallIntegerField(default=0)
    interaction_id = models.TextField(null=True)
    trace_id = models.TextField(null=True)
    span_id = models.TextField(null=True)
    session_id = models.TextField(null=True)
    user_id = models.TextField(null=True)
    name = models.TextField(default="")
    label = models.TextField(null=True)
    comment = models.TextField(null=True)
    final_text = models.TextField(null=True, help_text="What a correction made of the output.")
    metadata = models.TextField(null=True, help_text="JSON as sent, with unknown fields.")
    flags = models.IntegerField(default=0, help_text="Bits of ingest.dimensions.Flag.")

    objects = ScopedManager()

    class Meta:
        managed = False
        db_table = "feedback"

    def __str__(self) -> str:
        return self.id


class Verdict(Dimensions):
    """The last word per (interaction, kind, name): the only feedback that is counted, at the interaction's time."""

    pk = models.CompositePrimaryKey("project_id", "interaction_at", "interaction_id", "kind", "name")
    project_id = models.BigIntegerField()
    interaction_at = models.DateTimeField()
    interaction_id = models.TextField()
    kind = models.SmallIntegerField()
    name = models.TextField(default="")
    said_at = models.DateTimeField()
    value = models.FloatField(null=True)
    edit_ratio = models.FloatField(null=True)
    label = models.TextField(null=True)
    cluster = models.TextField()
    feedback_id = models.TextField()

    objects = ScopedManager()

    class Meta:
        managed = False
        db_table = "verdict"

    def __str__(self) -> str:
        return self.feedback_id


class Cost(Dimensions):
    """An amount with a component. A linked record carries its interaction's time and dimensions."""

    pk = models.CompositePrimaryKey("project_id", "occurred_at", "id")
    project_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    id = models.TextField()
    received_at = models.DateTimeField()
    amount_nano = models.BigIntegerField()
    component = models.SmallIntegerField()
    interaction_id = models.TextField(null=True)
    cluster = models.TextField(null=True)
    period_from = models.DateTimeField(null=True)
    period_to = models.DateTimeField(null=True)
    description = models.TextField(null=True)
    metadata = models.TextField(null=True, help_text="JSON as sent, with unknown fields.")
    flags = models.IntegerField(default=0, help_text="Bits of ingest.dimensions.Flag.")

    objects = ScopedManager()

    class Meta:
        managed = False
        db_table = "cost"

    def __str__(self) -> str:
        return self.id


class DimensionValue(models.Model):
    """One entry of a project's dictionary: a value and its number, once and for ever."""

    pk = models.CompositePrimaryKey("project_id", "dimension", "number")
    project_id = models.BigIntegerField()
    dimension = models.SmallIntegerField()
    number = models.SmallIntegerField()
    value = models.TextField()
    first_seen_at = models.DateTimeField()

    objects = ScopedManager()

    class Meta:
        managed = False
        db_table = "dimension_value"

    def __str__(self) -> str:
        return self.value


class ChangeEvent(models.Model):
    """A deploy, a prompt version, a model or provider change …: drawn on every chart."""

    class Kind(models.TextChoices):
        DEPLOY = "deploy"
        PROMPT = "prompt"
        MODEL = "model"
        PROVIDER = "provider"
        KNOWLEDGE_BASE = "knowledge_base"
        CONFIG = "config"
        CAMPAIGN = "campaign"
        HOLIDAY = "holiday"
        OTHER = "other"

    class Source(models.TextChoices):
        API = "api"
        NOTICED = "noticed"
        PERSON = "person"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    id_sent = models.CharField(max_length=220, db_collation="C", help_text="The app's id, or ours.")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.API)
    title = models.CharField(max_length=300)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    feature_number = models.SmallIntegerField(default=0, help_text="0: all features.")
    version = models.CharField(max_length=100, blank=True, default="")
    url = models.CharField(max_length=2000, blank=True, default="")
    note = models.TextField(blank=True, default="")
    metadata = models.TextField(blank=True, default="", help_text="JSON of unknown fields.")

    objects = ScopedManager()

    class Meta:
        db_table = "change_event"
        constraints = [models.UniqueConstraint(fields=["project", "source", "id_sent"], name="change_event_once")]
        indexes = [models.Index(fields=["project", "occurred_at"], name="change_event_time")]

    def __str__(self) -> str:
        return self.title


class UserEvent(models.Model):
    """What became of one user. A segment or tier of 0, and a control of null, were not said."""

    pk = models.CompositePrimaryKey("project_id", "occurred_at", "id")
    project_id = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    id = models.TextField()
    received_at = models.DateTimeField()
    event = models.SmallIntegerField()
    feature_id = models.SmallIntegerField(default=0)
    segment_id = models.SmallIntegerField(default=0)
    tier_id = models.SmallIntegerField(default=0)
    is_control = models.BooleanField(null=True, help_text="A user without the AI feature.")
    user_id = models.TextField()
    metadata = models.TextField(null=True, help_text="JSON as sent, with unknown fields.")
    is_kept = models.BooleanField(default=False, help_text="The raw horizon has passed it, and it is still needed.")

    objects = ScopedManager()

    class Meta:
        managed = False
        db_table = "user_event"

    def __str__(self) -> str:
        return self.id


class Figure(models.Model):
    """What the business knew of a month when it sent this: `ingest.figures.standing` tells which one stands."""

    pk = models.CompositePrimaryKey("project_id", "month", "name", "tier", "id")
    project_id = models.BigIntegerField()
    month = models.DateField(help_text="Its first day.")
    name = models.SmallIntegerField()
    tier = models.TextField(default="", help_text="Empty: all tiers.")
    id = models.TextField()
    received_at = models.DateTimeField()
    value = models.DecimalField(max_digits=20, decimal_places=6)
    position = models.IntegerField(help_text="Where in its request it stood.")
    metadata = models.TextField(null=True, help_text="JSON as sent, with unknown fields.")

    objects = ScopedManager()

    class Meta:
        managed = False
        db_table = "figure"

    def __str__(self) -> str:
        return self.id


class PriceOverride(models.Model):
    """A project's own price of a model from a day on; it goes before the catalogue."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    model = models.CharField(max_length=100)
    provider = models.CharField(max_length=100, blank=True, default="", help_text="Empty: whatever the provider.")
    valid_from = models.DateField()
    input_usd_per_million = models.DecimalField(max_digits=14, decimal_places=6)
    output_usd_per_million = models.DecimalField(max_digits=14, decimal_places=6)
    cached_input_usd_per_million = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    label = models.CharField(max_length=200, blank=True, default="")

    objects = ScopedManager()

    class Meta:
        db_table = "price_override"
        constraints = [
            models.UniqueConstraint(fields=["project", "model", "provider", "valid_from"], name="price_override_once"),
            models.CheckConstraint(
                condition=models.Q(
                    input_usd_per_million__gte=0, output_usd_per_million__gte=0, cached_input_usd_per_million__gte=0
                ),
                name="price_override_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.valid_from}"


class DutyBeat(models.Model):
    """When each periodic duty last did its work, and how it went. One row a duty, no project."""

    duty = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "duty_beat"

    def __str__(self) -> str:
        return self.duty


class Liveness(models.Model):
    """One row per ten seconds in which a web process lived: a gap tells an outage of ours from silence of the app."""

    at = models.DateTimeField(primary_key=True)

    class Meta:
        db_table = "liveness"

    def __str__(self) -> str:
        return self.at.isoformat()
