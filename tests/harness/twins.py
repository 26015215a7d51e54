"""Two projects that are alike but for their canary: a word that stands in every stored text of one project only."""

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx2
from django.contrib.auth.models import User
from django.db import connection

from alerts import receivers
from alerts.models import AlertRule, Delivery, Evaluation, Incident, IncidentEvent, Recipient, RuleState, Webhook
from ingest import timeline
from ingest.models import PriceOverride
from ingest.projects import keys
from ingest.projects.models import ApiKey, Feature, Membership, Project
from ingest.projects.scope import project_scope
from observatory.drift.models import Baseline, Finding
from observatory.metrics import provider_limits
from observatory.metrics.baselines import pinning

PASSWORD = "correct horse battery"
DAYS, CALLS_A_DAY = 42, 8
FALL = 8  # the last days, in which thumbs turn down: a finding
Send = Callable[[str, Sequence[Mapping[str, Any]], str], httpx2.Response]
OWN_NAMES = (
    "model", "served_model", "provider", "session_id", "trace_id", "span_id", "parent_id", "segment", "tier", "language",
    "query_type", "region", "environment", "release", "prompt_name", "prompt_version", "feature",
)  # fmt: skip
# Texts chosen by us, or not readable as text: the canary cannot stand there.
CHOSEN = {
    "api_key.public", "api_key.scopes", "feature.type", "feature.stakes", "change_event.kind", "change_event.source",
    "alert_rule.scope", "alert_rule.side", "alert_rule.measure", "alert_rule.certainty", "alert_rule.metric",
    "rule_state.state", "rule_state.incident_severity", "rule_state.dismissed", "evaluation.state", "evaluation.step",
    "incident.severity", "incident.peak_severity", "incident_event.kind", "incident_event.severity",
    "incident_event.previous", "recipient.minimum_severity", "webhook.minimum_severity", "delivery.kind", "delivery.state",
    "drift_series.state", "drift_series.signal", "drift_series.seen", "drift_series.points", "drift_series.lacking",
    "drift_baseline.content", "drift_finding.direction", "drift_finding.effect", "rolled.time_zone", "zone_seam.zone", "forecast.time_zone", "forecast.outlook", "forecast.whole_months", "payload.cut", "payload.descriptors",
    "membership.role", "erasure.state", "erasure.step", "erasure.place", "erasure.counts",
}  # fmt: skip


