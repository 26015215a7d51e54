"""What to watch, where it stands, what happened, and who was told."""

from django.db import models

from alerts.limits import Measure
from alerts.severity import Certainty, Side, State
from ingest.projects.models import Project
from ingest.projects.scope import ScopedManager

STATES = [(state.value, state.value) for state in State]
SEVERITIES = [("warning", "warning"), ("critical", "critical")]


class AlertRule(models.Model):
    """A metric against a warning and a critical limit over a window, with a minimum sample."""

    class Scope(models.TextChoices):
        PROJECT = "project", "the whole project"
        FEATURE = "feature", "one feature"
        EVERY_FEATURE = "every_feature", "every feature by itself"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    preset = models.CharField(
        max_length=60, blank=True, default="", help_text="The preset it came from; empty: made by people."
    )
    name = models.CharField(max_length=120)
    metric = models.CharField(
        max_length=60, help_text="Empty: the metric of this preset does not exist yet.", blank=True
    )
    scope = models.CharField(max_length=20, choices=Scope.choices, default=Scope.PROJECT)
    feature_number = models.SmallIntegerField(default=0, help_text="With scope feature; else 0.")
    side = models.CharField(max_length=6, choices=[(side.value, side.value) for side in Side], default=Side.ABOVE.value)
    measure = models.CharField(
        max_length=20, choices=[(measure.value, measure.value) for measure in Measure], default=Measure.VALUE.value
    )
    certainty = models.CharField(
        max_length=10, choices=[(c.value, c.value) for c in Certainty], default=Certainty.VALUE.value
    )
    warning = models.FloatField(null=True, blank=True)
    critical = models.FloatField(null=True, blank=True)
    minimum_sample = models.PositiveIntegerField(default=0)
    window_minutes = models.PositiveIntegerField()
    every_minutes = models.PositiveIntegerField(help_text="0: once a local day, in windows of whole local days.")
    active_from = models.DateTimeField(help_text="No window that ends at or before it is judged.")
    is_paused = models.BooleanField(default=False)
    paused_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()

    objects = ScopedManager()

    class Meta:
        db_table = "alert_rule"
        constraints = [
            models.UniqueConstraint(fields=["project", "preset"], condition=~models.Q(preset=""), name="preset_once"),
        ]

    def __str__(self) -> str:
        return self.name


class RuleState(models.Model):
    """Where a rule stands for one feature (0: the whole project), and when its next window closes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="states")
    feature_number = models.SmallIntegerField(default=0)
    feature = models.CharField(
        max_length=100, blank=True, default="", help_text="The feature's name; empty: the whole project."
    )
    state = models.CharField(max_length=10, choices=STATES, default=State.LEARNING.value)
    since = models.DateTimeField(null=True, help_text="End of the window in which the state began.")
    judged_to = models.DateTimeField(
        help_text="End of the last judged window; before the first one, where judging begins."
    )
    due_at = models.DateTimeField(
        null=True, help_text="When the next window may be judged at the earliest; null while paused."
    )
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    sample_size = models.BigIntegerField(default=0)
    warning_at = models.FloatField(null=True, help_text="The limit of the last window in the metric's unit.")
    critical_at = models.FloatField(null=True)
    reference = models.FloatField(
        null=True, help_text="The baseline, window before or budget that the limits came from."
    )
    incident_severity = models.CharField(max_length=10, choices=SEVERITIES, blank=True, default="")
    calm = models.PositiveSmallIntegerField(default=0)
    dismissed = models.CharField(max_length=10, choices=SEVERITIES, blank=True, default="")

    objects = ScopedManager()

    class Meta:
        db_table = "rule_state"
        constraints = [models.UniqueConstraint(fields=["rule", "feature_number"], name="one_state_each")]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="rule_state_due")]

    def __str__(self) -> str:
        return f"{self.rule_id} of {self.feature or 'the project'}: {self.state}"


class Evaluation(models.Model):
    """One closed window, judged once: its key is the rule, the feature and the window's end."""

    pk = models.CompositePrimaryKey("project_id", "rule_id", "feature_number", "window_end")
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE)
    feature_number = models.SmallIntegerField(default=0)
    window_end = models.DateTimeField()
    window_start = models.DateTimeField()
    judged_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=STATES)
    step = models.CharField(max_length=10)
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    sample_size = models.BigIntegerField(default=0)
    warning_at = models.FloatField(null=True)
    critical_at = models.FloatField(null=True)

    objects = ScopedManager()

    class Meta:
        db_table = "evaluation"

    def __str__(self) -> str:
        return f"{self.rule_id} at {self.window_end:%Y-%m-%d %H:%M}: {self.state}"


