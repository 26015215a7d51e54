"""The only doors to a project's data.

Two walls stand between projects. The first is here: every scoped manager and every statement asks `current_project()`,
which refuses outside a scope. The second is PostgreSQL's row-level security, which reads the setting that the scope
makes for its transaction.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, models

from ingest.projects import keys
from ingest.projects.models import Membership, Project
from ingest.projects.scope import NoProjectScope, current_project, project_scope

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

__all__ = [
    "KeyHolder",
    "NoProjectScope",
    "current_project",
    "every_project",
    "holder_of",
    "project_for",
    "project_scope",
    "projects_of",
    "role_in",
]

KEY_CACHE_SECONDS = 4.0
HOLDER = """
    SELECT key_id, project_id, public, scopes, time_zone, text_policy, raw_horizon, raw_days, cors_origins,
           events_per_second, bytes_per_second
    FROM key_holder(%s)
"""


@dataclass(frozen=True)
class KeyHolder:
    """Whose key a request carries and what it may do."""

    key_id: int
    project_id: int
    public: str
    scopes: frozenset[str]
    time_zone: str
    text_policy: str = "full"
    raw_horizon: datetime | None = None
    raw_days: int = 400
    cors_origins: str = ""
    events_per_second: int | None = None
    bytes_per_second: int | None = None


_cache: dict[bytes, tuple[float, KeyHolder | None]] = {}


def holder_of(key: str) -> KeyHolder | None:
    """Who a key belongs to; None for an unknown, malformed or revoked one.

    Answers are kept for a few seconds, so a revoked key dies everywhere within five.
    """
    if not keys.is_well_formed(key):
        return None
    digest = keys.hashed(key)
    moment = time.monotonic()
    known = _cache.get(digest)
    if known and known[0] > moment:
        return known[1]
    with connection.cursor() as cursor:
        cursor.execute(HOLDER, [digest])
        row = cursor.fetchone()
    holder = _holder(*row) if row else None
    if len(_cache) > 10_000:
        _cache.clear()
    _cache[digest] = (moment + KEY_CACHE_SECONDS, holder)
    return holder


def _holder(key_id: int, project_id: int, public: str, scopes: str, *decided: Any) -> KeyHolder:
    return KeyHolder(key_id, project_id, public, frozenset(scopes.split(",")), *decided)


def projects_of(user: "AbstractBaseUser | AnonymousUser") -> models.QuerySet[Project]:
    """The projects a person is a member of, by name."""
    return Project.objects.filter(membership__user_id=user.pk or 0).order_by("name")


def project_for(user: "AbstractBaseUser | AnonymousUser", slug: str) -> Project:
    """A member's project by its slug. Raises Project.DoesNotExist for strangers and for no such project alike."""
    return projects_of(user).get(slug=slug)


def role_in(user: "AbstractBaseUser | AnonymousUser", project: Project) -> str:
    """The person's role in a project, or an empty text."""
    return Membership.objects.filter(project=project, user_id=user.pk or 0).values_list("role", flat=True).first() or ""


def every_project() -> list[Project]:
    """All projects, oldest first: for jobs, which open a scope for each in turn."""
    return list(Project.objects.order_by("id"))
