"""The JSON that a webhook receives. Its schema is pinned in docs/reference/webhooks.md; a test compares both."""

from typing import Any

from alerts.messages import links, sentences
from alerts.messages.notice import Envelope, Notice, Plain
from alerts.messages.wording import plain, rfc3339


def of_incident(notice: Notice, envelope: Envelope) -> dict[str, Any]:
    """`incident.opened`, `incident.worsened` or `incident.resolved`, with everything a machine needs to act."""
    return {
        "type": f"incident.{notice.kind}",
        "timestamp": rfc3339(notice.judged_at),
        "data": {
            "summary": plain(sentences.headline(notice)),
            "project": {"slug": notice.slug, "name": notice.project},
            "incident": _incident(notice, envelope),
            "rule": _rule(notice),
            "reading": _reading(notice),
            "links": {
                "metric": links.metric(notice, envelope.public_url),
                "interactions": links.interactions(notice, envelope.public_url),
            },
            "missed": [{"kind": item.kind, "severity": item.severity, "at": item.at} for item in envelope.missed],
        },
    }


def of_plain(message: Plain) -> dict[str, Any]:
    """`test`: a trial that somebody asked for on the settings page."""
    return {
        "type": message.kind,
        "timestamp": message.at,
        "data": {"summary": message.text, "project": {"slug": message.slug, "name": message.project}},
    }


def _incident(notice: Notice, envelope: Envelope) -> dict[str, Any]:
    return {
        "id": notice.incident_id,
        "url": links.incident(notice, envelope.public_url),
        "state": "resolved" if notice.kind == "resolved" else "open",
        "severity": notice.severity,
        "previous_severity": notice.previous or None,
        "peak_severity": notice.peak_severity,
        "since": rfc3339(notice.since),
        "opened_at": rfc3339(notice.opened_at),
        "acknowledged_at": rfc3339(notice.acknowledged_at) if notice.acknowledged_at else None,
        "acknowledged_by": notice.acknowledged_by or None,
        "resolved_at": rfc3339(notice.resolved_at) if notice.resolved_at else None,
        "resolved_by": notice.resolved_by or None,
    }


def _rule(notice: Notice) -> dict[str, Any]:
    return {
        "name": notice.rule,
        "metric": notice.metric,
        "unit": notice.unit,
        "bad_side": notice.side,
        "warning_at": notice.warning_at,
        "critical_at": notice.critical_at,
        "minimum_sample": notice.minimum_sample,
    }


def _reading(notice: Notice) -> dict[str, Any]:
    reference = {"kind": notice.reference_kind, "value": notice.reference}
    return {
        "feature": notice.feature or None,
        "value": notice.value,
        "interval": None if notice.low is None or notice.high is None else [notice.low, notice.high],
        "sample_size": notice.sample_size,
        "from": rfc3339(notice.window_start),
        "to": rfc3339(notice.window_end),
        "reference": reference if notice.reference is not None and notice.reference_kind else None,
    }
