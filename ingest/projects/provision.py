"""Making projects and keys: what commands, the first start and the settings page share."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from ingest.projects import keys
from ingest.projects.models import ApiKey, Project
from ingest.projects.scope import project_scope

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def project_named(name: str, *, now: datetime, time_zone: str = "UTC") -> Project:
    """The project of this name, made if there is none. Two that are named alike at the same moment stay two."""
    known = Project.objects.filter(name=name).order_by("id").first()
    return known or _new_project(name, now, time_zone)


def _new_project(name: str, now: datetime, time_zone: str) -> Project:
    base = slugify(name)[:50] or "project"
    for number in range(1, 1000):
        slug = base if number == 1 else f"{base}-{number}"
        try:
            with transaction.atomic():
                return Project.objects.create(slug=slug, name=name, time_zone=time_zone, created_at=now)
        except IntegrityError:
            continue
    raise ValueError(f"a thousand projects are called {name!r}")


def issue_key(
    project_id: int, scopes: Iterable[str], *, now: datetime, label: str = "", by: "User | None" = None
) -> str:
    """Make a key of a project and return its text: the only time it is seen. Raises ValueError for scopes that are none."""
    new = keys.make()
    with project_scope(project_id):
        ApiKey.objects.create(
            public=new.public,
            key_hash=new.key_hash,
            scopes=",".join(keys.checked(scopes)),
            label=label,
            created_at=now,
            created_by=by,
        )
    return new.text


def revoke_key(project_id: int, public: str, *, now: datetime) -> bool:
    """End a key's life, within five seconds everywhere; False when the project has no such living key."""
    with project_scope(project_id):
        return bool(ApiKey.objects.filter(public=public, revoked_at=None).update(revoked_at=now))