@dataclass
class Twin:
    """One of the two: its project, a member, a key, and what its things are called."""

    project: Project
    canary: str
    user: User
    key: str
    numbers: dict[str, list[int]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def alias(self, what: str) -> str:
        """A name without the canary: for what others may try to use, and so would store as words of their own."""
        return f"{self.project.slug}-{what}"

    def word(self, what: str) -> str:
        """A text that nobody but this project may see."""
        return f"{self.canary}-{what}"


def raise_twin(letter: str, send: Send, *, extra_calls: int = 0) -> Twin:
    """Make a project with something in every table, through the HTTP API wherever apps would use it."""
    now = timeline.now()
    canary = f"canary{letter}{secrets.token_hex(4)}"
    project = Project.objects.create(
        slug=f"twin-{letter}-{secrets.token_hex(3)}", name=f"{canary}-project", description=f"{canary}-described",
        created_at=now - timedelta(days=90), cors_origins=f"https://{canary}-origin.example.org",
    )  # fmt: skip
    user = User.objects.create_user(f"{canary}-member", password=PASSWORD)
    Membership.objects.create(project=project, user=user)
    twin = Twin(project, canary, user, _key(project, user, f"{canary}-api_key", now))
    _send_record(twin, send, now, extra_calls)
    _run_duties(twin, now)
    _send(twin, send, "interactions", [{**_call(twin, now, 0, 0), "id": twin.word("not-rolled-up")}])
    with project_scope(project.id):
        _fill_settings(twin, now)
        _open_incidents(twin, now)
        _begin_erasure(twin, now)
        _pin_baselines(twin, now)
        _leave_past_unread(twin, now)
        _leave_a_month_unmerged(twin)
        _note_numbers(twin)
    _send_mail(twin)
    return twin


def _leave_a_month_unmerged(twin: Twin) -> None:
    """A mark of a user whose day has changed: the roller would take it away."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO unmerged_user (project_id, month, cluster)"
            " SELECT project_id, month, cluster FROM user_month WHERE project_id = %s LIMIT 1",
            [twin.project.id],
        )


def _key(project: Project, user: User, label: str, now: datetime) -> str:
    new = keys.make("test")
    with project_scope(project.id):
        ApiKey.objects.create(
            public=new.public, key_hash=new.key_hash, scopes="ingest,read", label=label, created_at=now, created_by=user
        )
    return new.text


def _send_record(twin: Twin, send: Send, now: datetime, extra_calls: int) -> None:
    calls = [_call(twin, now, day, n) for day in range(DAYS) for n in range(CALLS_A_DAY)]
    last = {**calls[-1], "occurred_at": (now - timedelta(minutes=5)).isoformat()}
    calls += [{**last, "id": twin.word(f"recent-{n:03}")} for n in range(3 + extra_calls)]
    calls[-1] |= {"status": "error", "error_class": "server", "error_message": twin.word("error_message")}
    thumbs = [
        _thumb(twin, call, day, n)
        for call, (day, n) in zip(calls, itertools.product(range(DAYS), range(CALLS_A_DAY)), strict=False)
    ]
    first, newest = twin.alias("call"), twin.alias("newest")
    calls[0]["id"], calls[-2]["id"] = first, newest
    said: list[dict[str, Any]] = [
        {"kind": "flag", "category": twin.word("flag"), "comment": twin.word("comment"), "interaction_id": newest, "id": twin.word("flag-id")},
        {"kind": "evaluation", "name": twin.word("judge"), "label": twin.word("label"), "score": 0.5, "interaction_id": newest},
        {"kind": "correction", "final_text": twin.word("final_text"), "interaction_id": newest},
        {"kind": "thumb", "value": "up", "interaction_id": twin.word("interaction_id"), "id": twin.word("orphan"), "user_id": twin.word("user_id")},
        *({"kind": "escalation", reference: twin.word(reference), "id": twin.word(f"alone-{reference}"), "user_id": twin.word("user_id")}
          for reference in ("trace_id", "span_id", "session_id")),
    ]  # fmt: skip
    costs: list[dict[str, Any]] = [
        {"id": twin.word("cost"), "component": "retrieval", "amount_usd": "0.01", "interaction_id": newest, "description": twin.word("linked")},
        {"id": twin.word("late"), "component": "retrieval", "amount_usd": "0.01", "interaction_id": calls[1]["id"]},
        {"id": twin.word("bill"), "component": "infrastructure", "amount_usd": "5", "feature": twin.word("feature"), "description": twin.word("bill"),
         "period_from": (now - timedelta(days=2)).isoformat(), "period_to": now.isoformat()},
    ]  # fmt: skip
    change = {
        "id": twin.alias("change"), "kind": "prompt", "title": twin.word("change-title"), "feature": twin.word("feature"),
        "version": twin.word("version"), "url": f"https://example.org/{twin.word('change-url')}", "note": twin.word("note"),
        "occurred_at": (now - FALL * timeline.DAY).isoformat(),
    }  # fmt: skip
    changes = [change, {**change, "id": twin.word("change")}]
    person = {
        "id": twin.alias("user-event"), "user_id": twin.word("user_id-1"), "event": "activated", "segment": twin.word("segment"), "tier": twin.word("tier"),
    }  # fmt: skip
    figure = {
        "id": twin.alias("figure"),
        "month": "2026-01",
        "name": "revenue_usd",
        "value": "99.5",
        "tier": twin.word("tier"),
    }
    sent: dict[str, list[dict[str, Any]]] = {
        "interactions": [*calls, _too_old(twin, now)], "feedback": [*thumbs, *said], "costs": costs, "changes": changes,
        "users": [person, {**person, "id": twin.word("user-event")}], "figures": [figure, {**figure, "id": twin.word("figure")}],
    }  # fmt: skip
    for path, items in sent.items():
        _send(twin, send, path, [{**item, twin.word("unknown"): 1} for item in items])
    twin.names["interaction"] = [first, newest]


def _send(twin: Twin, send: Send, path: str, items: Sequence[Mapping[str, Any]]) -> None:
    answer = send(path, items, twin.key)
    assert answer.status_code == 200, answer.text[:2000]


def _call(twin: Twin, now: datetime, day: int, number: int) -> dict[str, Any]:
    at = now - timedelta(days=DAYS + 2 - day) + timedelta(minutes=number)
    return {
        "id": twin.word(f"call-{day:02}-{number}"), "occurred_at": at.isoformat(), "prompt": twin.word("prompt"),
        "output": twin.word("output"), "user_id": twin.word(f"user_id-{number % 5}"), "latency_ms": 900, "input_tokens": 120,
        "output_tokens": 60, "metadata": {twin.word("metadata"): twin.word("metadata-value")},
        "retrieval": {"documents": [{"id": twin.word("document"), "score": 0.9}]}, **{name: twin.word(name) for name in OWN_NAMES},
    }  # fmt: skip


def _too_old(twin: Twin, now: datetime) -> dict[str, Any]:
    """What is counted as late and in no chart."""
    at = now - timedelta(days=500)
    return {"id": twin.word("late-call"), "feature": twin.word("feature"), "occurred_at": at.isoformat()}


def _thumb(twin: Twin, call: Mapping[str, Any], day: int, number: int) -> dict[str, Any]:
    is_up = number % 4 > 0 and day < DAYS - FALL
    return {
        "id": twin.word(f"thumb-{day:02}-{number}"), "kind": "thumb", "value": "up" if is_up else "down",
        "interaction_id": call["id"], "occurred_at": call["occurred_at"], "comment": twin.word("thumb-comment"),
    }  # fmt: skip


def _run_duties(twin: Twin, now: datetime) -> None:
    """Read, roll up and look for drift as the workers would."""
    from ingest.digest import reader
    from observatory.drift import runs
    from observatory.metrics import roller

    reader.read(timeline.now(), only={twin.project.id}, everything=True)
    roller.roll(now, only={twin.project.id}, everything=True)
    runs.run(now, only={twin.project.id}, budget_s=None, is_settled=True)


def _fill_settings(twin: Twin, now: datetime) -> None:
    """What people type into the settings pages."""
    Feature.objects.update(owner=twin.word("owner"))
    Baseline.objects.update(accepted_by=twin.word("accepted"))
    Finding.objects.update(resolved_by=twin.word("finding-resolved"))
    PriceOverride.objects.create(
        model=twin.word("model"), provider=twin.word("provider"), valid_from=now.date(), input_usd_per_million=1,
        output_usd_per_million=2, label=twin.word("price"),
    )  # fmt: skip
    provider_limits.enter(provider_limits.Limit(twin.word("provider"), twin.word("model"), 100))
    Recipient.objects.create(email=f"{twin.canary}@example.org", label=twin.word("recipient"), created_at=now)
    Webhook.objects.create(
        url=f"https://example.org/{twin.word('webhook')}", label=twin.word("webhook-label"), secret=twin.word("secret"),
        disabled_reason=twin.word("disabled"), created_at=now,
    )  # fmt: skip


def _begin_erasure(twin: Twin, now: datetime) -> None:
    """An erasure that has begun and will not go on: it is due in many years."""
    values = [
        twin.project.id,
        b"stone",
        twin.word("user_id-1"),
        now,
        twin.word("requested_by"),
        now + 9_000 * timeline.DAY,
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO erasure (project_id, number, tombstone, user_id, requested_at, requested_by, due_at, state)"
            " VALUES (%s, 1, %s, %s, %s, %s, %s, 'running')",
            values,
        )
        cursor.execute(
            "INSERT INTO erasure_trace (project_id, number, kind, id) VALUES (%s, 1, 1, %s)",
            [twin.project.id, twin.word("trace")],
        )


def _pin_baselines(twin: Twin, now: datetime) -> None:
    """One baseline whose name others may have heard of, and one with the canary in every text."""
    first = (now - timedelta(days=DAYS)).date()
    window = pinning.window_of(str(first), str(first + timedelta(days=14)), "UTC")
    for name in (twin.alias("baseline"), twin.word("baseline")):
        pinning.pin(name, window, note=twin.word("baseline-note"), by=twin.word("pinned-by"), now=now)
    twin.names["baseline"] = [twin.alias("baseline")]


def _leave_past_unread(twin: Twin, now: datetime) -> None:
    """A mark of how far old texts were read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO unread_past (project_id, reached, reached_id, until) VALUES (%s, %s, %s, %s)",
            [twin.project.id, now, twin.word("reached"), now],
        )


