"""The frame around every page of a project: navigation, and the verdict strip with its version."""

from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING

from alerts.models import Incident
from dashboards import formatting
from dashboards.components import Link, NavItem, Shell, State, Strip, worst
from ingest.projects import access

if TYPE_CHECKING:
    from dashboards.view import View

PAGES = (
    ("Overview", "", "o"),
    ("Health", "health/", "h"),
    ("Quality", "quality/", "q"),
    ("Cost", "cost/", "c"),
    ("Engagement", "engagement/", "e"),
    ("Drift", "drift/", "d"),
    ("Incidents", "incidents/", "i"),
    ("Interactions", "interactions/", "l"),
)
TOOLS = (("Status", "status/", "s"), ("Settings", "settings/", ""))
USERS_LAG = timedelta(minutes=1)
"""Numbers of users that are this much older than the others say of when they are."""


def _item(view: "View", text: str, path: str, key: str, count: int = 0) -> NavItem:
    here = view.request.path.removeprefix(f"/{view.project.slug}/")
    is_current = here == path if path == "" else here.startswith(path)
    filters = (
        view.choice.query() if view.request.GET and path in {"", "health/", "quality/", "cost/", "engagement/"} else ""
    )
    return NavItem(text, view.url(path) + filters, is_current, key, count)


def state_of_incidents(open_incidents: list[Incident]) -> State:
    """The worst severity among open incidents; OK when there is none."""
    return worst([State(incident.severity) for incident in open_incidents])


def frame(view: "View") -> Shell:
    """Navigation, project switcher, sign-out."""
    opened = view.open_incidents
    return Shell(
        project=view.project.name,
        nav=tuple(
            _item(view, text, path, key, len(opened) if path == "incidents/" else 0) for text, path, key in PAGES
        ),
        tools=tuple(_item(view, text, path, key) for text, path, key in TOOLS),
        projects=tuple(Link(one.name, f"/{one.slug}/") for one in access.projects_of(view.request.user)),
        user=view.request.user.get_username(),
        sign_out_url="/sign-out/",
        search_url=view.url("interactions/"),
        state=state_of_incidents(opened),
        open_incidents=len(opened),
    )


def strip(view: "View") -> Strip:
    """How things stand, how far the numbers reach, and a version that moves when any of it does."""
    opened = view.open_incidents
    coverage = view.coverage
    facts = []
    if coverage.last_interaction_at:
        facts.append(f"complete to {formatting.moment(coverage.complete_to, view.zone, view.now)}")
        if coverage.complete_to - view.reader.users_complete_to >= USERS_LAG:
            facts.append(f"users to {formatting.moment(view.reader.users_complete_to, view.zone, view.now)}")
        if coverage.waits_from:
            facts.append(f"history from {formatting.moment(coverage.waits_from, view.zone, view.now)} is being counted")
        facts.append(f"feedback mature to {formatting.moment(coverage.mature_to, view.zone, view.now)}")
    seen = [
        str(coverage.changed_at),
        str(coverage.waits_from),
        *(f"{one.pk}:{one.severity}:{one.acknowledged_at}" for one in opened),
    ]
    return Strip(
        state=state_of_incidents(opened),
        verdict=f"{len(opened)} open incident{'' if len(opened) == 1 else 's'}" if opened else "No open incidents",
        verdict_url=view.url("incidents/"),
        facts=tuple(facts),
        last_interaction=coverage.last_interaction_at,
        poll_url=view.url("strip/"),
        version=blake2b("|".join(seen).encode(), digest_size=8).hexdigest(),
        open_incidents=len(opened),
    )
