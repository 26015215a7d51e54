"""What an empty product needs before anybody can sign in: an admin, a project, a key."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from ingest.projects import keys
from ingest.projects.access import project_scope
from ingest.projects.models import ApiKey, Membership, Project

ADMIN = "admin"
PROJECT = "My product"
SCOPES = "ingest,read"


@dataclass(frozen=True)
class First:
    """The secrets of a first start. They are stored as hashes only: whoever gets this must show it."""

    project: str
    password: str
    key: str


def create(now: datetime) -> First | None:
    """Make the first admin, project and key, all or none; None when anybody can sign in already."""
    with transaction.atomic():
        if User.objects.exists():
            return None
        password = secrets.token_urlsafe(12)
        admin = User.objects.create_superuser(ADMIN, email="", password=password)
        project = Project.objects.create(slug="my-product", name=PROJECT, created_at=now)
        Membership.objects.create(project=project, user=admin, role=Membership.Role.OWNER)
        key = keys.make()
        with project_scope(project.pk):
            ApiKey.objects.create(
                public=key.public,
                key_hash=key.key_hash,
                scopes=SCOPES,
                label="first key",
                created_at=now,
                created_by=admin,
            )
        return First(project.name, password, key.text)