class Incident(models.Model):
    """A time during which a rule stood at warning or critical for one feature."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="incidents")
    feature_number = models.SmallIntegerField(default=0)
    feature = models.CharField(max_length=100, blank=True, default="")
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    peak_severity = models.CharField(max_length=10, choices=SEVERITIES)
    since = models.DateTimeField(help_text="End of the first bad window, by the data's own time.")
    opened_at = models.DateTimeField(help_text="When it was judged.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(
        max_length=150, blank=True, default="", help_text="A name, kept when the person leaves."
    )
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=150, blank=True, default="", help_text="Empty: it recovered by itself.")
    window_start = models.DateTimeField(help_text="The last window that changed or confirmed it.")
    window_end = models.DateTimeField()
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    sample_size = models.BigIntegerField(default=0)
    warning_at = models.FloatField(null=True)
    critical_at = models.FloatField(null=True)
    reference = models.FloatField(null=True)

    objects = ScopedManager()

    class Meta:
        db_table = "incident"
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "feature_number"],
                condition=models.Q(resolved_at__isnull=True),
                name="one_open_incident_each",
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="incident_newest")]

    def __str__(self) -> str:
        return f"incident {self.pk}: {self.severity}"


class IncidentEvent(models.Model):
    """One thing that happened to an incident, in order of id."""

    class Kind(models.TextChoices):
        OPENED = "opened"
        WORSENED = "worsened"
        EASED = "eased"
        RESOLVED = "resolved"
        ACKNOWLEDGED = "acknowledged"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=15, choices=Kind.choices)
    at = models.DateTimeField()
    window_end = models.DateTimeField(null=True, help_text="Null: done by a person.")
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    previous = models.CharField(max_length=10, choices=SEVERITIES, blank=True, default="")
    value = models.FloatField(null=True)
    sample_size = models.BigIntegerField(default=0)
    by = models.CharField(max_length=150, blank=True, default="")
    note = models.CharField(max_length=300, blank=True, default="")

    objects = ScopedManager()

    class Meta:
        db_table = "incident_event"
        indexes = [models.Index(fields=["incident", "id"], name="incident_event_order")]

    def __str__(self) -> str:
        return f"{self.kind} {self.incident_id}"


class Recipient(models.Model):
    """An e-mail address that is told of incidents."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    email = models.EmailField(max_length=254)
    label = models.CharField(max_length=100, blank=True, default="")
    minimum_severity = models.CharField(max_length=10, choices=SEVERITIES, default="warning")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects = ScopedManager()

    class Meta:
        db_table = "recipient"
        constraints = [models.UniqueConstraint(fields=["project", "email"], name="recipient_once")]

    def __str__(self) -> str:
        return self.email


class Webhook(models.Model):
    """An address that gets a signed POST for each incident's opening, worsening and end.

    The secret is kept as it is: signing needs it. Only the project's own rows and a database dump show it.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    url = models.CharField(max_length=2000)
    label = models.CharField(max_length=100, blank=True, default="")
    secret = models.CharField(max_length=100)
    minimum_severity = models.CharField(max_length=10, choices=SEVERITIES, default="warning")
    is_active = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()

    objects = ScopedManager()

    class Meta:
        db_table = "webhook"

    def __str__(self) -> str:
        return self.label or self.url


class Delivery(models.Model):
    """One message to one receiver: the outbox. Written with the transition, claimed by a lease, sent, then marked."""

    class Kind(models.TextChoices):
        OPENED = "opened"
        WORSENED = "worsened"
        RESOLVED = "resolved"
        TEST = "test"
        DISABLED = "disabled"

    class State(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed", "failed: no attempt is left"
        FOLDED = "folded", "folded into a later message about the same incident"
        DROPPED = "dropped", "dropped: the receiver was switched off"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    message_id = models.CharField(max_length=40, unique=True, help_text="Stays the same over all attempts.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, null=True, related_name="deliveries")
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, null=True)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, null=True)
    content = models.JSONField(help_text="The facts, as they were at the transition; every form is made of them.")
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    lease = models.CharField(max_length=40, blank=True, default="")
    finished_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True, default="")

    objects = ScopedManager()

    class Meta:
        db_table = "delivery"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(recipient__isnull=False, webhook__isnull=True)
                | models.Q(recipient__isnull=True, webhook__isnull=False),
                name="delivery_has_one_receiver",
            ),
        ]
        indexes = [models.Index(fields=["next_attempt_at"], condition=models.Q(state="pending"), name="delivery_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}: {self.state}"
