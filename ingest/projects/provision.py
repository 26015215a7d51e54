"""Making projects, keys and members: what commands, the first start and the settings page share."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from ingest.projects import keys
from ingest.projects.models import ApiKey, Membership, Project
from ingest.projects.scope import project_scope

RESERVED = {"api", "healthz", "metrics", "readyz", "sign-in", "sign-out", "static"}
"""Names of addresses of the product's own, which a project's pages would be mistaken for."""


def project_named(name: str, *, now: datetime, time_zone: str = "UTC") -> Project:
    """The project of this name, made if there is none. Two that are named alike at the same moment stay two.

    Every administrator owns a new project: else nobody could open it.
    """
    known = Project.objects.filter(name=name).order_by("id").first()
    return known or _new_project(name, now, time_zone)


def _new_project(name: str, now: datetime, time_zone: str) -> Project:
    base = slugify(name)[:50] or "project"
    for number in range(2 if base in RESERVED else 1, 1000):
        slug = base if number == 1 else f"{base}-{number}"
        try:
            with transaction.atomic():
                project = Project.objects.create(slug=slug, name=name, time_zone=time_zone, created_at=now)
                let_administrators_in(project)
                return project
        except IntegrityError:
            continue
    raise ValueError(f"a thousand projects are called {name!r}")


def let_administrators_in(project: Project) -> None:
    """Make every administrator who is no member yet an owner of the project."""
    administrators = User.objects.filter(is_superuser=True, is_active=True)
    Membership.objects.bulk_create(
        [Membership(project=project, user=user) for user in administrators], ignore_conflicts=True
    )


def add_member(project: Project, username: str, role: str, *, email: str = "") -> str | None:
    """Give a person a role in a project, whatever role they had. Gives the password of an account made for them.

    Raises ValidationError for a name or an address that cannot be, or for a role that is none.
    """
    with transaction.atomic():
        user = User.objects.filter(username=username).first()
        password = None
        if user is None:
            password = secrets.token_urlsafe(12)
            user = User(username=username, email=email)
            user.set_password(password)
            user.full_clean()
            user.save()
        member = Membership.objects.filter(project=project, user=user).first() or Membership(project=project, user=user)
        member.role = role
        member.full_clean()
        member.save()
    return password


def remove_member(project: Project, username: str) -> bool:
    """Take a person out of a project; False for who is no member."""
    return bool(Membership.objects.filter(project=project, user__username=username).delete()[0])


def issue_key(project_id: int, scopes: Iterable[str], *, now: datetime, label: str = "", by: User | None = None) -> str:
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