def _open_incidents(twin: Twin, now: datetime) -> None:
    """One rule that stands at critical for a feature, with all that follows from it, and one for the whole project."""
    feature = Feature.objects.get(name=twin.word("feature"))
    incident = _open_incident(twin, now, "feature", feature.number, feature.name)
    _open_incident(twin, now, "project", 0, "")
    IncidentEvent.objects.create(
        incident=incident, kind="acknowledged", at=now, severity="critical", by=twin.word("by"), note=twin.word("event-note")
    )  # fmt: skip
    Delivery.objects.create(
        message_id=twin.word("message")[:40], kind="opened", incident=incident, webhook=Webhook.objects.get(), content={"x": twin.word("content")},
        created_at=now, state="failed", next_attempt_at=now, finished_at=now, last_error=twin.word("last_error"), lease=twin.word("lease")[:40],
    )  # fmt: skip


def _open_incident(twin: Twin, now: datetime, scope: str, number: int, feature: str) -> Incident:
    start = now - timeline.DAY
    rule = AlertRule.objects.create(
        preset=twin.word(f"preset-{scope}"), name=twin.word(f"rule-{scope}"), metric="thumbs_up_rate", scope=scope, side="below",
        warning=0.7, critical=0.6, window_minutes=1440, every_minutes=0, active_from=now, created_at=now,
        paused_reason=twin.word("paused"), feature_number=number,
    )  # fmt: skip
    RuleState.objects.create(
        rule=rule, feature=feature, state="critical", since=now, judged_to=now, value=0.4, feature_number=number
    )
    Evaluation.objects.create(
        rule=rule,
        judged_at=now,
        state="critical",
        step="opened",
        value=0.4,
        feature_number=number,
        window_start=start,
        window_end=now,
    )
    return Incident.objects.create(
        rule=rule, feature=feature, severity="critical", peak_severity="critical", since=now - timeline.HOUR, opened_at=now,
        acknowledged_by=twin.word("acknowledged"), resolved_by=twin.word("resolved"), value=0.4, warning_at=0.7, critical_at=0.6,
        feature_number=number, window_start=start, window_end=now,
    )  # fmt: skip


