"""Where a message leads: exact views, with absolute times."""

from urllib.parse import quote, urlencode

from alerts.messages.notice import Notice
from alerts.messages.wording import rfc3339
from ingest.dimensions import MARKS
from observatory.metrics.definitions import cost, engagement, health, quality

PAGES = {
    metric.name: page
    for page, metrics in (
        ("health", health.METRICS),
        ("quality", quality.METRICS),
        ("cost", cost.METRICS),
        ("engagement", engagement.METRICS),
    )
    for metric in metrics
}

FAILED = {"status": "error"}
BEHIND: dict[str, dict[str, str]] = {
    **{name: FAILED for name in PAGES if name.endswith(("error_rate", "timeout_rate", "rate_limited_rate"))},
    **dict.fromkeys(("availability", "uptime", "minutes_down"), FAILED),
    "thumbs_up_rate": {"thumb": "down"},
    "unpriced_calls": {"cost": "unpriced"},
    "outlier_rate": {"mark": "any"},
    **{f"outlier_{mark}_rate": {"mark": mark} for mark in MARKS},
}
"""Metric → the filter of the list of interactions that leaves those which make it bad; of others all are shown."""


def page_of(metric: str) -> str:
    """The dashboard that shows a metric."""
    return PAGES.get(metric, "health")


def incident(notice: Notice, public_url: str) -> str:
    """The incident's page."""
    return incident_page(notice.slug, notice.incident_id, public_url)


def incident_page(slug: str, incident_id: int, public_url: str) -> str:
    """An incident's page by its number."""
    return f"{public_url}/{quote(slug)}/incidents/{incident_id}/"


def metric(notice: Notice, public_url: str) -> str:
    """The metric's dashboard over exactly the judged window, for exactly this feature."""
    return f"{public_url}/{quote(notice.slug)}/{page_of(notice.metric)}/?{_window(notice)}"


def interactions(notice: Notice, public_url: str) -> str:
    """The interactions behind the number: of what went wrong those alone."""
    filters = BEHIND.get(notice.metric, {})
    return (
        f"{public_url}/{quote(notice.slug)}/interactions/?{urlencode(filters)}{'&' if filters else ''}{_window(notice)}"
    )


def settings(slug: str, public_url: str) -> str:
    """Where receivers and rules are changed."""
    return f"{public_url}/{quote(slug)}/settings/receivers/"


def _window(notice: Notice) -> str:
    feature = {"feature": notice.feature} if notice.feature else {}
    return urlencode({**feature, "from": rfc3339(notice.window_start), "to": rfc3339(notice.window_end)}, safe=":")