def _note_numbers(twin: Twin) -> None:
    kinds: dict[str, Any] = {
        "incident": Incident, "rule": AlertRule, "key": ApiKey, "recipient": Recipient, "webhook": Webhook, "finding": Finding,
    }  # fmt: skip
    for name, kind in kinds.items():
        twin.numbers[name] = sorted(kind.objects.values_list("pk", flat=True))
        assert twin.numbers[name], f"the twin has no {name}"
    twin.numbers["feature"] = sorted(Feature.objects.values_list("number", flat=True))


def _send_mail(twin: Twin) -> None:
    """A trial mail into the project's mail folder."""
    from alerts import dispatch

    with project_scope(twin.project.id):
        receivers.send_test(Recipient.objects.get())
    dispatch.send_due(only={twin.project.id}, budget_s=10)
    from alerts import mailbox

    with project_scope(twin.project.id):
        twin.names["mail"] = [mail.name for mail in mailbox.messages()]
    assert twin.names["mail"], "the twin has no mail"


def text_columns() -> list[tuple[str, str]]:
    """Every (table, column) of the record that holds text or JSON of one project."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c"
            " JOIN information_schema.columns p USING (table_schema, table_name)"
            " WHERE c.table_schema = 'public' AND p.column_name = 'project_id'"
            " AND c.data_type IN ('text', 'character varying', 'jsonb') ORDER BY 1, 2"
        )
        return [(table, column) for table, column in cursor.fetchall() if f"{table}.{column}" not in CHOSEN]


def columns_without(twin: Twin) -> list[str]:
    """The text columns in which this twin has no canary."""
    bare = []
    with connection.cursor() as cursor:
        for table, column in text_columns():
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM {table} WHERE project_id = %s AND "{column}"::text LIKE %s)',  # names from the catalogue
                [twin.project.id, f"%{twin.canary}%"],
            )
            if not cursor.fetchone()[0]:
                bare.append(f"{table}.{column}")
    return bare


def fingerprint(twin: Twin) -> dict[str, str]:
    """A hash of every table's rows of a project."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'project_id' ORDER BY 1"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t WHERE project_id = %s",
                [twin.project.id],
            )
            found[table] = cursor.fetchone()[0]
    return found
